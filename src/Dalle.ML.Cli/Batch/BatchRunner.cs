using System.Diagnostics;
using Dalle.ML.Prompts;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>
/// Generates the remaining prompts of a shard through the ML.NET pipeline, whose error column isolates the failure of one prompt. Each image
/// is saved, then noted in the manifest.
/// </summary>
/// <param name="folder">The folder of the images.</param>
/// <param name="job">The batch.</param>
/// <param name="prompts">All its prompts.</param>
/// <param name="shard">Those that are generated.</param>
/// <param name="countCutTokens">Counts the text tokens of a prompt that the model does not see.</param>
/// <param name="enlargement">Enlarges images before they are saved; null if they stay as they are.</param>
internal sealed class BatchRunner(
    BatchFolder folder, BatchJob job, IReadOnlyList<NumberedPrompt> prompts, Shard shard, Func<string, int> countCutTokens, Enlargement? enlargement)
{
    private const string ImageColumn = "Image";
    private const string ScoreColumn = "Score";
    private const string PerplexityColumn = "Perplexity";
    private const string ErrorColumn = "Error";

    private static readonly MLContext ML = new();

    private readonly Stopwatch _sinceLast = new();
    private Dictionary<int, BatchEntry> _known = [];
    private Action _onFinished = () => { };

    /// <summary>Creates the pipeline.</summary>
    /// <param name="options">Model, batch size, sampling and cancellation; the runner names the columns.</param>
    public static DalleGenerateTransformer Load(DalleGenerateEstimator.Options options) => ML.Transforms
        .DalleGenerate(options with
        {
            InputColumnName = nameof(Row.Prompt),
            InputSeedColumnName = nameof(Row.Seed),
            OutputColumnName = ImageColumn,
            ScoreColumnName = ScoreColumn,
            PerplexityColumnName = options.Generation.RankBy == RankBy.Clip ? null : PerplexityColumn,
            ErrorColumnName = ErrorColumn,
        })
        .Fit(ML.Data.LoadFromEnumerable<Row>([]));

    /// <summary>Generates the prompts without an image; failed ones only if they are retried.</summary>
    /// <param name="transformer">The model, from <see cref="Load"/>.</param>
    /// <param name="retries">Whether failed prompts are generated again.</param>
    /// <param name="progress">Reports each image.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled. Finished images are kept.</exception>
    /// <exception cref="IOException">The folder can no longer be written. Finished images are kept.</exception>
    public BatchSummary Run(DalleGenerateTransformer transformer, bool retries, BatchProgress progress)
    {
        var clock = Stopwatch.StartNew();
        var before = BatchManifest.ReadAll(folder.FullPath).Select(each => each.Entries).ToArray();
        _known = BatchManifest.Combine(before, BatchManifest.Verifier(folder.FullPath, prompts, job.Seed, shard));
        var total = prompts.Count(prompt => shard.Holds(prompt.Index));
        NumberedPrompt[] todo;
        using (var manifest = new BatchManifest(folder, shard))
        {
            foreach (var entry in BatchManifest.Combine(before, BatchManifest.Replaced(folder, prompts, job.Seed, shard)).Values)
                File.Delete(folder.PathOf(entry.File));
            Rename(BatchManifest.Combine(before, BatchManifest.Renamed(folder, prompts, job.Seed, shard)).Values, manifest);
            todo = [.. prompts.Where(prompt => shard.Holds(prompt.Index) && IsLeft(prompt))];
            var finished = total - todo.Length;
            progress.Report(finished, total);
            _onFinished = () => progress.Report(++finished, total);
            GenerateAll(todo, transformer, manifest);
        }
        BatchManifest.Finish(folder, shard, _known.Values);
        return BatchSummary.Of(folder.PathOf(shard.ManifestName), total, _known.Values, generated: todo.Count(prompt => _known[prompt.Index].IsDone), job.Seed, clock.Elapsed);

        bool IsLeft(NumberedPrompt prompt) => !_known.TryGetValue(prompt.Index, out var entry) || (retries && !entry.IsDone);
    }

    /// <summary>Gives images the names of their prompts' new ids. A process that is killed in between loses an image, which is generated again.</summary>
    private void Rename(IEnumerable<BatchEntry> entries, BatchManifest manifest)
    {
        foreach (var entry in entries.Where(entry => !_known.ContainsKey(entry.Index)))
        {
            var renamed = entry with { Id = prompts[entry.Index].Id, File = FileNames.OfId(prompts[entry.Index].Id) };
            File.Move(folder.PathOf(entry.File), folder.PathOf(renamed.File));
            manifest.Append(renamed);
            _known[entry.Index] = renamed;
        }
    }

    private void GenerateAll(NumberedPrompt[] todo, DalleGenerateTransformer transformer, BatchManifest manifest)
    {
        _sinceLast.Start();
        var view = transformer.Transform(ML.Data.LoadFromEnumerable(todo.Select(prompt => Row.Of(prompt, job.Seed))));
        using var cursor = view.GetRowCursor(view.Schema.Where(column => column.Name is ImageColumn or ScoreColumn or PerplexityColumn or ErrorColumn));
        var imageGetter = cursor.GetGetter<MLImage>(view.Schema[ImageColumn]);
        var scoreGetter = cursor.GetGetter<float>(view.Schema[ScoreColumn]);
        var perplexityGetter = view.Schema.GetColumnOrNull(PerplexityColumn) is { } column ? cursor.GetGetter<float>(column) : null;
        var errorGetter = cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema[ErrorColumn]);
        foreach (var prompt in todo)
        {
            cursor.MoveNext();
            var error = default(ReadOnlyMemory<char>);
            errorGetter(ref error);
            if (!error.IsEmpty)
            {
                Note(prompt, new BatchEntry { Error = error.ToString() }, manifest);
                continue;
            }
            MLImage image = null!;
            var (score, perplexity) = (float.NaN, float.NaN);
            imageGetter(ref image);
            scoreGetter(ref score);
            perplexityGetter?.Invoke(ref perplexity);
            using (image)
                Keep(prompt, image, new BatchEntry { Score = Results.Finite(score), Perplexity = Results.Finite(perplexity) }, manifest);
        }
    }

    private void Keep(NumberedPrompt prompt, MLImage image, BatchEntry numbers, BatchManifest manifest)
    {
        using var enlarged = enlargement?.Apply(image);
        try
        {
            Note(prompt, numbers with { Sha256 = folder.Save(enlarged ?? image, FileNames.OfId(prompt.Id)) }, manifest);
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
            File = FileNames.OfId(prompt.Id),
            CutTokens = countCutTokens(prompt.Prompt) is > 0 and var cut ? cut : null,
            Seconds = Math.Round(_sinceLast.Elapsed.TotalSeconds, 3),
        };
        manifest.Append(entry);
        _known[prompt.Index] = entry;
        _sinceLast.Restart();
        _onFinished();
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }

        public static Row Of(NumberedPrompt prompt, ulong batchSeed) => new() { Prompt = prompt.Prompt, Seed = prompt.SeedAfter(batchSeed) };
    }
}
