namespace Dalle.ML.Cli;

/// <summary>The progress of one request as a part of that of several which are drawn one after another.</summary>
/// <param name="whole">Told of the whole.</param>
/// <param name="image">The request, from 0.</param>
/// <param name="images">Number of requests.</param>
/// <param name="preview">Told of the request alone, if anybody wants to know.</param>
internal sealed class SubrangeProgress(IProgress<GenerationProgress> whole, int image, int images, Action<GenerationProgress>? preview = null) : IProgress<GenerationProgress>
{
    public void Report(GenerationProgress value)
    {
        preview?.Invoke(value);
        whole.Report(value with { Image = image, Images = images, Fraction = (image + value.Fraction) / images });
    }
}
