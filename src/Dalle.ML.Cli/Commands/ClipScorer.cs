using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Scores images against texts that are embedded once.</summary>
internal sealed class ClipScorer(DalleModel model, IEnumerable<string> texts)
{
    private readonly float[][] _texts = [.. texts.Select(model.EmbedText)];

    /// <summary>The scaled cosine of an image with each text, as <see cref="DalleModel.Score(string, MLImage)"/> returns it.</summary>
    public float[] Score(MLImage image)
    {
        var embedding = model.EmbedImage(image);
        return Array.ConvertAll(_texts, text => model.Info.ClipScale!.Value * TensorPrimitives.Dot<float>(text, embedding));
    }
}
