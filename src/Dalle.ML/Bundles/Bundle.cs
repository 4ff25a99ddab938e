using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;

namespace Dalle.ML.Bundles;

/// <summary>
/// A folder with a manifest, ONNX graphs, their weights and tokenizer files. <see cref="Open"/> trusts nothing that it reads: when it
/// returns, every path lies inside the folder, every file has the size and hash that the manifest states, and every graph takes and
/// gives what the engine expects.
/// </summary>
internal sealed class Bundle
{
    public const string ManifestName = "dalle.json";

    private const int MaxManifestBytes = 16 << 20;

    // As much as a core's cache holds.
    private const int HashedAtOnce = 1 << 18;

    private Bundle(string folder, string hash, Manifest manifest) => (Folder, Hash, Manifest) = (folder, hash, manifest);

    /// <summary>The folder's absolute path.</summary>
    public string Folder { get; }

    /// <summary>
    /// SHA-256 of the manifest, lower-case hex. As the manifest holds the hash of every other file, it stands for all that the model generates. Words, which
    /// do not count for that, are left out: a model stays the same for saved pipelines and tokens when words are added to it.
    /// </summary>
    public string Hash { get; }

    public Manifest Manifest { get; }

    /// <summary>Opens and verifies a bundle.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="prepare">Goes on while the weights are hashed, after all else is verified: sessions may be made of them, but must not run before this
    /// method returns, and are to be disposed if it throws.</param>
    /// <exception cref="DalleBundleException">Something is wrong with it.</exception>
    public static Bundle Open(string folder, Action<Bundle>? prepare = null)
    {
        folder = FullPath(folder);
        var json = ReadManifest(folder);
        var bundle = new Bundle(folder, HashOf(json), Parse(folder, json));
        var named = ManifestValidator.Check(bundle);
        if (bundle.FirstFault(named.Contains) is { } fault)
            throw fault;
        GraphSignatureValidator.Check(bundle);
        var weights = Task.Run(() => bundle.FirstFault(file => !named.Contains(file)));
        try
        {
            prepare?.Invoke(bundle);
        }
        catch (Exception) when (weights.GetAwaiter().GetResult() is null)
        {
            throw;
        }
        catch (Exception)
        {
            // The weights are to blame, as is told below.
        }
        return weights.GetAwaiter().GetResult() is { } wrong ? throw wrong : bundle;
    }

    /// <summary>Reads a bundle's manifest, without verifying the rest.</summary>
    /// <exception cref="DalleBundleException">There is no manifest.</exception>
    public static Manifest ManifestOf(string folder) => Parse(folder, ReadManifest(folder));

    /// <summary>SHA-256 of a bundle's manifest, without verifying the rest.</summary>
    /// <exception cref="DalleBundleException">There is no manifest.</exception>
    public static string HashOf(string folder) => HashOf(ReadManifest(FullPath(folder)));

    /// <summary>The one absolute path of a folder that can be given in several ways.</summary>
    public static string FullPath(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    public static FileRecord Describe(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[(int)Math.Clamp(file.Length, 1, HashedAtOnce)];
        for (int read; (read = file.Read(buffer, 0, buffer.Length)) > 0;)
            hash.AppendData(buffer, 0, read);
        return new FileRecord { Size = file.Length, Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) };
    }

    /// <summary>The absolute path of one of the bundle's files.</summary>
    public string PathOf(string file) => Path.Combine(Folder, file);

    public DalleBundleException Error(string message, Exception? innerException = null) => new(Folder, message, innerException);

    /// <summary>Whether a name from a manifest or graph is a plain relative path below the folder, on every platform.</summary>
    public static bool IsSafeName(string name) =>
        name.Length is > 0 and < 256
        && name.IndexOfAny(['\\', ':', '*', '?', '"', '<', '>', '|']) < 0
        && !name.Any(char.IsControl)
        && name.Split('/').All(part => part.Length > 0 && part.Trim(' ') == part && part[^1] != '.');

    private static string HashOf(byte[] manifest) => Convert.ToHexStringLower(SHA256.HashData(WithoutWords(manifest)));

