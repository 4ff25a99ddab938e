using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class WithDalleSample
{
    #region Sample
    public static void Example()
    {
        var folder = Directory.CreateTempSubdirectory();
        var path = Path.Combine(folder.FullName, "pipeline.zip");
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable([new Request { Prompt = "a red heart" }]);
        using (var fitted = ml.Transforms.ClipEmbedText("Embedding", "Prompt").Fit(data))
            ml.Model.Save(fitted, data.Schema, path);

        // A pipeline that other code has loaded with plain ML.NET.
        var loaded = ml.Model.Load(path, out var inputSchema);
        var pipeline = loaded.WithDalle(ml, inputSchema);
        Console.WriteLine($"{pipeline.GetType().Name}: {pipeline.Transform(data).GetColumn<float[]>("Embedding").Single().Length} values");
        (pipeline as IDisposable)?.Dispose();
        folder.Delete(recursive: true);

        // Output:
        //   ClipEmbedTextTransformer: 192 values
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
