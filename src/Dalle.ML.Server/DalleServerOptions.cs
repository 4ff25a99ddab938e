namespace Dalle.ML.Server;

/// <summary>Options of the server. Every limit bounds memory or waiting, and a request beyond one is refused with an error that names it.</summary>
public sealed class DalleServerOptions
{
    /// <summary>Folder or name of the model, as <see cref="DalleModel.Load"/> takes it; the built-in model if null. A <see cref="DalleModel"/> that is
    /// registered already is taken instead.</summary>
    public string? Model { get; set; }

    /// <summary>Device to run on.</summary>
    public DalleDevice Device { get; set; }

    /// <summary>Keys of which a client sends one, as <c>Authorization: Bearer KEY</c>; none are asked for if empty.</summary>
    public IList<string> ApiKeys { get; } = [];

    /// <summary>Number of images that may wait or be in work at once; requests beyond it are answered with 429.</summary>
    public int MaxPendingImages { get; set; } = 128;

    /// <summary>Number of images that one request may ask for.</summary>
    public int MaxImagesPerRequest { get; set; } = 10;

    /// <summary>Number of candidates that one image may ask for, at most <see cref="GenerationOptions.MaxCandidates"/>.</summary>
    public int MaxCandidates { get; set; } = GenerationOptions.MaxCandidates;

    /// <summary>Steps of each network of a DALL·E 2 model that a request may ask for.</summary>
    public int MaxSteps { get; set; } = 1000;

    /// <summary>Number of candidates, of images of several clients together, that are generated at once.</summary>
    public int MaxBatchCandidates { get; set; } = 64;

    /// <summary>How long the first of several requests waits for others to join its batch.</summary>
    public TimeSpan BatchDelay { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How long a server that stops goes on with images that it has accepted; those left over are refused with 503.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Number of characters of a prompt.</summary>
    public int MaxPromptLength { get; set; } = 4000;

    /// <summary>Number of texts and images that one request may embed.</summary>
    public int MaxEmbeddingInputs { get; set; } = 256;

    /// <summary>Size in bytes of a request with JSON.</summary>
    public int MaxJsonBytes { get; set; } = 1 << 20;

    /// <summary>Size in bytes of a request with uploaded images.</summary>
    public int MaxUploadBytes { get; set; } = 20 << 20;

    /// <summary>Width × height of an uploaded image.</summary>
    public int MaxUploadPixels { get; set; } = 16_000_000;

    /// <summary>Bytes of images that are kept for answers with <c>url</c>; the oldest make room for new ones.</summary>
    public long MaxStoredBytes { get; set; } = 64 << 20;

    /// <summary>How long an image is kept for an answer with <c>url</c>.</summary>
    public TimeSpan StoredImageLifetime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Whether the log shows prompts.</summary>
    public bool LogPrompts { get; set; }
}
