using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>
/// DALL·E 2 (Ramesh et al. 2022, "Hierarchical text-conditional image generation with CLIP latents"): prompt → text features → image embedding by
/// the prior → a small image by the first stage → larger ones by the others. Thread-safe.
/// </summary>
internal sealed class UnclipGenerator(Bundle bundle, DalleDevice device, INoiseSource noise) : IImageGenerator
{
    // Of a large model each network is loaded once for so many images.
    private const int ImagesPerLoad = 16;

    private readonly UnclipGraphs _graphs = bundle.Manifest.Unclip!;
    private readonly NetworkCache _cache = new(bundle, device);
    private readonly RetryableLazy<PromptTokenizer> _tokenizer = new(() => new PromptTokenizer(bundle, bundle.Manifest.Unclip!.Text!.Format));

    public IEnumerable<Candidate> Generate(
        IReadOnlyList<GenerationRequest> requests, Range candidates, SamplingOptions sampling, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        Refuse(sampling.Temperature, nameof(sampling.Temperature));
        Refuse(sampling.TopK, nameof(sampling.TopK));
        Refuse(sampling.TopP, nameof(sampling.TopP));
        var (firstNumber, count) = candidates.GetOffsetAndLength(int.MaxValue);
        var (clock, done, total) = (Stopwatch.StartNew(), 0, requests.Count * count);
        var all = requests.SelectMany(request => Enumerable.Range(firstNumber, count).Select(number => (Request: request, Number: number)));
        foreach (var batch in all.Chunk(_cache.KeepsAll ? 1 : ImagesPerLoad))
        {
            var texts = batch.Select(each => ReadText(each.Request)).ToArray();
            var embeddings = batch.Select((each, i) => SampleEmbedding(texts[i], SeedOf(each), Report(i, 0), cancellationToken)).ToArray();
            var images = new ImageTensor?[batch.Length];
            for (var stage = 0; stage < _graphs.Stages.Count; stage++)
            {
                for (var i = 0; i < batch.Length; i++)
                {
                    images[i] = SampleImage(stage, texts[i], embeddings[i], images[i], SeedOf(batch[i]), sampling.GuidanceScale, Report(i, stage + 1), cancellationToken);
                    if (stage == _graphs.Stages.Count - 1)
                        yield return new Candidate(batch[i].Request, batch[i].Number, [], ToPixels(images[i]!));
                }
            }
            done += batch.Length;

            Action<int, float[]> Report(int i, int network) => (step, _) =>
            {
                var steps = (network == 0 ? _graphs.Prior!.Diffusion : _graphs.Stages[network - 1].Diffusion).Steps;
                progress?.Report(new GenerationProgress
                {
                    Image = (done + i) / count,
                    Images = requests.Count,
                    Candidate = (done + i) % count,
                    Candidates = count,
                    Step = step,
                    Steps = steps,
                    Tokens = ReadOnlyMemory<int>.Empty,
                    Fraction = (done + (network * batch.Length + i + step / (double)steps) / (_graphs.Stages.Count + 1)) / total,
                    Elapsed = clock.Elapsed,
                });
            };
        }
    }

    public void Dispose()
    {
        _cache.Dispose();
        _tokenizer.Dispose();
    }

    private static ulong SeedOf((GenerationRequest Request, int Number) image) => Seeds.OfCandidate(image.Request.Seed, image.Number);

    private TextFeatures ReadText(GenerationRequest request)
    {
        var tower = _graphs.Text!;
        using var tensors = new NamedTensors();
        long[] ids = [.. request.PromptTokens is { } given ? given.Select(id => (long)id) : _tokenizer.Value.Encode(request.Prompt), .. _tokenizer.Value.Unconditional(request.Prompt)];
        tensors.Add("ids", ids, 2, tower.Format.Total);
        using var network = _cache.Open(tower.File);
        network.Session.Run(tensors);
        return new TextFeatures(tensors.Values<float>("pooled"), tensors.Values<float>("sequence"), tensors.Values<bool>("mask"));
    }

