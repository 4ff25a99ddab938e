namespace Dalle.ML.Cli;

/// <summary>The progress of one request as a part of several that are generated one after another.</summary>
/// <param name="whole">Progress of all requests.</param>
/// <param name="image">Zero-based index of the request.</param>
/// <param name="images">Number of requests.</param>
/// <param name="preview">Called with the progress of the request alone.</param>
internal sealed class SubrangeProgress(IProgress<GenerationProgress> whole, int image, int images, Action<GenerationProgress>? preview = null) : IProgress<GenerationProgress>
{
    public void Report(GenerationProgress value)
    {
        preview?.Invoke(value);
        whole.Report(value with { Image = image, Images = images, Fraction = (image + value.Fraction) / images });
    }
}
