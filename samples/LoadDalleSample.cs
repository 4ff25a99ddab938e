using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class LoadDalleSample
{
    #region Sample
    public static void Example()
    {
        var folder = Directory.CreateTempSubdirectory();
        var path = Path.Combine(folder.FullName, "pipeline.zip");
        var ml = new MLContext(seed: 5);
        var data = ml.Data.LoadFromEnumerable(new[] { "a red heart", "a cat" }.Select(prompt => new Request { Prompt = prompt }));
        using (var fitted = ml.Transforms.DalleGenerate("Image", "Prompt").Fit(data))
            ml.Model.Save(fitted, data.Schema, path);

        // Here or in another process.
        var pipeline = ml.Model.LoadDalle(path, out var inputSchema);
        Console.WriteLine(string.Join(", ", inputSchema.Select(column => column.Name)));
        foreach (var image in pipeline.Transform(data).GetColumn<MLImage>("Image"))
            Console.WriteLine($"{image.Width} × {image.Height}");
        (pipeline as IDisposable)?.Dispose();
        folder.Delete(recursive: true);

        // Output:
        //   Prompt
        //   128 × 128
        //   128 × 128
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
