using System.Diagnostics;
using System.Globalization;
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
/// <param name="bundle">The bundle.</param>
/// <param name="device">Device to run on.</param>
/// <param name="noise">Where noise comes from.</param>
/// <param name="memory">Bytes of weights that stay in memory.</param>
internal sealed class UnclipGenerator(Bundle bundle, DalleDevice device, INoiseSource noise, long memory = 1L << 30) : IImageGenerator
{
    // Of a large model each network is loaded once for so many images.
    private const int ImagesPerLoad = 16;

    private const string TokensAlone = "is for models that sample image tokens; '{0}' is a diffusion model";
    private const string DecodersAlone = "is for models with a decoder; '{0}' is a prior alone";
    private const string PriorsAlone = "is for models with a prior; '{0}' has none";
    private const string DecoderIdles = "is for the decoder, which does not run here";
    private const string PriorIdles = "is for the prior, which does not run here: the image embedding is given or that of an image";

    private readonly UnclipGraphs _graphs = bundle.Manifest.Unclip!;
    private readonly NetworkCache _cache = new(bundle, device, memory);
    private readonly RetryableLazy<PromptTokenizer> _tokenizer = new(() => new PromptTokenizer(bundle, bundle.Manifest.Unclip!.Text!.Format));

    public IEnumerable<IEnumerable<Candidate>> Generate(
        IReadOnlyList<GenerationRequest> requests, Range candidates, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        CheckOptions(requests, options);
        var (firstNumber, count) = candidates.GetOffsetAndLength(int.MaxValue);
        var all = requests.SelectMany((request, index) => Enumerable.Range(firstNumber, count).Select(number => (Index: index, Request: request, Number: number)));
        return Generate(all, requests.Count, count, options, progress, cancellationToken);
    }

