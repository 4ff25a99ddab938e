#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 08 · Features for ML.NET's trainers
// CLIP's embeddings are features for any trainer of ML.NET. Here a classifier of shapes is trained on pictures that the model generates itself, and tested on colours that it never saw in training.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

var model = DalleModel.LoadDefault();
var ml = new MLContext(seed: 1);

// %% [markdown]
// ## Pictures with labels
// Five shapes in four colours to train on, and in three other colours to test on.

// %%
string[] shapes = ["circle", "square", "triangle", "star", "heart"];

LabeledPicture[] Draw(string[] colors, ulong seed)
{
    var labels = colors.SelectMany(color => shapes.Select(shape => (shape, prompt: $"{color} {shape}"))).ToArray();
    var images = model.GenerateBatch([.. labels.Select(label => new GenerationRequest(label.prompt, seed))], new GenerationOptions { Candidates = 2 });
    return [.. labels.Zip(images, (label, image) => new LabeledPicture { Shape = label.shape, Prompt = label.prompt, Picture = image.Image })];
}

var training = Draw(["a red", "a blue", "a green", "a yellow"], seed: 1);
var testing = Draw(["a purple", "a pink", "a brown"], seed: 2);
testing.Select(row => (row.Prompt, row.Picture)).Show();

// %% [markdown]
// ## Train
// `AppendCacheCheckpoint` keeps the features: without it, each pass of the trainer would run CLIP again.

// %%
var pipeline = ml.Transforms.Conversion.MapValueToKey("Label", "Shape")
    .Append(ml.Transforms.ClipEmbedImage("Features", "Picture"))
    .AppendCacheCheckpoint(ml)
    .Append(ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 }))
    .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedShape", "PredictedLabel"));
var classifier = pipeline.Fit(ml.Data.LoadFromEnumerable(training));

// %% [markdown]
// ## Test
// The confusion matrix: rows are the true shapes, columns what was predicted. CLIP puts a shape near others of its kind, whatever their colour, so 20 pictures are enough.

// %%
var predicted = classifier.Transform(ml.Data.LoadFromEnumerable(testing));
var metrics = ml.MulticlassClassification.Evaluate(predicted);
Console.WriteLine($"accuracy {metrics.MicroAccuracy:P0}, log-loss {metrics.LogLoss:F2}");
new ScoreTable(shapes, shapes, metrics.ConfusionMatrix.Counts) { Format = "0" }.Show();

// %% [types]
public class LabeledPicture
{
    public string Shape { get; set; } = "";
    public string Prompt { get; set; } = "";
    [MLImageType] public MLImage Picture { get; set; } = null!;
}
