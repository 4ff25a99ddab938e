using Dalle.ML.Images;

namespace Dalle.ML.Benchmarks;

/// <summary>The networks around the transformer, one image or text at a time as the engine runs them.</summary>
internal static class ImageMeasurements
{
    public static IEnumerable<Measurement> All(BuiltInModel model)
    {
        var tokens = Enumerable.Range(0, model.Image.Tokens).Select(i => 31 * i % model.Image.CodebookSize).ToArray();
        var pixels = new Lazy<ImageTensor>(() => model.Vae.Decode(tokens));
        return
        [
            new("image: decode", "ms", Timing.Of(() => model.Vae.Decode(tokens).Dispose())),
            new("image: encode", "ms", Timing.Of(() => model.Vae.Encode(pixels.Value))),
            new("clip: image", "ms", Timing.Of(() => model.Clip.EmbedImage(pixels.Value))),
            new("clip: text", "ms", Timing.Of(() => model.Clip.EmbedText(BuiltInModel.Prompt))),
        ];
    }
}
