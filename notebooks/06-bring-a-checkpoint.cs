#:project ../src/Dalle.ML.Interactive
#:project ../src/Dalle.ML.Hub
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 06 · Bring a checkpoint
// `Dalle.ML.Export` turns a checkpoint of PyTorch or flax into a bundle, in C#; a checkpoint is read, and never executed. `Dalle.ML.Hub` also downloads published ones.

// %%
using System.IO;
using Dalle.ML;
using Dalle.ML.Export;
using Dalle.ML.Hub;
using Dalle.ML.Interactive;

var folder = Directory.CreateTempSubdirectory("dalle-").FullName;

// %% [markdown]
// ## Published models
// The catalogue is part of the package; to list it takes no network. Some licences restrict the use of the weights: those must be accepted first.

// %%
foreach (var published in DalleHub.ListModels())
    Console.WriteLine($"{published.Name,-22} {published.DownloadSize / 1e9,5:F1} GB  {published.License}{(published.RequiresAcceptance ? ", to be accepted" : "")}");

// %% [markdown]
// One is pulled, verified and exported by one call, and loaded by its name. This notebook does not do it, since it is a download of gigabytes:
//
// ```csharp
// await DalleHub.PullAsync("min-dalle-mini");
// var mini = DalleModel.Load("min-dalle-mini");
// ```
//
// ## Families
// A checkpoint of your own belongs to one of these families, and is exported by `BundleExporter.Export("min-dalle", ["./pretrained"], "models/mega")`.

// %%
Console.WriteLine(string.Join(", ", BundleExporter.Families));

// %% [markdown]
// ## Export
// Here with random weights in a tiny geometry, which every family can make: the pictures are noise, but all else is as with a real checkpoint. The CLIP of the built-in model is copied in, to rank candidates. (In so small a model the embeddings take most of the space, and int8 and int4 leave those as they are.)

// %%
foreach (var precision in new[] { Precision.Fp32, Precision.Fp16, Precision.Int8, Precision.Int4 })
{
    var bundle = Path.Combine(folder, $"{precision}");
    BundleExporter.ExportRandom("dalle", "tiny", bundle, new ExportOptions { Precision = precision, Clip = DalleModel.DefaultPath, Name = "my-model" });
    Console.WriteLine($"{precision}: the transformer takes {new FileInfo(Path.Combine(bundle, "decoder.weights")).Length / 1024} KiB");
}

// %% [markdown]
// ## Load
// Loading verifies every file of the bundle.

// %%
var model = DalleModel.Load(Path.Combine(folder, "Fp32"));
Console.WriteLine($"{model.Info.Name}, family {model.Info.Family}: {model.Info.ImageWidth} × {model.Info.ImageHeight} pixels, a codebook of {model.Info.CodebookSize}");
model.GenerateBatch([.. GenerationRequest.Series("noise of random weights", seed: 1, count: 4)]).Show();

// %% [markdown]
// A file that is not what the manifest says is refused, and told by name:

// %%
File.WriteAllText(Path.Combine(folder, "Int8", "decoder.onnx"), "something else");
try
{
    DalleModel.Load(Path.Combine(folder, "Int8"));
}
catch (DalleBundleException refused)
{
    Console.WriteLine(refused.Message.Replace(folder, "models"));
}

// %%
model.Dispose();
Directory.Delete(folder, recursive: true);
