using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Generation;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Engine;

/// <summary>
/// DALL·E as a whole: a generator makes candidates, CLIP scores them, the best are kept. One engine per bundle and device, shared by all models
/// that use it; its sessions are created when they are first needed. Thread-safe.
/// </summary>
internal sealed class DalleEngine : IDisposable
{
    // The operators of a small image are too short for several threads, so that such images are decoded side by side; one of this size keeps all busy.
    private const int PixelsAtOnce = 256 * 256;

    private readonly RetryableLazy<PromptTokenizer> _tokenizer;
    private readonly AutoregressiveGenerator? _autoregressive;
    private readonly IImageGenerator? _generator;
    private readonly TextCompleter? _text;
    private readonly UnclipGenerator? _unclip;
    private readonly RetryableLazy<ClipModel>? _clip;
    private readonly Upscaler? _upscaler;
    private readonly FeatureExtractor? _features;
    private readonly int _imagesAtOnce = 1;

    /// <exception cref="DalleDeviceException">The device cannot be used.</exception>
    public DalleEngine(Bundle bundle, DalleDevice device)
    {
        var manifest = bundle.Manifest;
        (Bundle, Device) = (bundle, device);
        Vocabulary = Vocabulary.Read(bundle);
        Vae = new DiscreteVae(bundle, device);
        _tokenizer = new(() => new PromptTokenizer(bundle, TextFormat));
        if (manifest is { Decoder: not null, Image: not null })
            _autoregressive = new AutoregressiveGenerator(bundle, _tokenizer, Vae, device);
        if (manifest.TextDecoder is { } textDecoder)
            _text = new TextCompleter(bundle, textDecoder, _tokenizer, device);
        _unclip = manifest.Unclip is null ? null : new UnclipGenerator(bundle, device, new PhiloxNoise());
        if (manifest.Unclip is { Stages.Count: > 0 })
            _generator = _unclip;
        else if (manifest.ImageDecoder is not null)
            _generator = _autoregressive;
        if (manifest.Image is { } image && device.GpuDeviceId is null && device.SharesThreads)
            _imagesAtOnce = Math.Clamp(PixelsAtOnce / (image.Width * image.Height), 1, Math.Max(1, CpuCores.Threads));
        if (manifest.Clip is { } clip)
            _clip = new(() => new ClipModel(bundle, clip, device));
        if (manifest.Upscaler is { } upscaler)
            _upscaler = new Upscaler(bundle, upscaler, device);
        if (manifest.Features is { } features)
            _features = new FeatureExtractor(bundle, features, device);

        // Only a session shows whether a device can be used; a caller who requested one wants to know now.
        if (device != DalleDevice.Cpu)
            _autoregressive?.PrepareDecoder();
    }

    public Bundle Bundle { get; }

    public DalleDevice Device { get; }

    /// <summary>The words that the model was trained on; null where its bundle does not tell.</summary>
    public Vocabulary? Vocabulary { get; }

    public DiscreteVae Vae { get; }

    /// <summary>How a prompt becomes ids.</summary>
    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public TextFormat TextFormat => Bundle.Manifest.Text ?? Bundle.Manifest.Unclip?.Text?.Format ?? throw CannotGenerate();

    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public PromptTokenizer Tokenizer => _tokenizer.Value;

    /// <exception cref="NotSupportedException">The bundle does not complete text.</exception>
    public TextCompleter Text => _text ?? throw new NotSupportedException(
        $"The model '{Bundle.Manifest.Name}' does not complete text: " + (Bundle.Manifest is { Decoder: not null, TextEncoder: null }
            ? "its bundle has no logits of the text ('textDecoder'). Export it again from its checkpoint, if that has a head for the text."
            : "it has no transformer that models text and image in one stream, as those of the families dalle, dalle-pytorch, ru-dalle and minDALL-E are."));

    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2.</exception>
    public UnclipGenerator Unclip => _unclip
        ?? throw new NotSupportedException($"This takes a DALL·E 2 model, which makes images from image embeddings; '{Bundle.Manifest.Name}' samples image tokens.");

