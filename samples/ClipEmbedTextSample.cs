using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class ClipEmbedTextSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(new[] { "a red heart", "a red heart shape", "a cat" }.Select(prompt => new Request { Prompt = prompt }));
        var pipeline = ml.Transforms.ClipEmbedText("Embedding", "Prompt");

        var embeddings = pipeline.Fit(data).Transform(data).GetColumn<float[]>("Embedding").ToArray();
        Console.WriteLine($"{embeddings[0].Length} values of length {Cosine(embeddings[0], embeddings[0]):F3}");
        Console.WriteLine($"A heart is more like a heart than like a cat: {Cosine(embeddings[0], embeddings[1]) > Cosine(embeddings[0], embeddings[2])}");

        // Output:
        //   192 values of length 1.000
        //   A heart is more like a heart than like a cat: True

        static float Cosine(float[] a, float[] b) => a.Zip(b, (x, y) => x * y).Sum();
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