    /// <summary>The image embedding of a text: of the prior's candidates the one of the largest cosine with the text.</summary>
    private float[] SampleEmbedding(TextFeatures text, ulong seed, Action<int, float[]> report, CancellationToken cancellationToken)
    {
        var (graphs, dimension) = (_graphs.Prior!, _graphs.EmbeddingDimension);
        var rules = graphs.Diffusion;
        var network = new DiffusionNetwork(_cache, 0, graphs.Condition, graphs.File, last: null, rules, [dimension], noise);
        var best = Array.Empty<float>();
        for (var (candidate, nearest) = (0, float.NegativeInfinity); candidate < graphs.Candidates; candidate++)
        {
            var embedding = network.Denoise(
                Scheduler.Create(rules, rules.Sampler, rules.Steps), rules.Guidance, text.AddTo, seed, candidate,
                x => BringTo(graphs.NoiseLength, x), report, cancellationToken);
            BringTo(graphs.ResultLength, embedding);
            if (graphs.Statistics is { } file)
            {
                var statistics = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(bundle.PathOf(file)));
                TensorPrimitives.MultiplyAdd(embedding, statistics[dimension..], statistics[..dimension], embedding);
            }
            var cosine = TensorPrimitives.CosineSimilarity(text.Pooled.AsSpan(0, dimension), embedding);
            if (best.Length == 0 || cosine > nearest)
                (best, nearest) = (embedding, cosine);
        }
        return best;

        static void BringTo(float? length, float[] x)
        {
            if (length is { } value)
                Thresholding.BringToLength(x, value);
        }
    }

    /// <summary>The image of a stage, in −1..1.</summary>
    private ImageTensor SampleImage(
        int number, TextFeatures text, float[] embedding, ImageTensor? before, ulong seed, float? guidance, Action<int, float[]> report,
        CancellationToken cancellationToken)
    {
        var stage = _graphs.Stages[number];
        var rules = stage.Diffusion;
        var network = new DiffusionNetwork(_cache, number + 1, stage.Condition, stage.File, stage.Last, rules, [3, stage.Size, stage.Size], noise);
        var lowResolution = stage.LowResolution is { } rule ? Enlarge(before!, stage.Size, rule, number + 1, seed) : null;
        // The caller's scale is that of the stage that sees the text; the others make its image larger.
        var scale = number == 0 ? guidance ?? rules.Guidance : rules.Guidance;
        var x = network.Denoise(
            Scheduler.Create(rules, rules.Sampler, rules.Steps), scale, AddConditions, seed, pass: 0, prepare: null, report, cancellationToken);
        return new ImageTensor(stage.Size, stage.Size, x);

        void AddConditions(NamedTensors tensors, int rows)
        {
            text.AddTo(tensors, rows);
            tensors.Add("embedding", [.. Enumerable.Repeat(embedding, rows).SelectMany(values => values)], rows, embedding.Length);
            if (lowResolution is null)
                return;
            tensors.Add("low_res", [.. Enumerable.Repeat(lowResolution, rows).SelectMany(values => values)], rows, 3, stage.Size, stage.Size);
            if (stage.LowResolution!.Noise is { } noised)
                tensors.Add("low_res_level", [.. Enumerable.Repeat((long)noised.Level, rows)], rows);
        }
    }

    private float[] Enlarge(ImageTensor image, int size, LowResolution rule, int number, ulong seed)
    {
        TensorPrimitives.Clamp(image.Values, -1, 1, image.Values);
        var values = (rule.Resample == Upsampling.Nearest
            ? FloatResampler.Nearest(image, size, size)
            : FloatResampler.Squash(image, size, size, ResampleFilter.Bicubic)).Values;
        if (rule.Noise is { } noised)
        {
            var fresh = new float[values.Length];
            noise.Fill(seed, new NoiseKey(number, NoiseUse.LowResolution), fresh);
            DiffusionProcess.Of(noised.Schedule).AddNoise(noised.Level, values, fresh, values);
        }
        return values;
    }

    private static ImageTensor ToPixels(ImageTensor image) =>
        new(image.Width, image.Height, Array.ConvertAll(image.Values, value => Math.Clamp((value + 1) / 2, 0, 1)));

    private void Refuse<T>(T? value, string option)
        where T : struct
    {
        if (value is not null)
            throw new NotSupportedException($"'{option}' is for models that sample image tokens; '{bundle.Manifest.Name}' is a diffusion model. Leave it out.");
    }
}
