#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 08 · Features for ML.NET's trainers
// CLIP's embeddings are features for any trainer of ML.NET. Here a classifier of pictures is trained on pictures that the model draws itself, and tested on things that it never saw in training.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

var model = DalleModel.LoadDefault();
var ml = new MLContext(seed: 1);

// %% [markdown]
// ## Pictures with labels
// Four kinds; of each kind some things to train on, and others to test on.

// %%
var kinds = new Dictionary<string, (string[] Train, string[] Test)>
{
    ["animal"] = (["a cat", "a lion", "a bear", "a fox", "a pig"], ["a dog", "a tiger", "a panda"]),
    ["food"] = (["a pizza", "a hamburger", "a donut", "a taco", "a pie"], ["a hot dog", "a waffle", "a sandwich"]),
    ["vehicle"] = (["a bus", "a taxi", "a train", "a truck", "a bicycle"], ["an ambulance", "a car", "a tractor"]),
    ["plant"] = (["a tulip", "a cactus", "a rose", "a palm tree", "a clover"], ["a sunflower", "a christmas tree", "a potted plant"]),
};

LabeledPicture[] Draw(Func<(string[] Train, string[] Test), string[]> part, ulong seed)
{
    var labels = kinds.SelectMany(kind => part(kind.Value).Select(thing => (kind.Key, thing))).ToArray();
    var images = model.GenerateBatch([.. labels.Select(label => new GenerationRequest(label.thing, seed))], new GenerationOptions { Candidates = 4 });
    return [.. labels.Zip(images, (label, image) => new LabeledPicture { Kind = label.Key, Thing = label.thing, Picture = image.Image })];
}

var training = Draw(kind => kind.Train, seed: 1);
var testing = Draw(kind => kind.Test, seed: 2);
testing.Select(row => ($"{row.Thing} ({row.Kind})", row.Picture)).Show();

// %% [markdown]
// ## Train
// `AppendCacheCheckpoint` keeps the features: without it, each pass of the trainer would run CLIP again.

// %%
var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
    .Append(ml.Transforms.ClipEmbedImage("Features", "Picture"))
    .AppendCacheCheckpoint(ml)
    .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 }))
    .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedKind", "PredictedLabel"));
var classifier = pipeline.Fit(ml.Data.LoadFromEnumerable(training));

// %% [markdown]
// ## Test
// The confusion matrix: rows are the true kinds, columns what was predicted.

// %%
var predicted = classifier.Transform(ml.Data.LoadFromEnumerable(testing));
var metrics = ml.MulticlassClassification.Evaluate(predicted);
Console.WriteLine($"accuracy {metrics.MicroAccuracy:P0}, log-loss {metrics.LogLoss:F2}");
string[] names = [.. kinds.Keys];
new ScoreTable(names, names, metrics.ConfusionMatrix.Counts) { Format = "0" }.Show();

// %%
var guesses = predicted.GetColumn<string>("PredictedKind").ToArray();
foreach (var (row, guess) in testing.Zip(guesses).Where(pair => pair.First.Kind != pair.Second))
    Console.WriteLine($"{row.Thing} was taken for: {guess}");

// %% [types]
public class LabeledPicture
{
    public string Kind { get; set; } = "";
    public string Thing { get; set; } = "";
    [MLImageType] public MLImage Picture { get; set; } = null!;
}
