using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class LoadPromptsSample
{
    #region Sample
    public static void Example()
    {
        var folder = Directory.CreateTempSubdirectory();
        var path = Path.Combine(folder.FullName, "prompts.csv");
        File.WriteAllLines(path, ["id,prompt,seed", "heart,a red heart,5", "fruit,\"bananas, three of them\","]);

        var ml = new MLContext();
        var prompts = ml.Data.LoadPrompts(path, seed: 7);
        foreach (var row in ml.Data.CreateEnumerable<Row>(prompts, reuseRowObject: false))
            Console.WriteLine($"{row.Id}: {row.Prompt} (seed {row.Seed})");

        // The same images as 'dalle batch prompts.csv --seed 7'.
        var pipeline = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
        {
            InputColumnName = "Prompt",
            InputSeedColumnName = "Seed",
            Generation = new GenerationOptions { Candidates = 2 },
        });
        var images = pipeline.Fit(prompts).Transform(prompts);
        Console.WriteLine($"{images.GetColumn<MLImage>("Image").Count()} images");
        folder.Delete(recursive: true);

        // Output:
        //   heart: a red heart (seed 5)
        //   fruit: bananas, three of them (seed 6673294353827092)
        //   2 images
    }

    private sealed class Row
    {
        public string Id { get; set; } = "";

        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
    #endregion
}
