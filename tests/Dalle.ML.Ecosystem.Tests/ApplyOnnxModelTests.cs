using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>Graphs of a bundle in ML.NET's own transform for ONNX files.</summary>
public sealed class ApplyOnnxModelTests(Drawings drawings)
{
    private readonly MLContext _ml = new(seed: 1);

    /// <summary>As the README has it.</summary>
    [Fact]
    public void The_image_encoders_graph_gives_the_tokens_of_EncodeImageTokens()
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.ResizeImages("pixels", 128, 128, "Picture")
            .Append(_ml.Transforms.ExtractPixels("pixels", scaleImage: 1 / 255f))
            .Append(_ml.Transforms.ApplyOnnxModel(
                "tokens", "pixels", Path.Combine(DalleModel.DefaultPath, "image_encoder.onnx"),
                shapeDictionary: new Dictionary<string, int[]> { ["pixels"] = [1, 3, 128, 128] }))
            .Append(_ml.Transforms.EncodeImageTokens("Tokens", "Picture"));
        var view = pipeline.Fit(data).Transform(data);
        Assert.Equal(view.GetColumn<int[]>("Tokens"), view.GetColumn<long[]>("tokens").Select(tokens => Array.ConvertAll(tokens, token => (int)token)));
    }

    [Fact]
    public void The_image_decoders_graph_gives_the_images_of_DecodeImageTokens()
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.EncodeImageTokens("Tokens", "Picture")
            .Append(_ml.Transforms.DecodeImageTokens("Image", "Tokens"))
            .Append(_ml.Transforms.Conversion.ConvertType("tokens", "Tokens", DataKind.Int64))
            .Append(_ml.Transforms.ApplyOnnxModel(
                ["pixels"], ["tokens"], Path.Combine(DalleModel.DefaultPath, "image_decoder.onnx"),
                new Dictionary<string, int[]> { ["tokens"] = [1, 256], ["pixels"] = [1, 3, 128, 128] },
                gpuDeviceId: null, fallbackToCpu: false, recursionLimit: 100))
            // ConvertToImage cuts fractions off, and its own scale would make images of alpha 0.
            .Append(_ml.Transforms.Expression("bytes", "x => min(255f, max(0f, x * 255f)) + 0.5f", "pixels"))
            .Append(_ml.Transforms.ConvertToImage(128, 128, "Decoded", "bytes"));
        var view = pipeline.Fit(data).Transform(data);
        foreach (var (ours, theirs) in view.GetColumn<MLImage>("Image").Zip(view.GetColumn<MLImage>("Decoded")))
        {
            Assert.Equal((ours.Width, ours.Height), (theirs.Width, theirs.Height));
            // ML.NET's session sums in another order: a value on the edge between two bytes may become the other one.
            var steps = ours.Pixels.ToArray().Zip(theirs.Pixels.ToArray(), (a, b) => Math.Abs(a - b)).ToArray();
            Assert.InRange(steps.Max(), 0, 1);
            Assert.InRange(steps.Sum(), 0, steps.Length / 1000);
        }
    }
}
