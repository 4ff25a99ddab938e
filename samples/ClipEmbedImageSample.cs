using Microsoft.ML;

namespace Dalle.ML.Samples;

public static class ClipEmbedImageSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a red heart" } });

        // Image and text features for a trainer.
        var pipeline = ml.Transforms.DalleGenerate("Image", "Prompt")
            .Append(ml.Transforms.ClipEmbedImage("ImageEmbedding", "Image"))
            .Append(ml.Transforms.ClipEmbedText("TextEmbedding", "Prompt"))
            .Append(ml.Transforms.Concatenate("Features", "ImageEmbedding", "TextEmbedding"));

        Console.WriteLine(pipeline.Fit(data).Transform(data).Schema["Features"].Type);

        // Output:
        //   Vector<Single, 384>
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
