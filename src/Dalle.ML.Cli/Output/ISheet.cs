using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>The images of a run as one image.</summary>
internal interface ISheet
{
    /// <param name="generated">The image that was generated.</param>
    /// <param name="shown">The same as it is written, which may be larger.</param>
    /// <exception cref="UsageException">The sheet would be too large.</exception>
    void Add(GeneratedImage generated, MLImage shown);

    /// <summary>The sheet of the images so far; null if it needs more of them.</summary>
    MLImage? Render();
}
