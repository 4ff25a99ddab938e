using System.Net;
using System.Net.Http.Headers;
using Dalle.ML.Hub.Catalog;
using Dalle.ML.Hub.HuggingFace;

namespace Dalle.ML.Hub.Download;

/// <summary>Learns commit, size and hash of files before any of them is downloaded.</summary>
internal sealed class FileResolver(HubTransport transport, HubEnvironment environment, HubCache cache)
{
    // A branch is resolved once for all files of its repository.
    private readonly Dictionary<(string Repository, string Revision), string> _commits = [];

    /// <summary>Resolves a file at the first of its sources that has it.</summary>
    /// <exception cref="DalleHubException">No source has it, or it is not the one that the catalogue describes.</exception>
    public async Task<PlannedFile> ResolveAsync(CatalogFile file, Action<string> remark, CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var source in file.Sources)
        {
            try
            {
                var planned = HubFile.TryParse(source) is { } hubFile
                    ? await ResolveAsync(file, hubFile, remark, cancellationToken).ConfigureAwait(false)
                    : await ResolveAsync(file, new Uri(source), remark, cancellationToken).ConfigureAwait(false);
                Check(file, planned);
                failures.ForEach(remark);
                return planned;
            }
            catch (DalleHubException exception)
            {
                failures.Add(exception.Message);
            }
        }
        throw new DalleHubException($"'{file.Path}' cannot be downloaded. {string.Join(' ', failures)}");
    }

    private async Task<PlannedFile> ResolveAsync(CatalogFile file, HubFile source, Action<string> remark, CancellationToken cancellationToken)
    {
        if (environment.IsOffline)
            return ResolveOffline(file, source);
        if (_commits.TryGetValue((source.Repository, source.Revision), out var known))
            source = source with { Revision = known };
        return await transport.RetryAsync(async token =>
        {
            using var silence = transport.StartTimer(token);
            var url = source.At(environment.Endpoint);
            using var response = await transport.SendAsync(HttpMethod.Head, url, _ => { }, isSameHostOnly: true, silence).ConfigureAwait(false);
            var etag = Header(response, "X-Linked-Etag") ?? response.Headers.ETag?.Tag;
            if (Header(response, "X-Repo-Commit") is not { } commit || etag is null)
            {
                throw new DalleHubException($"{url} was not answered by a Hugging Face hub: the headers of a commit are missing. "
                    + "A proxy or a login page may have answered; check HTTPS_PROXY, NO_PROXY and HF_ENDPOINT.");
            }
            if (!(long.TryParse(Header(response, "X-Linked-Size"), out var size) || (response.IsSuccessStatusCode && SizeOf(response) is { } length && (size = length) >= 0)))
                throw new DalleHubException($"{url} has no size.");
            _commits[(source.Repository, source.Revision)] = commit;
            return Plan(file, source with { Revision = commit }, size, Plain(etag));
        }, remark, cancellationToken).ConfigureAwait(false);
    }

    private PlannedFile ResolveOffline(CatalogFile file, HubFile source)
    {
        var missing = $"HF_HUB_OFFLINE is set, and {source} is not in the hub's cache '{environment.CacheFolder}'. Remove the variable to download it.";
        source = source with { Revision = cache.CommitOf(source) ?? throw new DalleHubException(missing) };
        var path = cache.Find(source, etag: null) ?? throw new DalleHubException(missing);
        return Plan(file, source, HubCache.SizeOf(path), HubCache.TagOf(path) ?? "");
    }

    /// <summary>The tag of a large file is its SHA-256, that of a small one its id as a blob of Git.</summary>
    private static PlannedFile Plan(CatalogFile file, HubFile source, long size, string etag) => new()
    {
        Path = file.Path,
        Source = source.ToString(),
        Size = size,
        Sha256 = IsHex(etag, 64) ? etag : file.Sha256,
        GitBlob = IsHex(etag, 40) ? etag : null,
        Md5 = file.Md5,
        IsArchive = file.IsArchive,
    };

    private Task<PlannedFile> ResolveAsync(CatalogFile file, Uri url, Action<string> remark, CancellationToken cancellationToken) => transport.RetryAsync(async token =>
    {
        using var silence = transport.StartTimer(token);
        // Not every server answers HEAD, and one byte is as good.
        using var response = await transport.SendAsync(
            HttpMethod.Get, url, request => request.Headers.Range = new RangeHeaderValue(0, 0), isSameHostOnly: false, silence).ConfigureAwait(false);
        WebPage.Refuse(response, url);
        var size = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.Length : SizeOf(response);
        return new PlannedFile
        {
            Path = file.Path,
            Source = url.AbsoluteUri,
            Size = size ?? file.Size ?? throw new DalleHubException($"{url} does not tell the size of the file."),
            Sha256 = file.Sha256,
            Md5 = file.Md5,
            ETag = response.Headers.ETag is { IsWeak: false } etag ? etag.Tag : null,
            IsArchive = file.IsArchive,
        };
    }, remark, cancellationToken);

    /// <summary>Compares what the server announces with the catalogue, before gigabytes are on their way.</summary>
    private static void Check(CatalogFile file, PlannedFile planned)
    {
        const string Advice = "Its owner may have changed it. Compare the publisher's page, and describe the file in a catalogue of your own (DALLE_CATALOG).";
        if (planned.Size is < 0 or > CatalogFile.MaxBytes)
            throw new DalleHubException($"{planned.Source} has {planned.Size} bytes according to its server, which cannot be.");
        if (file.Size is { } size && size != planned.Size)
            throw new DalleHubException($"{planned.Source} has {planned.Size} bytes; the catalogue states {size}. {Advice}");
        if (file.Sha256 is { } hash && planned.Sha256 != hash)
            throw new DalleHubException($"{planned.Source} has the SHA-256 {planned.Sha256}; the catalogue states {hash}. {Advice}");
    }

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? values.First() : null;

    private static long? SizeOf(HttpResponseMessage response) => response.Content.Headers.ContentLength;

    private static string Plain(string etag) => etag.Replace("W/", "", StringComparison.Ordinal).Trim('"');

    private static bool IsHex(string text, int digits) => text.Length == digits && text.All(char.IsAsciiHexDigitLower);
}
