using System.Diagnostics;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Prompts;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Batch;

/// <summary>Draws what is left of a shard through the ML.NET pipeline: each image is put in place, then noted in the manifest.</summary>
internal sealed class BatchRunner(BatchFolder folder, BatchJob job, IReadOnlyList<NumberedPrompt> prompts, Shard shard)
{
    private const string ImageColumn = "Image";
    private const string ScoreColumn = "Score";

    private static readonly MLContext ML = new();

    private readonly Stopwatch _sinceLast = new();
    private Dictionary<int, BatchEntry> _known = [];
    private Action _onFinished = () => { };

    /// <summary>Makes the pipeline.</summary>
    /// <param name="options">Model, batch size, sampling and cancellation; the columns are the runner's affair.</param>
    public static DalleGenerateTransformer Load(DalleGenerateEstimator.Options options) => ML.Transforms
        .DalleGenerate(options with
        {
            InputColumnName = nameof(Row.Prompt),
            InputSeedColumnName = nameof(Row.Seed),
            OutputColumnName = ImageColumn,
            ScoreColumnName = ScoreColumn,
        })
        .Fit(ML.Data.LoadFromEnumerable<Row>([]));

    /// <summary>Draws the prompts that have no image yet; those that failed, only if they are to be retried.</summary>
    /// <param name="transformer">The model, from <see cref="Load"/>.</param>
    /// <param name="batchSize">Prompts that it draws together.</param>
    /// <param name="retries">Whether failed prompts are drawn again.</param>
    /// <param name="progress">Told of each image.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled. What is finished is kept.</exception>
    /// <exception cref="IOException">The folder cannot be written any more. What is finished is kept.</exception>
    public BatchSummary Run(DalleGenerateTransformer transformer, int batchSize, bool retries, BatchProgress progress)
    {
        var clock = Stopwatch.StartNew();
        _known = BatchManifest.Combine(
            BatchManifest.ReadAll(folder.FullPath).Select(manifest => manifest.Entries),
            BatchManifest.Verifier(folder.FullPath, prompts, job.Seed, shard));
        var total = prompts.Count(prompt => shard.Holds(prompt.Index));
        var todo = prompts.Where(prompt => shard.Holds(prompt.Index) && IsLeft(prompt)).ToArray();
        var finished = total - todo.Length;
        progress.Begin(finished, total);
        _onFinished = () => progress.Report(++finished, total);

        using (var manifest = new BatchManifest(folder, shard))
            DrawAll(todo, transformer, batchSize, manifest);
        BatchManifest.Finish(folder, shard, _known.Values);
        return BatchSummary.Of(folder.PathOf(shard.ManifestName), total, _known.Values, drawn: todo.Count(prompt => _known[prompt.Index].IsDone), job.Seed, clock.Elapsed);

        bool IsLeft(NumberedPrompt prompt) => !_known.TryGetValue(prompt.Index, out var entry) || (retries && !entry.IsDone);
    }

    private void DrawAll(ArraySegment<NumberedPrompt> todo, DalleGenerateTransformer transformer, int batchSize, BatchManifest manifest)
    {
        _sinceLast.Start();
        while (todo.Count > 0)
        {
            var (drawn, failure) = Draw(todo, transformer, manifest);
            todo = todo[drawn..];
            if (failure is null)
                continue;

            // Somebody in the batch at hand is to blame: alone, each shows whether it is the one.
            var suspects = todo[..Math.Min(batchSize, todo.Count)];
            for (var i = 0; i < suspects.Count; i++)
            {
                (drawn, failure) = Draw(suspects.Slice(i, 1), transformer, manifest);
                if (drawn == 0)
                    Note(suspects[i], new BatchEntry { Error = (failure!.InnerException ?? failure).Message }, manifest);
            }
            todo = todo[suspects.Count..];
        }
    }

    /// <summary>Draws prompts in turn until one of them makes the model fail.</summary>
    private (int Drawn, Exception? Failure) Draw(ArraySegment<NumberedPrompt> some, DalleGenerateTransformer transformer, BatchManifest manifest)
    {
        var view = transformer.Transform(ML.Data.LoadFromEnumerable(some.Select(prompt => Row.Of(prompt, job.Seed))));
        DataViewSchema.Column[] columns = [view.Schema[ImageColumn], view.Schema[ScoreColumn]];
        using var cursor = view.GetRowCursor(columns);
        var (imageGetter, scoreGetter) = (cursor.GetGetter<MLImage>(columns[0]), cursor.GetGetter<float>(columns[1]));
        for (var drawn = 0; drawn < some.Count; drawn++)
        {
            MLImage image = null!;
            var score = float.NaN;
            try
            {
                cursor.MoveNext();
                imageGetter(ref image);
                scoreGetter(ref score);
            }
            catch (Exception exception) when (IsOfOnePrompt(exception))
            {
                return (drawn, exception);
            }
            using (image)
                Keep(some[drawn], image, score, manifest);
        }
        return (some.Count, null);
    }

    private void Keep(NumberedPrompt prompt, MLImage image, float score, BatchManifest manifest)
    {
        try
        {
            Note(prompt, new BatchEntry { Sha256 = folder.Save(image, FileNames.OfImage(prompt.Id)), Score = float.IsFinite(score) ? score : null }, manifest);
        }
        catch (PromptException exception)
        {
            Note(prompt, new BatchEntry { Error = exception.Message }, manifest);
        }
    }

    private void Note(NumberedPrompt prompt, BatchEntry outcome, BatchManifest manifest)
    {
        var entry = outcome with
        {
            Id = prompt.Id,
            Index = prompt.Index,
            Prompt = prompt.Prompt,
            Seed = prompt.SeedAfter(job.Seed),
            File = FileNames.OfImage(prompt.Id),
            Seconds = Math.Round(_sinceLast.Elapsed.TotalSeconds, 3),
        };
        manifest.Append(entry);
        _known[prompt.Index] = entry;
        _sinceLast.Restart();
        _onFinished();
    }

    /// <summary>Whether a failure may concern one prompt only: an interrupt, the device and the model concern all.</summary>
    private static bool IsOfOnePrompt(Exception exception) =>
        exception is not (OperationCanceledException or DalleDeviceException or DalleBundleException or NotSupportedException or ObjectDisposedException);

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }

        public static Row Of(NumberedPrompt prompt, ulong batchSeed) => new() { Prompt = prompt.Prompt, Seed = prompt.SeedAfter(batchSeed) };
    }
}
