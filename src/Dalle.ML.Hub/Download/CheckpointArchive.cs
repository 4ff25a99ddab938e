using System.Formats.Tar;
using System.IO.Compression;
using Dalle.ML.Bundles;

namespace Dalle.ML.Hub.Download;

/// <summary>Unpacks a .tar.gz from the network: regular files below one folder, no larger than promised, and nothing else.</summary>
internal static class CheckpointArchive
{
    // Weights hardly shrink: what grows more than this, and to more than little, was made to fill a disk.
    private const int MaxGrowth = 4;
    private const int Little = 1 << 20;

    // Of the header before each file: empty files are not for nothing.
    private const int HeaderSize = 512;

    /// <summary>The folder of the files that were unpacked: many archives hold them in one of their own.</summary>
    public static string ContentOf(string folder) => Directory.GetFileSystemEntries(folder) is [var only] && Directory.Exists(only) ? only : folder;

    /// <summary>Unpacks an archive.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="folder">An existing folder.</param>
    /// <param name="cancellationToken">Checked for each file.</param>
    /// <exception cref="DalleHubException">It is not an archive, or has something that does not belong there.</exception>
    public static async Task UnpackAsync(string archive, string folder, CancellationToken cancellationToken)
    {
        var left = Math.Max(new FileInfo(archive).Length * MaxGrowth, Little);
        try
        {
            await using var zipped = File.OpenRead(archive);
            await using var content = new GZipStream(zipped, CompressionMode.Decompress);
            await using var reader = new TarReader(content);
            while (await reader.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false) is { } entry)
            {
                var name = entry.Name.StartsWith("./", StringComparison.Ordinal) ? entry.Name[2..] : entry.Name;
                if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
                    continue;
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || !Bundle.IsSafeName(name))
                    throw new DalleHubException($"The archive '{archive}' contains '{entry.Name}', which is not a plain file below its folder.");
                if ((left -= entry.Length + HeaderSize) < 0)
                    throw new DalleHubException($"The archive '{archive}' unpacks to more than {MaxGrowth} times its size.");
                var path = Path.Combine(folder, name);
                if (Path.Exists(path))
                    throw new DalleHubException($"The archive '{archive}' contains '{entry.Name}' twice.");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await using var file = new FileStream(path, FileMode.CreateNew);
                if (entry.DataStream is { } data)
                    await data.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new DalleHubException($"'{archive}' is not a .tar.gz: {exception.Message}", exception);
        }
    }
}