    /// <summary>The manifest as it is written without words.</summary>
    private static ReadOnlySpan<byte> WithoutWords(byte[] manifest)
    {
        try
        {
            using var document = JsonDocument.Parse(manifest);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("words", out var words) || words.ValueKind != JsonValueKind.String
                || !root.TryGetProperty("files", out var files) || files.ValueKind != JsonValueKind.Object)
                return manifest;
            var written = new ArrayBufferWriter<byte>(manifest.Length);
            using (var writer = new Utf8JsonWriter(written, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
            {
                writer.WriteStartObject();
                foreach (var member in root.EnumerateObject())
                {
                    if (member.NameEquals("files"))
                        WriteWithout(writer, member, words.GetString()!);
                    else if (!member.NameEquals("words"))
                        member.WriteTo(writer);
                }
                writer.WriteEndObject();
            }
            return written.WrittenSpan;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Not a manifest, which is found when it is opened.
            return manifest;
        }
    }

    private static void WriteWithout(Utf8JsonWriter writer, JsonProperty files, string name)
    {
        writer.WriteStartObject(files.Name);
        foreach (var file in files.Value.EnumerateObject())
        {
            if (!file.NameEquals(name))
                file.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    private static Manifest Parse(string folder, byte[] json)
    {
        try
        {
            return Manifest.Parse(json);
        }
        catch (JsonException exception)
        {
            throw new DalleBundleException(folder, $"'{ManifestName}' is not a bundle's manifest: {exception.Message}.", exception);
        }
    }

    private static byte[] ReadManifest(string folder)
    {
        var path = Path.Combine(folder, ManifestName);
        try
        {
            // A folder that may not be entered has no files as far as the system tells.
            if (!File.Exists(path) && Directory.Exists(folder))
                _ = Directory.GetFileSystemEntries(folder, ManifestName);
            if (!File.Exists(path))
                throw new DalleBundleException(folder, Directory.Exists(folder)
                    ? $"the folder has no manifest '{ManifestName}'. Give the folder that 'dalle export' wrote."
                    : File.Exists(folder) ? $"it is a file. Give the folder with '{ManifestName}', that 'dalle export' wrote."
                    : "the folder does not exist. Give the folder of a bundle, or the name of a model that 'dalle models' shows on this machine.");
            var size = SizeOf(path);
            return size <= MaxManifestBytes
                ? File.ReadAllBytes(path)
                : throw new DalleBundleException(folder, $"'{ManifestName}' has {size} bytes; a manifest has at most {MaxManifestBytes}.");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new DalleBundleException(folder, $"'{ManifestName}' cannot be read: this user has no right to. Change the permissions of the folder and its files.", exception);
        }
        catch (IOException exception)
        {
            throw new DalleBundleException(folder, $"'{ManifestName}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Verifies files side by side, the largest first; of several faults the first in the order of names is told.</summary>
    private DalleBundleException? FirstFault(Func<string, bool> isWanted)
    {
        string[] names = [.. Manifest.Files.Keys.Where(isWanted)];
        var checks = new Task<DalleBundleException?>[names.Length];
        foreach (var index in Enumerable.Range(0, names.Length).OrderByDescending(index => Manifest.Files[names[index]].Size))
            checks[index] = Task.Run(() => FaultOf(names[index], Manifest.Files[names[index]]));
        return Task.WhenAll(checks).GetAwaiter().GetResult().FirstOrDefault(fault => fault is not null);
    }

    private DalleBundleException? FaultOf(string name, FileRecord expected)
    {
        var path = PathOf(name);
        try
        {
            var size = SizeOf(path);
            if (size != expected.Size)
                return Error($"the file '{name}' has {size} bytes; the manifest states {expected.Size}. Copy or export the bundle again.");
            return string.Equals(Describe(path).Sha256, expected.Sha256, StringComparison.OrdinalIgnoreCase)
                ? null
                : Error($"the file '{name}' is not the one that the manifest describes (its SHA-256 differs). Copy or export the bundle again.");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return Error($"the file '{name}' is missing. Copy or export the bundle again.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            return Error($"the file '{name}' cannot be read: this user has no right to. Change its permissions.", exception);
        }
        catch (IOException exception)
        {
            return Error($"the file '{name}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// The size of a file, or of the one that a link ends at: caches of Hugging Face and volumes of Kubernetes are links. What is not a regular file has
    /// none, so that it is never opened.
    /// </summary>
    public static long SizeOf(string path)
    {
        var file = new FileInfo(path);
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }
}
