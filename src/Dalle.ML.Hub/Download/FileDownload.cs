using System.Net;
using System.Net.Http.Headers;

namespace Dalle.ML.Hub.Download;

/// <summary>
/// Downloads one file to <c>name.partial</c>, from the byte that an earlier attempt reached, and gives it its name when its hash is right. A file
/// that has its name is complete.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="target">Its path.</param>
/// <param name="url">Its address, which may redirect to another one each time.</param>
/// <param name="transport">Sends the requests.</param>
/// <param name="report">Receives progress.</param>
internal sealed class FileDownload(PlannedFile file, string target, Uri url, HubTransport transport, Action<PullStage, long, string?> report)
{
    private const int BufferSize = 128 << 10;
    private const long BytesBetweenReports = 1 << 20;

    private readonly string _partial = PartialOf(target);
    private readonly byte[] _buffer = new byte[BufferSize];

    // Whether some of the partial file is from an earlier run.
    private bool _isResumed;

    // The furthest byte that this run got to: an attempt that gets beyond it is not a failure, however often the connection breaks.
    private long _reached;

    /// <summary>Path of a file that is not complete yet.</summary>
    public static string PartialOf(string target) => target + ".partial";

    /// <exception cref="DalleHubException">The file cannot be downloaded, or is not the planned one.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        // Nothing would tell whether the rest is of the same file.
        if (file is { IsHashed: false, ETag: null })
            File.Delete(_partial);
        _isResumed = new FileInfo(_partial) is { Exists: true, Length: > 0 };
        while (true)
        {
            while (!await transport.RetryAsync(AttemptAsync, remark => report(PullStage.Downloading, 0, remark), cancellationToken).ConfigureAwait(false))
            {
            }

            report(PullStage.Verifying, file.Size, null);
            var hashes = await FileHashes.OfAsync(_partial, cancellationToken).ConfigureAwait(false);
            if (hashes.FindMismatch(file) is not { } mismatch)
                break;
            File.Delete(_partial);
            if (!_isResumed)
                throw new ChangedFileException($"{file.Source} is not the file that was announced: {mismatch}. It was deleted. Run the pull again; if that does not help, its owner changed it.");
            report(PullStage.Downloading, 0, $"{mismatch}, so what an earlier run left was not of the same file; from the beginning again");
            (_isResumed, _reached) = (false, 0);
        }
        File.Move(_partial, target);
    }

    /// <summary>Downloads what is missing; false where the connection broke on the way.</summary>
    private async Task<bool> AttemptAsync(CancellationToken cancellationToken)
    {
        await using var part = new FileStream(_partial, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0, useAsync: true);
        if (part.Length > file.Size)
            part.SetLength(0);
        var start = part.Length;
        if (start == file.Size)
            return true;
        _reached = Math.Max(_reached, start);
        report(PullStage.Downloading, start, null);
        using var silence = transport.StartTimer(cancellationToken);
        try
        {
            using var response = await transport.SendAsync(
                HttpMethod.Get, url, request => AskFrom(request, start), isSameHostOnly: false, silence, HttpStatusCode.RequestedRangeNotSatisfiable).ConfigureAwait(false);
            await ReadAsync(response, part, start, silence, cancellationToken).ConfigureAwait(false);
        }
        catch (TransientHubException exception) when (part.Length > _reached)
        {
            _reached = part.Length;
            report(PullStage.Downloading, part.Length, $"{exception.Message} Going on at byte {part.Length}.");
        }
        if (part.Length < file.Size)
            return false;
        // Only what the disk has may get the file's name.
        part.Flush(flushToDisk: true);
        return true;
    }

    private void AskFrom(HttpRequestMessage request, long start)
    {
        if (start == 0)
            return;
        request.Headers.Range = new RangeHeaderValue(start, null);
        if (file.ETag is { } etag)
            request.Headers.IfRange = new RangeConditionHeaderValue(new EntityTagHeaderValue(etag));
    }

    private async Task ReadAsync(HttpResponseMessage response, FileStream part, long start, SilenceTimer silence, CancellationToken cancellationToken)
    {
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            part.SetLength(0);
            throw new TransientHubException($"{url} has no byte {start}: what was downloaded is longer than the file. From the beginning again.");
        }
        WebPage.Refuse(response, url);
        if (response.Content.Headers.ContentEncoding.Count > 0)
            throw new DalleHubException($"{url} is compressed on the way ({string.Join(", ", response.Content.Headers.ContentEncoding)}) although that was not asked for. A proxy may do that.");
        switch (response.StatusCode)
        {
            case HttpStatusCode.PartialContent when response.Content.Headers.ContentRange is { From: { } from } range && from == start && (range.Length ?? file.Size) == file.Size:
                part.Seek(0, SeekOrigin.End);
                break;
            case HttpStatusCode.OK:
                // The server does not know ranges, or the file has changed.
                part.SetLength(start = 0);
                _isResumed = false;
                break;
            default:
                part.SetLength(0);
                throw new TransientHubException($"{url} answers with another range than the one from byte {start}. From the beginning again.");
        }
        using var content = await silence.WatchAsync(url.Host, response.Content.ReadAsStreamAsync).ConfigureAwait(false);
        for (var reported = start; part.Length < file.Size;)
        {
            var read = await silence.WatchAsync(url.Host, token => content.ReadAsync(_buffer, token).AsTask()).ConfigureAwait(false);
            if (read == 0)
                throw new TransientHubException($"The connection to {url.Host} ended before the file.");
            if (part.Length == 0)
            {
                WebPage.Refuse(_buffer.AsSpan(0, read), url);
                if (response.Content.Headers.ContentLength is { } length && length != file.Size)
                    throw new ChangedFileException($"{url} sends {length} bytes in place of the {file.Size} that it announced.");
            }
            if (part.Length + read > file.Size)
            {
                part.SetLength(0);
                throw new ChangedFileException($"{url} sends more than the {file.Size} bytes that it announced.");
            }
            await part.WriteAsync(_buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            if (part.Length - reported >= BytesBetweenReports || part.Length == file.Size)
                report(PullStage.Downloading, reported = part.Length, null);
        }
    }
}
