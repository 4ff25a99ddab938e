using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads a <c>.safetensors</c> file: eight bytes of header length, a JSON header that gives type, shape and place of every tensor,
/// then the raw little-endian data. Nothing is read before the header has been checked against the file's size.
/// </summary>
/// <remarks>Format: huggingface/safetensors.</remarks>
internal sealed class Safetensors : Checkpoint
{
    private const int MaxHeaderBytes = 100_000_000;

    private readonly string _path;
    private readonly FileStream _file;
    private readonly Dictionary<string, Entry> _entries;

    private Safetensors(string path, FileStream file, Dictionary<string, Entry> entries) =>
        (_path, _file, _entries) = (path, file, entries);

    private sealed record Entry(string Type, int[] Shape, long Offset, int Length);

    public override IReadOnlyCollection<string> Names => _entries.Keys;

    /// <exception cref="InvalidDataException">The file is not a well-formed safetensors file.</exception>
    public static new Safetensors Open(string path)
    {
        var file = File.OpenRead(path);
        try
        {
            return new Safetensors(path, file, ReadHeader(path, file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override int[] Shape(string name) => _entries[name].Shape;

    public override bool Contains(string name) => _entries.ContainsKey(name);

    /// <exception cref="InvalidDataException">There is no such tensor, or its shape is not the expected one.</exception>
    public override Tensor Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw new InvalidDataException($"'{_path}' has no tensor '{name}'. It has: {string.Join(", ", _entries.Keys.Take(8))}, …");

        var bytes = new byte[entry.Length];
        _file.Position = entry.Offset;
        _file.ReadExactly(bytes);
        return entry.Type == "F16"
            ? new Tensor(Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), half => (float)half), isHalf: true, entry.Shape)
            : new Tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), isHalf: false, entry.Shape);
    }

    public override void Dispose()
    {
        _file.Dispose();
        base.Dispose();
    }

    private static Dictionary<string, Entry> ReadHeader(string path, FileStream file)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (file.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw Invalid(path, "it is shorter than its eight-byte prefix");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeaderBytes || headerLength > (ulong)(file.Length - 8))
            throw Invalid(path, $"its header claims {headerLength} bytes in a file of {file.Length}");

        var header = new byte[headerLength];
        file.ReadExactly(header);
        var data = 8 + (long)headerLength;
        var entries = new Dictionary<string, Entry>();
        try
        {
            using var json = JsonDocument.Parse(header);
            foreach (var property in json.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__"))
                entries.Add(property.Name, ReadEntry(path, property, data, file.Length));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is not a safetensors file: its header cannot be read ({exception.Message})", exception);
        }
        return entries;
    }

    private static Entry ReadEntry(string path, JsonProperty property, long data, long fileLength)
    {
        var type = property.Value.GetProperty("dtype").GetString();
        var size = type switch
        {
            "F16" => 2,
            "F32" => 4,
            _ => throw Invalid(path, $"tensor '{property.Name}' has type {type}; F16 and F32 are supported"),
        };
        var shape = property.Value.GetProperty("shape").EnumerateArray().Select(axis => axis.GetInt32()).ToArray();
        var offsets = property.Value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2)
            throw Invalid(path, $"tensor '{property.Name}' does not have a begin and an end");
        var (begin, end) = (offsets[0].GetInt64(), offsets[1].GetInt64());
        var bytes = shape.Aggregate((Int128)size, (product, axis) => product * axis);
        if (shape.Any(axis => axis < 0) || begin < 0 || end < begin || data + (Int128)end > fileLength || bytes != end - begin || bytes > Array.MaxLength)
            throw Invalid(path, $"tensor '{property.Name}' of shape [{string.Join(", ", shape)}] does not fit its place {begin}..{end}");
        return new Entry(type, shape, data + begin, (int)(end - begin));
    }

    private static InvalidDataException Invalid(string path, string reason) => new($"'{path}' is not a valid safetensors file: {reason}.");
}