    /// <exception cref="NotSupportedException">The bundle has no CLIP.</exception>
    public ClipModel Clip => _clip?.Value ?? throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no CLIP.");

    /// <exception cref="NotSupportedException">The bundle has no upscaler.</exception>
    public Upscaler Upscaler => _upscaler ?? throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no upscaler. Export one with the family 'real-esrgan'.");

    /// <exception cref="NotSupportedException">The bundle has no network that judges images.</exception>
    public FeatureExtractor Features => _features
        ?? throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no features of images. Export one with the family 'inception'.");

    /// <summary>
    /// Makes ready what an image takes, side by side rather than each when it is first needed. On a GPU nothing is: sessions there reckon with the memory
    /// that those before them left.
    /// </summary>
    /// <exception cref="DalleBundleException">A graph cannot be used.</exception>
    public void Prepare()
    {
        if (_autoregressive is null || _generator is null || Device.GpuDeviceId is not null)
            return;
        var others = Task.WhenAll(Task.Run(Vae.PrepareDecoder), Task.Run(() => _clip?.Value.Prepare()), Task.Run(() => _tokenizer.Value));
        try
        {
            _autoregressive.Prepare();
        }
        finally
        {
            others.GetAwaiter().GetResult();
        }
    }

    /// <summary>Generates the candidates of each request and keeps the best; images are returned in order, each as soon as it is finished.</summary>
    public IEnumerable<GeneratedImage> Generate(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        using var best = new BestImages(count: 1, options.RankBy);
        var last = NumbersOf(options).End.Value - 1;
        foreach (var image in GenerateCandidates(requests, options, progress, cancellationToken))
        {
            // A request that was cancelled has left some of its candidates.
            if (best.Count > 0 && best[0].Index != image.Index)
            {
                foreach (var left in best.TakeAll())
                    left.Dispose();
            }
            best.Add(image);
            if (image.Candidate == last)
                yield return best.TakeAll()[0];
        }
    }

