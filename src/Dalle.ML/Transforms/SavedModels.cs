using System.Collections.Concurrent;
using Dalle.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>
/// The models behind a loaded pipeline, each loaded when its first row is drawn. ML.NET disposes no mapping: the models go when the
/// pipeline is collected. Thread-safe.
/// </summary>
internal sealed class SavedModels
{
    private readonly ConcurrentDictionary<string, OnDemand<Entry>> _models = [];

    private sealed record Entry(SavedGeneration Saved, DalleModel Model);

    public void Generate(string prompt, ulong? seed, string options, GenerateMapping.Output output)
    {
        var (saved, model) = _models.GetOrAdd(options, text => new OnDemand<Entry>(() =>
        {
            var saved = SavedGeneration.FromText(text);
            return new Entry(saved, saved.LoadModel());
        })).Value;

        // The row owns the image, so the result around it is not disposed.
        var image = model.Generate(prompt, seed ?? saved.Seed, saved.Generation);
        output.Image = image.Image;
        output.Seed = image.Seed;
        output.Tokens = [.. image.Tokens];
        output.Score = image.Score;
    }
}
