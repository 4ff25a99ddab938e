using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export;

namespace Dalle.ML.Hub.Tests;

/// <summary>A model as a catalogue describes it.</summary>
internal sealed record CatalogModel(string Name, string Family, CatalogFile[] Files)
{
    public string Description { get; init; } = "Noise";

    public string License { get; init; } = "MIT";

    public string? LicenseUrl { get; init; }

    public bool RequiresAcceptance { get; init; }

    public Dictionary<string, string> Settings { get; init; } = [];
}

/// <summary>A file as a catalogue describes it.</summary>
internal sealed record CatalogFile(string Path, string[] Sources, string? Sha256 = null, string? Md5 = null, bool IsArchive = false, long ApproximateSize = 1000);

/// <summary>
/// A server, a clean machine (folders of models and of the hub's cache, an environment), and a catalogue with a small min-dalle from golden data on the
/// hub and a small discrete VAE at plain addresses.
/// </summary>
public abstract class HubTest : IAsyncLifetime
{
    private protected const string HubRepository = "kuprel/min-dalle";
    private protected const string Mini = "tiny-mini";
    private protected const string Dvae = "tiny-dvae";

    private readonly TemporaryFolder _folder = new();

    private protected static string Golden { get; } = Path.Combine(Dalle.ML.Tests.Repository.Root, "tests", "golden");

    /// <summary>Files of the small min-dalle: name in the checkpoint, name on the hub, content.</summary>
    private protected static IReadOnlyList<(string Path, string HubPath, byte[] Content)> MiniFiles { get; } =
    [
        ("encoder.pt", "encoder_mini.pt", Read("min-dalle/models/dalle_bart_mega/encoder.pt")),
        ("decoder.pt", "decoder_mini.pt", Read("min-dalle/models/dalle_bart_mega/decoder.pt")),
        ("detoker.pt", "detoker.pt", Read("min-dalle/models/vqgan/detoker.pt")),
        ("vocab.json", "vocab_mini.json", Read("min-dalle/models/dalle_bart_mega/vocab.json")),
        ("merges.txt", "merges_mini.txt", Read("min-dalle/models/dalle_bart_mega/merges.txt")),
    ];

    private protected static IReadOnlyList<(string Path, byte[] Content)> DvaeFiles { get; } =
        [("encoder.pkl", Read("openai-dvae/encoder.pkl")), ("decoder.pkl", Read("openai-dvae/decoder.pkl"))];

    private protected static string Heads { get; } = JsonDocument.Parse(Read("min-dalle/config.json")).RootElement.GetProperty("attention_head_count").GetRawText();

    private protected HubServer Server { get; private set; } = null!;

    private protected Dictionary<string, string> Environment { get; } = [];

    private protected InstantClock RetryClock { get; } = new();

    private protected Reports Reports { get; } = new();

    private protected string Models => In("models");

    private protected string CacheFolder => In("home/.cache/huggingface/hub");

    private protected PullOptions Options => new() { Variable = name => Environment.GetValueOrDefault(name), RetryClock = RetryClock };

    public async ValueTask InitializeAsync()
    {
        Server = await HubServer.StartAsync();
        foreach (var (_, path, content) in MiniFiles)
            Server.Add(HubRepository, path, content);
        foreach (var (path, content) in DvaeFiles)
            Server.Plain["dall-e/" + path] = content;
        Environment["HOME"] = In("home");
        Environment["XDG_CACHE_HOME"] = In("home/.cache");
        Environment["DALLE_MODELS"] = Models;
        Environment["HF_ENDPOINT"] = Server.Hub.AbsoluteUri;
        Environment["DALLE_CATALOG"] = In("catalog.json");
        WriteCatalog(MiniModel(), DvaeModel());
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Server.DisposeAsync();
        _folder.Dispose();
    }

    private protected string In(string name) => Path.Combine(_folder.Path, name);

    private protected Task<string> PullAsync(string name, PullOptions? options = null, CancellationToken cancellationToken = default) =>
        DalleHub.PullAsync(name, options ?? Options, Reports, cancellationToken);

    /// <summary>Pulls until some of the file that is being downloaded after so many bytes is there, and is cancelled then.</summary>
    private protected async Task InterruptAsync(string name, long bytes = 300_000)
    {
        using var source = new CancellationTokenSource();
        Server.CutAfter(bytes, async () =>
        {
            await UntilSomeIsWrittenAsync();
            await source.CancelAsync();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PullAsync(name, cancellationToken: source.Token));
        Server.NeverCut();
    }

    private protected void WriteCatalog(params CatalogModel[] models) =>
        File.WriteAllText(In("catalog.json"), JsonSerializer.Serialize(new { version = 1, models }, JsonSerializerOptions.Web));

    private protected static CatalogModel MiniModel(string revision = "main", Func<string, string?>? sha256 = null) => new(
        Mini, "min-dalle", [.. MiniFiles.Select(file => new CatalogFile(file.Path, [$"hf://{HubRepository}@{revision}/{file.HubPath}"], sha256?.Invoke(file.Path)))])
    {
        LicenseUrl = "https://licenses.invalid/mit",
        Settings = new() { ["heads"] = Heads },
    };

    private protected CatalogModel DvaeModel(bool isHashed = true) => new(
        Dvae, "openai-dvae", [.. DvaeFiles.Select(file => new CatalogFile(file.Path, [$"{Server.Hub}dall-e/{file.Path}"], isHashed ? HubServer.Sha256(file.Content) : null))])
    {
        Settings = new() { ["width"] = "64", ["height"] = "64" },
    };

    /// <summary>What the tool exports of the same files that it finds in a folder: the files of the bundle with their hashes.</summary>
    private protected IEnumerable<string> Exported()
    {
        BundleExporter.Export(
            "min-dalle", [Path.Combine(Golden, "min-dalle", "models")], In("exported"), new ExportOptions { Settings = new Dictionary<string, string> { ["heads"] = Heads } });
        return FilesOf(In("exported"));
    }

    private protected static IEnumerable<string> FilesOf(string bundle) => Bundle.Open(bundle).Manifest.Files.Select(file => $"{file.Key} {file.Value.Size} {file.Value.Sha256}");

    /// <summary>What is below the folder of models, but the bundles.</summary>
    private protected string[] Leftovers() => Directory.Exists(Path.Combine(Models, ".pull"))
        ? [.. Directory.EnumerateFiles(Path.Combine(Models, ".pull"), "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Models, file))]
        : [];

    /// <summary>Waits until the pull has written some bytes of an unfinished file: what the server has sent, a busy client may not have read yet.</summary>
    private protected async Task UntilSomeIsWrittenAsync()
    {
        while (!Leftovers().Any(file => file.EndsWith(".partial", StringComparison.Ordinal) && new FileInfo(Path.Combine(Models, file)).Length > 0))
            await Task.Delay(1);
    }

    private static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Golden, name));
}
