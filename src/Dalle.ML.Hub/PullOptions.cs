using Dalle.ML.Export;

namespace Dalle.ML.Hub;

/// <summary>Options of a pull.</summary>
public sealed record PullOptions
{
    /// <summary>Whether you have read and accept the licence of a model whose licence restricts its use (<see cref="HubModel.RequiresAcceptance"/>).</summary>
    public bool AcceptLicense { get; init; }

    /// <summary>Whether the downloaded checkpoint is kept beside the bundle.</summary>
    public bool KeepCheckpoint { get; init; }

    /// <summary>How the transformer computes; the catalogue's choice if null.</summary>
    public Precision? Precision { get; init; }

    /// <summary>The folder of models; if null the first of the environment variable <c>DALLE_MODELS</c>, else the user's cache.</summary>
    public string? ModelsFolder { get; init; }

    /// <summary>A file that extends the catalogue; if null the one that the environment variable <c>DALLE_CATALOG</c> names.</summary>
    public string? Catalog { get; init; }

    /// <summary>
    /// Access token of the Hugging Face hub. If null, that of the environment variable <c>HF_TOKEN</c>, or of the hub's own tools on this machine.
    /// </summary>
    /// <remarks>It is sent to the hub alone: to no host that the hub redirects to, and to a mirror only if it is given here.</remarks>
    public string? Token { get; init; }

    /// <summary>Reads an environment variable.</summary>
    internal Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Measures how long a server has been silent.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Waits between attempts.</summary>
    internal TimeProvider RetryClock { get; init; } = TimeProvider.System;

    /// <summary>Bytes that are free where a folder is.</summary>
    internal Func<string, long> FreeSpace { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;
}
