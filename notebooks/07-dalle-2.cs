#:project ../src/Dalle.ML.Interactive
#:project ../src/Dalle.ML.Export
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 07 · DALL·E 2
// DALL·E 2 has no codebook: a prior turns the text's CLIP embedding into one of a picture, a diffusion decoder turns noise into a small picture for it, and further stages enlarge that ([models](../docs/models.md)).
//
// **The weights here are random, so the pictures are noise.** No published weights were at hand where this was written. The notebook shows how such a model is used, and that is the same with real ones.

// %%
using System.IO;
using Dalle.ML;
using Dalle.ML.Export;
using Dalle.ML.Interactive;

var folder = Directory.CreateTempSubdirectory("dalle-").FullName;
BundleExporter.ExportRandom("dalle2-pytorch", "tiny", folder, new ExportOptions { Name = "random-dalle-2" });
var model = DalleModel.Load(folder);
Console.WriteLine($"{model.Info.Name}: {model.Info.ImageWidth} × {model.Info.ImageHeight} pixels, family {model.Info.Family}");

// %% [markdown]
// ## Generate
// The same members as for DALL·E: prompt, seed, options.

// %%
model.GenerateBatch([.. GenerationRequest.Series("a red apple", seed: 7, count: 4)], new GenerationOptions { Candidates = 1 }).Show();

// %% [markdown]
// ## Steps
// Progress counts the steps of each part, here those of the prior, which samples two embeddings to choose from, and those of two stages. A token cancels at the next one.

// %%
var parts = new PartList();
model.Generate("a red apple", seed: 7, new GenerationOptions { Candidates = 1 }, parts).Show();
Console.WriteLine($"steps: {string.Join(" + ", parts.Steps)}");

// %%
model.Dispose();
Directory.Delete(folder, recursive: true);

// %% [types]
// The steps of each part that is finished. (Progress<T> of .NET reports on other threads, in any order.)
public sealed class PartList : IProgress<GenerationProgress>
{
    public List<int> Steps { get; } = [];

    public void Report(GenerationProgress value)
    {
        if (value.Step == value.Steps)
            Steps.Add(value.Steps);
    }
}