    /// <summary>
    /// Generates the candidates of each request in the order of their numbers; each becomes an image, and gets its CLIP score, when it is requested.
    /// </summary>
    public IEnumerable<GeneratedImage> GenerateCandidates(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        var generator = _generator ?? throw CannotGenerate();
        CheckRanking(options);

        // The candidates of a request share what is known of its prompt.
        var prompts = requests.Select(request => new Lazy<(float[]? Embedding, int CutTokens)>(() => (EmbeddingOf(request), CutTokensOf(request)))).ToArray();
        foreach (var group in generator.Generate(requests, NumbersOf(options), options, progress, cancellationToken))
        {
            var candidates = WithPerplexity(group, options.RankBy, cancellationToken).TakeWhile(_ => !cancellationToken.IsCancellationRequested);
            foreach (var image in SideBySide.Select(candidates, _imagesAtOnce, each => ImageOf(each.Candidate, each.Perplexity, prompts[each.Candidate.Index])))
                yield return image;
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Samples the image tokens of the candidates of each request, in the order of their numbers; none of a cancelled one.</summary>
    public IEnumerable<int[][]> GenerateTokens(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken) =>
        (_autoregressive ?? throw CannotGenerate()).GenerateTokens(requests, NumbersOf(options), options, progress, cancellationToken)
            .SelectMany(batch => batch).Select(candidate => candidate.Tokens).Chunk(CandidatesOf(options))
            .Select(candidates => candidates.Contains(null) ? [] : Array.ConvertAll(candidates, tokens => tokens!));

    /// <summary>The natural logarithms of the probabilities of the known tokens of requests, all of which are known.</summary>
    public IEnumerable<double[]> LogProbabilities(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken) =>
        (_autoregressive ?? throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no transformer over image tokens, so it gives them no probabilities."))
            .LogProbabilities(requests, cancellationToken);

    /// <summary>Refuses options that the model cannot honour, before anything runs.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of the model's range.</exception>
    /// <exception cref="NotSupportedException">An option is for models of another kind.</exception>
    public void CheckOptions(GenerationOptions options)
    {
        CheckRanking(options);
        _autoregressive?.CheckOptions(options);
        _unclip?.CheckOptions(options);
    }

    /// <summary>Refuses also options that have no part in what is requested.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of the model's range.</exception>
    /// <exception cref="DalleOptionException">An option has no effect.</exception>
    public void CheckOptions(IReadOnlyList<GenerationRequest> requests, GenerationOptions options)
    {
        _autoregressive?.CheckOptions(options);
        _unclip?.CheckOptions(requests, options);
    }

    public void Dispose()
    {
        _autoregressive?.Dispose();
        _text?.Dispose();
        _unclip?.Dispose();
        _clip?.Dispose();
        _upscaler?.Dispose();
        _features?.Dispose();
        Vae.Dispose();
    }

    /// <exception cref="NotSupportedException">The model lacks what its candidates would be ranked by.</exception>
    private void CheckRanking(GenerationOptions options)
    {
        var name = Bundle.Manifest.Name;
        if (options.RankBy != RankBy.Clip && _autoregressive is null)
            throw new NotSupportedException($"'{nameof(options.RankBy)}' is {options.RankBy}, but only a transformer over image tokens gives perplexities, and '{name}' has none. Rank by CLIP.");
        if (_clip is null && options.RankBy == RankBy.Both)
            throw new NotSupportedException($"'{nameof(options.RankBy)}' is {options.RankBy}, but the model '{name}' has no CLIP. Rank by perplexity.");
        if (_clip is null && options.RankBy == RankBy.Clip && CandidatesOf(options) is > 1 and var candidates)
            throw new NotSupportedException($"The model '{name}' has no CLIP to choose among {candidates} candidates. Request one candidate per image, or rank by perplexity.");
    }

    /// <summary>Decodes and scores a candidate.</summary>
    private GeneratedImage ImageOf(Candidate candidate, float perplexity, Lazy<(float[]? Embedding, int CutTokens)> prompt)
    {
        using var pixels = candidate.Decode();
        var (text, cut) = prompt.Value;
        return new GeneratedImage(pixels.ToImage())
        {
            Index = candidate.Index,
            Prompt = candidate.Request.Prompt,
            Seed = candidate.Request.Seed,
            Candidate = candidate.Number,
            CandidateSeed = candidate.Seed,
            Score = text is null ? float.NaN : _clip!.Value.Score(text, _clip.Value.EmbedImage(pixels)),
            Perplexity = perplexity,
            CutTokens = cut,
            Tokens = candidate.Tokens,
        };
    }

    /// <summary>The text embedding that the images of a request are scored by; null if they are not.</summary>
    private float[]? EmbeddingOf(GenerationRequest request) =>
        request.Prompt.Length == 0 && request.ImageEmbedding is not null ? null : _clip?.Value.EmbedText(request.Prompt);

    private int CutTokensOf(GenerationRequest request) => request.Prompt.Length > 0 && request.PromptTokens is null ? Tokenizer.CountCut(request.Prompt) : 0;

    /// <summary>Computes the perplexities of candidates, if they are wanted: some at a time, since they cost less together.</summary>
    private IEnumerable<(Candidate Candidate, float Perplexity)> WithPerplexity(IEnumerable<Candidate> candidates, RankBy by, CancellationToken cancellationToken) =>
        by == RankBy.Clip ? candidates.Select(candidate => (candidate, float.NaN)) : candidates.Chunk(TokenLikelihood.MaxRows).SelectMany(batch =>
            batch.Zip(LogProbabilities([.. batch.Select(candidate => candidate.Request with { KnownTokens = candidate.Tokens })], cancellationToken).Select(ImagePerplexity.Of)));

    private int CandidatesOf(GenerationOptions options) => options.Candidates ?? (_clip is null ? 1 : Bundle.Manifest.Sampling.Candidates);

    private Range NumbersOf(GenerationOptions options) => options.FirstCandidate..(options.FirstCandidate + CandidatesOf(options));

    private NotSupportedException CannotGenerate() =>
        new($"The model '{Bundle.Manifest.Name}' cannot generate: it lacks a transformer or an image decoder.");
}
