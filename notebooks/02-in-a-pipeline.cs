#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 02 · In an ML.NET pipeline
// Dalle.ML's components are estimators and transformers like ML.NET's own: they go into pipelines, and are saved and loaded with them.

// %%
using System.IO;
using Dalle.ML;
using Dalle.ML.Interactive;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

var folder = Directory.CreateTempSubdirectory("dalle-").FullName;
var ml = new MLContext(seed: 1);

// %% [markdown]
// ## Prompts from a file
// `LoadPrompts` reads text, CSV, TSV or JSON lines, and gives a row without a seed one of its own.

// %%
var path = Path.Combine(folder, "prompts.csv");
File.WriteAllLines(path, ["id,prompt,seed", "heart,a red heart,5", "owl,an owl,7", "cup,a cup of coffee,7", "pair,a fox to the left of a duck,7"]);
var prompts = ml.Data.LoadPrompts(path);
foreach (var column in prompts.Schema)
    Console.WriteLine($"{column.Name}: {column.Type}");

// %% [markdown]
// ## Generate and score
// A picture is generated when its column is read, and not before: `Transform` returns at once.

// %%
var pipeline = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options
    {
        InputColumnName = "Prompt",
        InputSeedColumnName = "Seed",
        OutputColumnName = "Image",
        Generation = new GenerationOptions { Candidates = 8 },
    })
    .Append(ml.Transforms.ClipScore("Score", inputTextColumnName: "Prompt", inputImageColumnName: "Image"));
var transformer = pipeline.Fit(prompts);
var pictures = transformer.Transform(prompts);

// %% [markdown]
// The same rows as a page of pictures. Each read of an image column generates anew, so the columns are read together, once.

// %%
var rows = ml.Data.CreateEnumerable<PromptedImage>(pictures, reuseRowObject: false).ToArray();
rows.Select(row => ($"{row.Prompt}: {row.Score:F1}", row.Image)).Show();

// %% [markdown]
// ## Save and load
// The file holds the model's path and hash, not its weights. `LoadDalle` restores the components, and their pictures are the same.

// %%
ml.Model.Save(transformer, prompts.Schema, Path.Combine(folder, "pipeline.zip"));
var loaded = ml.Model.LoadDalle(Path.Combine(folder, "pipeline.zip"), out _);
var again = ml.Data.CreateEnumerable<PromptedImage>(loaded.Transform(prompts), reuseRowObject: false).ToArray();
Console.WriteLine($"the same scores: {rows.Select(row => row.Score).SequenceEqual(again.Select(row => row.Score))}");
Console.WriteLine($"the same pictures: {rows.Zip(again).All(pair => pair.First.Image.Pixels.SequenceEqual(pair.Second.Image.Pixels))}");
Directory.Delete(folder, recursive: true);

// %% [types]
public class PromptedImage
{
    public string Prompt { get; set; } = "";
    public float Score { get; set; }
    [MLImageType] public MLImage Image { get; set; } = null!;
}
