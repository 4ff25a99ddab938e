using Microsoft.ML.Data;

namespace Dalle.ML.PipelineHost;

/// <summary>The data that pipelines of the tests are run on.</summary>
public sealed class PipelineRow
{
    public string Prompt { get; set; } = "";

    public ulong RowSeed { get; set; }

    /// <summary>Another prompt, where there are two ends.</summary>
    public string OtherPrompt { get; set; } = "";

    public float Fraction { get; set; }

    /// <summary>Path of an image.</summary>
    public string File { get; set; } = "";

    /// <summary>Image tokens, or numbers that are none.</summary>
    [VectorType]
    public int[] Codes { get; set; } = [];

    [VectorType]
    public int[] PromptCodes { get; set; } = [];

    [VectorType]
    public float[] ImageEmbedding { get; set; } = [];

    [VectorType]
    public byte[] Pixels { get; set; } = [];
}
