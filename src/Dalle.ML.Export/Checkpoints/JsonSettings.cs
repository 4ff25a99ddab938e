using System.Text.Json;
using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>The values of a JSON file by their paths, as <see cref="Checkpoint.Settings"/> has those of a checkpoint.</summary>
internal static class JsonSettings
{
    private const int MaxBytes = 1 << 20;

    /// <exception cref="InvalidDataException">The file is not JSON, or too large.</exception>
    public static IReadOnlyDictionary<string, object?> Read(string path)
    {
        if (new FileInfo(path).Length > MaxBytes)
            throw new InvalidDataException($"'{path}' is larger than {MaxBytes} bytes, too large for a configuration.");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var settings = new Dictionary<string, object?>();
            Add(settings, "", json.RootElement);
            return settings;
        }
        catch (InvalidOperationException exception)
        {
            throw new InvalidDataException($"'{path}' is not a configuration: a text in it is not Unicode. Save the file as UTF-8.", exception);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{path}' is not a configuration: {JsonFault.Describe(exception)}.", exception);
        }
    }

    private static void Add(Dictionary<string, object?> settings, string path, JsonElement value)
    {
        string Join(string name) => path.Length == 0 ? name : $"{path}.{name}";
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in value.EnumerateObject())
                Add(settings, Join(property.Name), property.Value);
        }
        else if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().Any(item => item.ValueKind is JsonValueKind.Object or JsonValueKind.Array))
        {
            foreach (var (i, item) in value.EnumerateArray().Index())
                Add(settings, Join($"{i}"), item);
        }
        else
            settings[path] = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(Plain).ToArray() : Plain(value);
    }

    private static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt64(out var whole) ? (object)whole : value.GetDouble(),
        _ => null,
    };
}