    /// <summary>Samples the image embedding of each request's prompt.</summary>
    public IEnumerable<float[]> GenerateEmbeddings(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        CheckOptions(options);
        Refuse(options.Sampling.GuidanceScale is not null, nameof(options.Sampling.GuidanceScale), DecoderIdles + "; the prior's is 'PriorGuidance'");
        Refuse(options.Diffusion.DecoderSteps is not null, nameof(options.Diffusion.DecoderSteps), DecoderIdles);
        Refuse(options.Diffusion.UpsamplerSteps is not null, nameof(options.Diffusion.UpsamplerSteps), DecoderIdles);
        Refuse(options.Candidates > 1, nameof(options.Candidates), "is for images; embeddings differ by their seeds");
        Refuse(options.FirstCandidate > 0, nameof(options.FirstCandidate), "is for images");
        var (clock, done) = (Stopwatch.StartNew(), 0);
        foreach (var batch in requests.Chunk(BatchSize))
        {
            var taken = 0;
            var pictures = batch.Select((request, i) => new Picture(i, request, request.Seed, ReadText(request))).ToArray();
            foreach (var embedding in SampleEmbeddings(pictures, options.Diffusion, Report, cancellationToken).OfType<float[]>())
                yield return embedding;
            done += batch.Length;

            void Report(int i, int step, int steps, float[] estimate) => progress?.Report(new GenerationProgress
            {
                Image = done + i,
                Images = requests.Count,
                Candidate = 0,
                Candidates = 1,
                Stages = 1,
                Step = step,
                Steps = steps,
                Tokens = ReadOnlyMemory<int>.Empty,
                Fraction = (done + ++taken / (double)steps) / requests.Count,
                Elapsed = clock.Elapsed,
            });
        }
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
            (Fit.Crop, false) => FloatResampler.CropPadded(image, tower.Size, tower.Size),
            (Fit.Squash, false) => FloatResampler.SquashPadded(image, tower.Size, tower.Size),
            _ => FloatResampler.SquashPadded(image.CenterSquare(), tower.Size, tower.Size),
        };
        using var tensors = new NamedTensors();
        tensors.Add("pixels", fitted.Values, 1, 3, tower.Size, tower.Size);
        using var network = _cache.Open(tower.File);
        return network.Session.Run<float>(tensors, "features");
    }

    /// <exception cref="ArgumentOutOfRangeException">A number of steps is more than a network has.</exception>
    /// <exception cref="DalleOptionException">An option is for models of another kind.</exception>
    public void CheckOptions(GenerationOptions options)
    {
        var (sampling, diffusion, stages) = (options.Sampling, options.Diffusion, _graphs.Stages);
        Refuse(sampling.Temperature is not null, nameof(sampling.Temperature), TokensAlone);
        Refuse(sampling.TopK is not null, nameof(sampling.TopK), TokensAlone);
        Refuse(sampling.TopP is not null, nameof(sampling.TopP), TokensAlone);
        Refuse(sampling.GuidanceScale is not null && stages.Count == 0, nameof(sampling.GuidanceScale), DecodersAlone);
        // What the first stage sees is computed once, by a graph of its own.
        Refuse(sampling.GuidanceScale is not null && stages.Count > 0 && stages[0].Condition is null, nameof(sampling.GuidanceScale), "is for models whose decoder sees a text or an image embedding; that of '{0}' sees neither");
        Refuse(diffusion.DecoderSteps is not null && stages.Count == 0, nameof(diffusion.DecoderSteps), DecodersAlone);
        Refuse(diffusion.UpsamplerSteps is not null && stages.Count < 2, nameof(diffusion.UpsamplerSteps), "is for models with upsamplers; '{0}' has none");
        Refuse(diffusion.PriorSteps is not null && _graphs.Prior is null, nameof(diffusion.PriorSteps), PriorsAlone);
        Refuse(diffusion.PriorGuidance is not null && _graphs.Prior is null, nameof(diffusion.PriorGuidance), PriorsAlone);
        Refuse(diffusion.PriorGuidance is not null && _graphs.Prior is { HeedsGuidance: false }, nameof(diffusion.PriorGuidance),
            "is for models whose prior predicts something else without the text; that of '{0}' does not");
        Refuse(diffusion.IsFast && _graphs.Prior?.Diffusion.FastSteps is null && stages.All(stage => stage.Diffusion.FastSteps is null), nameof(diffusion.IsFast),
            "is for models that name smaller numbers of steps for speed; '{0}' names none");

        // Numbers of steps that cannot be met are told before the first network runs.
        if (_graphs.Prior is { } prior)
            PriorScheduler(prior.Diffusion, options.Diffusion);
        for (var stage = 0; stage < _graphs.Stages.Count; stage++)
            StageScheduler(stage, _graphs.Stages[stage].Diffusion.Sampler, options.Diffusion);
    }

    /// <summary>Refuses options that the model cannot honour, or that have no part in what is requested.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is more than a network has, or one that an image cannot be inverted in.</exception>
    /// <exception cref="DalleOptionException">An option has no effect.</exception>
    public void CheckOptions(IReadOnlyList<GenerationRequest> requests, GenerationOptions options)
    {
        CheckOptions(options);
        var runsPrior = requests.Any(request => request.ImageEmbedding is null);
        Refuse(options.Diffusion.PriorSteps is not null && !runsPrior, nameof(options.Diffusion.PriorSteps), PriorIdles);
        Refuse(options.Diffusion.PriorGuidance is not null && !runsPrior, nameof(options.Diffusion.PriorGuidance), PriorIdles);
        if (requests.Any(request => request.Inverted is not null))
            StageScheduler(0, DiffusionSampler.Ddim, options.Diffusion, eta: 0);
    }

    public void Dispose()
    {
        _cache.Dispose();
        _tokenizer.Dispose();
    }

    private IEnumerable<IEnumerable<Candidate>> Generate(
        IEnumerable<(int Index, GenerationRequest Request, int Number)> all, int images, int count, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        var (clock, done, total) = (Stopwatch.StartNew(), 0, images * count);
        foreach (var batch in all.Chunk(BatchSize))
        {
            var pictures = batch.Select((each, i) => new Picture(i, each.Request, Seeds.OfCandidate(each.Request.Seed, each.Number), ReadText(each.Request))).ToArray();
            Picture[] embedded = [.. pictures.Where(picture => picture.Embedding is null)];
            foreach (var (picture, embedding) in embedded.Zip(SampleEmbeddings(embedded, options.Diffusion, Reporter(0), cancellationToken)))
                picture.Embedding = embedding;
            for (var stage = 0; stage < _graphs.Stages.Count; stage++)
            {
                // The others were cancelled.
                Picture[] left = [.. pictures.Where(picture => picture.Embedding is not null && (stage == 0 || picture.Image is not null))];
                foreach (var (picture, image) in left.Zip(SampleImages(stage, left, options, Reporter(stage + 1), cancellationToken)))
                {
                    picture.Image = image;
                    if (stage == _graphs.Stages.Count - 1 && image is not null)
                        yield return [new Candidate(batch[picture.Place].Index, picture.Request, batch[picture.Place].Number, [], image.ToUnitRange)];
                }
            }
            done += batch.Length;

            Action<int, int, int, float[]> Reporter(int network)
            {
                // Pictures of a batch may take different numbers of steps.
                var taken = 0.0;
                // Where image embeddings are given, the prior has no part in the work.
                var first = embedded.Length == 0 ? 1 : 0;
                return (i, step, steps, estimate) => progress?.Report(new GenerationProgress
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
                    Fraction = (done + ((network - first) * batch.Length + (taken += 1.0 / steps)) / (_graphs.Stages.Count + 1 - first)) / total,
                    Elapsed = clock.Elapsed,
                });
            }
        }
    }

    // The networks of a small model stay in memory, so that each image is finished before the next is begun.
    private int BatchSize => _cache.KeepsAll ? 1 : ImagesPerLoad;

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

    /// <summary>
    /// The image embeddings of texts: of the prior's candidates for each the one of the largest cosine with the text. Null for a picture that was
    /// cancelled.
    /// </summary>
    private IEnumerable<float[]?> SampleEmbeddings(
        IReadOnlyList<Picture> pictures, DiffusionOptions options, Action<int, int, int, float[]> report, CancellationToken cancellationToken)
    {
        if (pictures.Count == 0)
            yield break;
        var graphs = _graphs.Prior ?? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' has no prior, which makes an image embedding of a text.");
        var (rules, dimension) = (graphs.Diffusion, _graphs.EmbeddingDimension);
        var network = new DiffusionNetwork(_cache, 0, graphs.Condition, graphs.File, last: null, rules, [dimension], noise);
        var scheduler = PriorScheduler(rules, options);
        var runs = pictures.SelectMany(picture => Enumerable.Range(0, graphs.Candidates).Select(candidate =>
            new Denoising(scheduler, options.PriorGuidance ?? rules.Guidance, picture.Text.AddTo, picture.Seed,
                (step, steps, estimate) => report(picture.Place, candidate * steps + step, graphs.Candidates * steps, estimate))
            {
                Candidate = candidate,
                NoiseLength = graphs.NoiseLength,
                CancellationToken = picture.Request.CancellationToken,
            }));
        foreach (var (i, candidates) in network.Denoise([.. runs], cancellationToken).Chunk(graphs.Candidates).Index())
        {
            var pooled = pictures[i].Text.Pooled.AsMemory(0, dimension);
            // The first of those that are equally near.
            yield return candidates.Contains(null) ? null
                : candidates.Select(x => ToEmbedding(graphs, x!)).MaxBy(embedding => TensorPrimitives.CosineSimilarity(pooled.Span, embedding));
        }
    }

    /// <summary>The embedding that x of the prior stands for.</summary>
    private float[] ToEmbedding(DiffusionPriorGraphs graphs, float[] x)
    {
        if (graphs.ResultLength is { } length)
            Thresholding.BringToLength(x, length);
        if (graphs.Statistics is { } file)
        {
            var statistics = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(bundle.PathOf(file)));
            TensorPrimitives.MultiplyAdd(x, statistics[x.Length..], statistics[..x.Length], x);
        }
        return x;
    }

    /// <summary>The images of a stage, in −1..1; null for one that was cancelled.</summary>
    private IEnumerable<ImageTensor?> SampleImages(
        int number, IReadOnlyList<Picture> pictures, GenerationOptions options, Action<int, int, int, float[]> report, CancellationToken cancellationToken)
    {
        var stage = _graphs.Stages[number];
        var network = new DiffusionNetwork(_cache, number + 1, stage.Condition, stage.File, stage.Last, stage.Diffusion, [3, stage.Size, stage.Size], noise);
        var runs = pictures.Select(picture => DenoisingOf(number, picture, options, (step, steps, estimate) => report(picture.Place, step, steps, estimate)));
        return network.Denoise([.. runs], cancellationToken).Select(x => x is null ? null : new ImageTensor(stage.Size, stage.Size, x));
    }

    private Denoising DenoisingOf(int number, Picture picture, GenerationOptions options, Action<int, int, float[]> report)
    {
        var stage = _graphs.Stages[number];
        var lowResolution = stage.LowResolution is { } rule ? Enlarge(picture.Image!, stage.Size, rule, number + 1, picture.Seed) : null;
        var inverted = number == 0 ? picture.Request.Inverted : null;
        // The caller's scale is that of the stage that sees the text; the others make its image larger. What is inverted is so without guidance.
        var scale = number > 0 ? stage.Diffusion.Guidance : options.Sampling.GuidanceScale ?? (inverted is null ? stage.Diffusion.Guidance : 1);
        var sampler = inverted is null ? stage.Diffusion.Sampler : DiffusionSampler.Ddim;
        return new Denoising(StageScheduler(number, sampler, options.Diffusion, inverted?.Strength), scale, AddConditions, picture.Seed, report)
        {
            Inversion = inverted is null ? null : new Inversion(
                FitToStage(inverted.Image, stage.Size).ToSymmetricRange().Values, (DdimScheduler)StageScheduler(number, sampler, options.Diffusion, eta: 0)),
            Known = picture.Request.KnownPixels is { } known ? KnownPartOf(known, stage) : null,
            CancellationToken = picture.Request.CancellationToken,
        };

        void AddConditions(NamedTensors tensors, int rows)
        {
            picture.Text.AddTo(tensors, rows);
            tensors.Add("embedding", [.. Enumerable.Repeat(picture.Embedding!, rows).SelectMany(values => values)], rows, picture.Embedding!.Length);
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
    private ImageTensor FitToStage(ImageTensor image, int size) => FloatResampler.Resize(image, size, _graphs.Stages[^1].LowResolution?.Resample ?? Upsampling.Bicubic, black: 0);

    private float[] Enlarge(ImageTensor image, int size, LowResolution rule, int number, ulong seed)
    {
        TensorPrimitives.Clamp(image.Values, -1, 1, image.Values);
        var values = FloatResampler.Resize(image, size, rule.Resample, black: -1).Values;
        if (rule.Noise is { } noised)
        {
            var fresh = new float[values.Length];
            noise.Fill(seed, new NoiseKey(number, NoiseUse.LowResolution), fresh);
            DiffusionProcess.Of(noised.Schedule).AddNoise(noised.Level, values, fresh, values);
        }
        return values;
    }

    /// <param name="isSet">Whether the option is set.</param>
    /// <param name="option">Its name.</param>
    /// <param name="reason">Why the model cannot honour it; {0} stands for the model's name.</param>
    private void Refuse(bool isSet, string option, string reason)
    {
        if (isSet)
            throw new DalleOptionException(option, string.Format(CultureInfo.InvariantCulture, reason, bundle.Manifest.Name));
    }

    /// <summary>An image in the making.</summary>
    /// <param name="Place">Its place among those that are made together.</param>
    /// <param name="Request">What to generate.</param>
    /// <param name="Seed">Seed of the candidate.</param>
    /// <param name="Text">The features of its prompt.</param>
    private sealed record Picture(int Place, GenerationRequest Request, ulong Seed, TextFeatures Text)
    {
        public float[]? Embedding { get; set; } = Request.ImageEmbedding;

        /// <summary>What the last stage made of it.</summary>
        public ImageTensor? Image { get; set; }
    }
}
