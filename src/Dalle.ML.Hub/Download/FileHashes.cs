using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Dalle.ML.Hub.Download;

/// <summary>The hashes of a file by which publishers name it.</summary>
internal sealed record FileHashes(string Sha256, string Md5, string GitBlob)
{
    private const int BufferSize = 1 << 20;

    /// <summary>Computes all of them, reading the file once.</summary>
    public static async Task<FileHashes> OfAsync(string path, CancellationToken cancellationToken)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // Of files whose publishers give nothing stronger.
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        using var git = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        git.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {file.Length}\0")));
        var buffer = new byte[BufferSize];
        for (int read; (read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            foreach (var hash in new[] { sha256, md5, git })
                hash.AppendData(buffer.AsSpan(0, read));
        }
        return new FileHashes(Hex(sha256), Hex(md5), Hex(git));
    }

    /// <summary>Returns the contradiction to the plan; null if there is none.</summary>
    public string? FindMismatch(PlannedFile file) =>
        Differ("SHA-256", file.Sha256, Sha256) ?? Differ("Git blob id", file.GitBlob, GitBlob) ?? Differ("MD5", file.Md5, Md5);

    private static string? Differ(string name, string? expected, string actual) =>
        expected is null || expected == actual ? null : $"its {name} is {actual}; it must be {expected}";

    private static string Hex(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset());
}
