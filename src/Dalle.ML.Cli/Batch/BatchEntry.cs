using System.Text.Json.Serialization;

namespace Dalle.ML.Cli;

/// <summary>A line of a manifest: the outcome of a prompt. Everything but <see cref="Seconds"/> is the same in every run.</summary>
internal sealed record BatchEntry
{
    [JsonRequired]
    public string Id { get; init; } = "";

    [JsonRequired]
    public int Index { get; init; }

    [JsonRequired]
    public string Prompt { get; init; } = "";

    [JsonRequired]
    public ulong Seed { get; init; }

    /// <summary>The image, relative to the manifest.</summary>
    [JsonRequired]
    public string File { get; init; } = "";

    /// <summary>The CLIP score; null if the model has no CLIP, or there is no image.</summary>
    public float? Score { get; init; }

    /// <summary>The perplexity of the image's tokens; null unless candidates are ranked by it.</summary>
    public float? Perplexity { get; init; }

    /// <summary>Number of text tokens of the prompt that were cut, because they are beyond the model's length; null if none.</summary>
    public int? CutTokens { get; init; }

    /// <summary>SHA-256 of the image's file; null if there is none.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Reason why there is no image; null if there is one.</summary>
    public string? Error { get; init; }

    /// <summary>Time since the previous image was finished.</summary>
    public double Seconds { get; init; }

    [JsonIgnore]
    public bool IsDone => Sha256 is not null;
}
