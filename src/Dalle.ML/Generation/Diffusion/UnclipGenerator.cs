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
        IReadOnlyList<GenerationRequest> requests, Range candidates, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        var (firstNumber, count) = candidates.GetOffsetAndLength(int.MaxValue);
        var all = requests.SelectMany((request, index) => Enumerable.Range(firstNumber, count).Select(number => (Index: index, Request: request, Number: number)));
        return Generate(all, requests.Count, count, options, progress, cancellationToken);
    }

    /// <summary>Samples the image embedding of each request's prompt.</summary>
    public IEnumerable<float[]> GenerateEmbeddings(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        CheckOptions(options);
        var (clock, done) = (Stopwatch.StartNew(), 0);
        foreach (var request in requests)
        {
            yield return SampleEmbedding(ReadText(request), request.Seed, options.Diffusion, Report, cancellationToken);
            done++;
        }

        void Report(int step, int steps, float[] estimate) => progress?.Report(new GenerationProgress
        {
            Image = done,
            Images = requests.Count,
            Candidate = 0,
            Candidates = 1,
            Stages = 1,
            Step = step,
            Steps = steps,
            Tokens = ReadOnlyMemory<int>.Empty,
            Fraction = (done + step / (double)steps) / requests.Count,
            Elapsed = clock.Elapsed,
        });
    }

    /// <summary>The embedding of a text, in the space of image embeddings.</summary>
    public float[] EmbedText(string text) => ReadText(new GenerationRequest(text, Seed: 0)).Pooled[.._graphs.EmbeddingDimension];

    /// <summary>The image embedding of an image, as the decoder takes it.</summary>
    /// <param name="image">The image, in 0..1, of any size.</param>
    /// <exception cref="NotSupportedException">The bundle has no image tower.</exception>
    public float[] EmbedImage(ImageTensor image)
    {
        var tower = _graphs.Image ?? throw new NotSupportedException(
            $"The model '{bundle.Manifest.Name}' has no image tower, which variations need. Export it with the checkpoint's CLIP.");
        var fitted = (tower.Fit, tower.Rounds) switch
        {
            (_, true) => Resampler.Fit(image, tower.Size, tower.Fit, tower.Resample),
            (Fit.Crop, false) => FloatResampler.ResizeAndCenterCrop(image, tower.Size, tower.Size, tower.Resample),
            (Fit.Squash, false) => FloatResampler.Squash(image, tower.Size, tower.Size, tower.Resample),
            _ => FloatResampler.Squash(image.CenterSquare(), tower.Size, tower.Size, tower.Resample),
        };
        using var tensors = new NamedTensors();
        tensors.Add("pixels", fitted.Values, 1, 3, tower.Size, tower.Size);
        using var network = _cache.Open(tower.File);
        return network.Session.Run<float>(tensors, "features");
    }

    public void Dispose()
    {
        _cache.Dispose();
        _tokenizer.Dispose();
    }

    private IEnumerable<Candidate> Generate(
        IEnumerable<(int Index, GenerationRequest Request, int Number)> all, int images, int count, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        CheckOptions(options);
        var (clock, done, total) = (Stopwatch.StartNew(), 0, images * count);
        foreach (var batch in all.Chunk(_cache.KeepsAll ? 1 : ImagesPerLoad))
        {
            var texts = batch.Select(each => ReadText(each.Request)).ToArray();
            // Null where the request was cancelled.
            var embeddings = batch.Select((each, i) => each.Request.ImageEmbedding ?? UnlessCancelled(
                each.Request, token => SampleEmbedding(texts[i], SeedOf(each.Request, each.Number), options.Diffusion, Report(i, 0), token), cancellationToken)).ToArray();
            var stages = new ImageTensor?[batch.Length];
            for (var stage = 0; stage < _graphs.Stages.Count; stage++)
            {
                for (var i = 0; i < batch.Length; i++)
                {
                    var (index, request, number) = batch[i];
                    if (embeddings[i] is not { } embedding || (stage > 0 && stages[i] is null))
                        continue;
                    var picture = new Picture(request, SeedOf(request, number), texts[i], embedding);
                    var (before, report) = (stages[i], Report(i, stage + 1));
                    stages[i] = UnlessCancelled(request, token => SampleImage(stage, picture, before, options, report, token), cancellationToken);
                    if (stage == _graphs.Stages.Count - 1 && stages[i] is { } finished)
                        yield return new Candidate(index, request, number, [], finished.ToUnitRange());
                }
            }
            done += batch.Length;

            Action<int, int, float[]> Report(int i, int network) => (step, steps, estimate) => progress?.Report(new GenerationProgress
            {
                Image = (done + i) / count,
                Images = images,
                Candidate = (done + i) % count,
                Candidates = count,
                Stage = network,
                Stages = _graphs.Stages.Count + 1,
                Step = step,
                Steps = steps,
                Tokens = ReadOnlyMemory<int>.Empty,
                Estimate = network == 0 ? null : new ImageTensor(_graphs.Stages[network - 1].Size, _graphs.Stages[network - 1].Size, estimate),
                Fraction = (done + (network * batch.Length + i + step / (double)steps) / (_graphs.Stages.Count + 1)) / total,
                Elapsed = clock.Elapsed,
            });
        }
    }

    private static ulong SeedOf(GenerationRequest request, int number) => Seeds.OfCandidate(request.Seed, number);

    /// <summary>The result of a part of the work, null if its request alone was cancelled.</summary>
    private static T? UnlessCancelled<T>(GenerationRequest request, Func<CancellationToken, T> run, CancellationToken all)
        where T : class
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(all, request.CancellationToken);
        try
        {
            return run(either.Token);
        }
        catch (OperationCanceledException) when (request.CancellationToken.IsCancellationRequested && !all.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The features of a prompt; none where no network takes a text.</summary>
    private TextFeatures ReadText(GenerationRequest request)
    {
        if (_graphs.Text is not { } tower)
            return request.Prompt.Length == 0 ? TextFeatures.None : throw new NotSupportedException($"The model '{bundle.Manifest.Name}' reads no text. Leave the prompt empty.");
        using var tensors = new NamedTensors();
        long[] ids = [.. request.PromptTokens is { } given ? given.Select(id => (long)id) : _tokenizer.Value.Encode(request.Prompt), .. _tokenizer.Value.Unconditional(request.Prompt)];
        tensors.Add("ids", ids, 2, tower.Format.Total);
        using var network = _cache.Open(tower.File);
        network.Session.Run(tensors);
        return new TextFeatures(tensors.Values<float>("pooled"), tensors.Values<float>("sequence"), tensors.Values<bool>("mask"));
    }

    /// <summary>The image embedding of a text: of the prior's candidates the one of the largest cosine with the text.</summary>
    private float[] SampleEmbedding(
        TextFeatures text, ulong seed, DiffusionOptions options, Action<int, int, float[]> report, CancellationToken cancellationToken)
    {
        var graphs = _graphs.Prior ?? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' has no prior, which makes an image embedding of a text.");
        var (rules, dimension) = (graphs.Diffusion, _graphs.EmbeddingDimension);
        var network = new DiffusionNetwork(_cache, 0, graphs.Condition, graphs.File, last: null, rules, [dimension], noise);
        var scheduler = PriorScheduler(rules, options);
        var best = Array.Empty<float>();
        for (var (candidate, nearest) = (0, float.NegativeInfinity); candidate < graphs.Candidates; candidate++)
        {
            var (number, steps) = (candidate, scheduler.Steps);
            var run = new Denoising(scheduler, options.PriorGuidance ?? rules.Guidance, text.AddTo, seed,
                (step, _, estimate) => report(number * steps + step, graphs.Candidates * steps, estimate))
            {
                Candidate = candidate,
                Prepare = x => BringTo(graphs.NoiseLength, x),
            };
            var embedding = network.Denoise(run, cancellationToken);
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
        int number, Picture picture, ImageTensor? before, GenerationOptions options, Action<int, int, float[]> report, CancellationToken cancellationToken)
    {
        var stage = _graphs.Stages[number];
        var rules = stage.Diffusion;
        var network = new DiffusionNetwork(_cache, number + 1, stage.Condition, stage.File, stage.Last, rules, [3, stage.Size, stage.Size], noise);
        var lowResolution = stage.LowResolution is { } rule ? Enlarge(before!, stage.Size, rule, number + 1, picture.Seed) : null;
        var inverted = number == 0 ? picture.Request.Inverted : null;
        // The caller's scale is that of the stage that sees the text; the others make its image larger. What is inverted is so without guidance.
        var scale = number > 0 ? rules.Guidance : options.Sampling.GuidanceScale ?? (inverted is null ? rules.Guidance : 1);
        var sampler = inverted is null ? rules.Sampler : DiffusionSampler.Ddim;
        var start = inverted is null ? null : network.Invert(
            (DdimScheduler)StageScheduler(number, sampler, options.Diffusion, eta: 0), AddConditions,
            FitToStage(inverted.Image, stage.Size).ToSymmetricRange().Values, cancellationToken);
        var run = new Denoising(
            StageScheduler(number, sampler, options.Diffusion, inverted?.Strength), scale, AddConditions, picture.Seed, report)
        {
            Prepare = start is null ? null : x => start.CopyTo(x, 0),
            Known = picture.Request.KnownPixels is { } known ? KnownPartOf(known, stage) : null,
        };
        return new ImageTensor(stage.Size, stage.Size, network.Denoise(run, cancellationToken));

        void AddConditions(NamedTensors tensors, int rows)
        {
            picture.Text.AddTo(tensors, rows);
            tensors.Add("embedding", [.. Enumerable.Repeat(picture.Embedding, rows).SelectMany(values => values)], rows, picture.Embedding.Length);
            if (lowResolution is null)
                return;
            tensors.Add("low_res", [.. Enumerable.Repeat(lowResolution, rows).SelectMany(values => values)], rows, 3, stage.Size, stage.Size);
            if (stage.LowResolution!.Noise is { } noised)
                tensors.Add("low_res_level", [.. Enumerable.Repeat((long)noised.Level, rows)], rows);
        }
    }

    private Scheduler PriorScheduler(DiffusionRules rules, DiffusionOptions options) =>
        CreateScheduler(rules, rules.Sampler, options.PriorSteps, nameof(options.PriorSteps), options.IsFast);

    private Scheduler StageScheduler(int number, DiffusionSampler sampler, DiffusionOptions options, float? eta = null) => number == 0
        ? CreateScheduler(_graphs.Stages[number].Diffusion, sampler, options.DecoderSteps, nameof(options.DecoderSteps), options.IsFast, eta)
        : CreateScheduler(_graphs.Stages[number].Diffusion, sampler, options.UpsamplerSteps, nameof(options.UpsamplerSteps), options.IsFast, eta);

    private Scheduler CreateScheduler(DiffusionRules rules, DiffusionSampler sampler, int? given, string option, bool isFast, float? eta = null)
    {
        var steps = given ?? (isFast ? rules.FastSteps : null) ?? rules.Steps;
        if (steps > rules.Schedule.Timesteps)
            throw new ArgumentOutOfRangeException(option, steps, $"{option} must be between 1 and {rules.Schedule.Timesteps} for the model '{bundle.Manifest.Name}'.");
        try
        {
            return Scheduler.Create(rules, sampler, steps, eta);
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw new ArgumentOutOfRangeException(option, steps, $"{option}: {exception.Message.Split('\n')[0].Trim()}");
        }
    }

    private KnownPart KnownPartOf(KnownPixels known, DiffusionStage stage)
    {
        var mask = new ImageTensor(known.Image.Width, known.Image.Height, Array.ConvertAll(known.IsKept, kept => kept ? 1f : 0));
        return new KnownPart(
            FitToStage(known.Image, stage.Size).ToSymmetricRange().Values,
            Array.ConvertAll(FloatResampler.Nearest(mask, stage.Size, stage.Size).Values, kept => kept > 0), stage.InpaintPasses);
    }

    /// <summary>A square image in the size of a stage, resized as the stages are given the images of those before them.</summary>
    private ImageTensor FitToStage(ImageTensor image, int size) => Resize(image, size, _graphs.Stages[^1].LowResolution?.Resample ?? Upsampling.Bicubic);

    private static ImageTensor Resize(ImageTensor image, int size, Upsampling kind) => kind == Upsampling.Nearest
        ? FloatResampler.Nearest(image, size, size)
        : FloatResampler.Squash(image, size, size, ResampleFilter.Bicubic);

    private float[] Enlarge(ImageTensor image, int size, LowResolution rule, int number, ulong seed)
    {
        TensorPrimitives.Clamp(image.Values, -1, 1, image.Values);
        var values = Resize(image, size, rule.Resample).Values;
        if (rule.Noise is { } noised)
        {
            var fresh = new float[values.Length];
            noise.Fill(seed, new NoiseKey(number, NoiseUse.LowResolution), fresh);
            DiffusionProcess.Of(noised.Schedule).AddNoise(noised.Level, values, fresh, values);
        }
        return values;
    }

    private void CheckOptions(GenerationOptions options)
    {
        Refuse(options.Sampling.Temperature, nameof(options.Sampling.Temperature));
        Refuse(options.Sampling.TopK, nameof(options.Sampling.TopK));
        Refuse(options.Sampling.TopP, nameof(options.Sampling.TopP));
        if (options.Diffusion.UpsamplerSteps is not null && _graphs.Stages.Count < 2)
            throw new NotSupportedException($"'{nameof(options.Diffusion.UpsamplerSteps)}' is for models with upsamplers; '{bundle.Manifest.Name}' has none. Leave it out.");

        // Numbers of steps that cannot be met are told before the first network runs.
        if (_graphs.Prior is { } prior)
            PriorScheduler(prior.Diffusion, options.Diffusion);
        for (var stage = 0; stage < _graphs.Stages.Count; stage++)
            StageScheduler(stage, _graphs.Stages[stage].Diffusion.Sampler, options.Diffusion);
    }

    private void Refuse<T>(T? value, string option)
        where T : struct
    {
        if (value is not null)
            throw new NotSupportedException($"'{option}' is for models that sample image tokens; '{bundle.Manifest.Name}' is a diffusion model. Leave it out.");
    }

    /// <summary>An image in the making.</summary>
    private sealed record Picture(GenerationRequest Request, ulong Seed, TextFeatures Text, float[] Embedding);
}
