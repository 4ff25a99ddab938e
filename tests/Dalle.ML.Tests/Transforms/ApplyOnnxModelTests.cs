using Dalle.ML.PipelineHost;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>A bundle's file in ML.NET's own transform for ONNX files, as the README has it.</summary>
public sealed class ApplyOnnxModelTests
{
    [Fact]
    public void The_image_encoders_file_gives_the_tokens_of_EncodeImageTokens()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new PipelineRow[] { new() { Prompt = "a red heart" }, new() { Prompt = "three bananas" } });
        var pipeline = ml.Transforms.DalleGenerate("Picture", "Prompt")
            .Append(ml.Transforms.ResizeImages("pixels", 64, 64, "Picture"))
            .Append(ml.Transforms.ExtractPixels("pixels", scaleImage: 1 / 255f))
            .Append(ml.Transforms.ApplyOnnxModel(
                "tokens", "pixels", Path.Combine(DalleModel.DefaultPath, "image_encoder.onnx"),
                shapeDictionary: new Dictionary<string, int[]> { ["pixels"] = [1, 3, 64, 64] }))
            .Append(ml.Transforms.EncodeImageTokens("Tokens", "Picture"));
        var view = pipeline.Fit(data).Transform(data);
        Assert.Equal(view.GetColumn<int[]>("Tokens"), view.GetColumn<long[]>("tokens").Select(tokens => Array.ConvertAll(tokens, token => (int)token)));
    }
}
