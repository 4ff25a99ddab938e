using System.Diagnostics;
using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Generation;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Engine;

/// <summary>
/// The whole of DALL·E, in the order of the data: prompt → ids → image tokens → pixels → score. One per bundle and device, shared by
/// all models that stand on it; its sessions are created when they are first needed. Thread-safe.
/// </summary>
internal sealed class DalleEngine : IDisposable
{
    private readonly RetryableLazy<PromptTokenizer> _tokenizer;
    private readonly RetryableLazy<TextEncoderSession>? _textEncoder;
    private readonly RetryableLazy<DecoderSession> _decoder;
    private readonly RetryableLazy<ImageTokenGenerator> _generator;
    private readonly RetryableLazy<ClipModel>? _clip;

    /// <exception cref="DalleDeviceException">The device cannot be used.</exception>
    public DalleEngine(Bundle bundle, DalleDevice device)
    {
        var manifest = bundle.Manifest;
        (Bundle, Device) = (bundle, device);
        _tokenizer = new(() => new PromptTokenizer(bundle, manifest.Text ?? throw NoGenerator()));
        _decoder = new(() => new DecoderSession(bundle, manifest.Decoder ?? throw NoGenerator(), device));
        _textEncoder = manifest.TextEncoder is { } textEncoder ? new(() => new TextEncoderSession(bundle, textEncoder, device)) : null;
        _generator = new(() => new ImageTokenGenerator(_decoder.Value, _textEncoder?.Value, manifest.Image!));
        Codec = new DiscreteVae(bundle, device);
        if (manifest.Clip is { } clip)
            _clip = new(() => new ClipModel(bundle, clip, device));

        // Whether a device can be used is known only when a session runs on it; who asked for one wants to know now.
        if (device != DalleDevice.Cpu && manifest.Decoder is not null)
            _ = _decoder.Value;
    }

    public Bundle Bundle { get; }

    public DalleDevice Device { get; }

    public DiscreteVae Codec { get; }

    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public PromptTokenizer Tokenizer => _tokenizer.Value;

    /// <exception cref="NotSupportedException">The bundle has no ranker.</exception>
    public ClipModel Clip => _clip?.Value ?? throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no CLIP.");

    /// <summary>Draws the candidates of each request and keeps the best; images come in order, each as soon as it is known.</summary>
    public IEnumerable<GeneratedImage> Generate(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        using var best = new BestImages(count: 1);
        var last = options.FirstCandidate + Candidates(options) - 1;
        foreach (var image in GenerateCandidates(requests, options, progress, cancellationToken))
        {
            best.Add(image);
            if (image.Candidate == last)
                yield return best.TakeAll()[0];
        }
    }

    /// <summary>
    /// Draws the candidates of each request in the order in which they are numbered; each becomes an image, and CLIP gives its score, when it
    /// is asked for.
    /// </summary>
    public IEnumerable<GeneratedImage> GenerateCandidates(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        if (Bundle.Manifest.ImageDecoder is null)
            throw NoGenerator();
        if (Candidates(options) is > 1 and var candidates && _clip is null)
            throw new NotSupportedException($"The model '{Bundle.Manifest.Name}' has no ranker to choose among {candidates} candidates. Ask for one candidate an image.");

        var text = default(float[]);
        foreach (var (request, candidate, tokens) in Draw(requests, options, progress, cancellationToken))
        {
            if (candidate == options.FirstCandidate)
                text = _clip?.Value.EmbedText(request.Prompt);
            var pixels = Codec.Decode(tokens);
            var image = new GeneratedImage(pixels.ToImage())
            {
                Prompt = request.Prompt,
                Seed = request.Seed,
                Candidate = candidate,
                CandidateSeed = Seeds.OfCandidate(request.Seed, candidate),
                Score = text is null ? float.NaN : _clip!.Value.Score(text, _clip.Value.EmbedImage(pixels)),
                Tokens = tokens,
            };
            Codec.Return(pixels);
            yield return image;
        }
    }

    /// <summary>Draws the tokens of the candidates of each request, in the order in which they are numbered.</summary>
    public IEnumerable<int[][]> GenerateTokens(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken) =>
        Draw(requests, options, progress, cancellationToken).Select(drawn => drawn.Tokens).Chunk(Candidates(options));

    public void Dispose()
    {
        _generator.Dispose();
        _decoder.Dispose();
        _textEncoder?.Dispose();
        _clip?.Dispose();
        Codec.Dispose();
    }

    /// <summary>Draws the candidates of each request, as tokens.</summary>
    private IEnumerable<(GenerationRequest Request, int Candidate, int[] Tokens)> Draw(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        var (manifest, sampling) = (Bundle.Manifest, options.Sampling);
        if (manifest is not { Decoder: not null, Image: { } image })
            throw NoGenerator();
        var filters = new SamplingParameters(
            sampling.GuidanceScale ?? manifest.Sampling.Guidance,
            sampling.Temperature ?? manifest.Sampling.Temperature,
            sampling.TopK ?? manifest.Sampling.TopK,
            sampling.TopP ?? manifest.Sampling.TopP);
        var numbers = Enumerable.Range(options.FirstCandidate, Candidates(options)).ToArray();
        var candidates = requests.SelectMany(_ => numbers, (request, candidate) => (request, candidate));
        var sequences = requests.SelectMany(request =>
        {
            var (prompt, unconditional) = (PromptOf(request), _tokenizer.Value.Unconditional(request.Prompt));
            return numbers.Select(candidate => new Sequence(prompt, unconditional, Seeds.OfCandidate(request.Seed, candidate), request.KnownTokens));
        });

        var clock = Stopwatch.StartNew();
        var drawn = _generator.Value.Generate(sequences, filters, Report, cancellationToken);
        foreach (var ((request, candidate), tokens) in candidates.Zip(drawn))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return (request, candidate, tokens);
        }

        void Report(Range inFlight, ReadOnlyMemory<int> drawn)
        {
            var (first, count) = inFlight.GetOffsetAndLength(int.MaxValue);
            progress?.Report(new GenerationProgress
            {
                Image = first / numbers.Length,
                Images = requests.Count,
                Candidate = first % numbers.Length,
                Candidates = numbers.Length,
                Step = drawn.Length,
                Tokens = drawn,
                Steps = image.Tokens,
                Fraction = (first + count * (drawn.Length / (double)image.Tokens)) / ((double)requests.Count * numbers.Length),
                Elapsed = clock.Elapsed,
            });
        }
    }

    private long[] PromptOf(GenerationRequest request) =>
        request.PromptTokens is { } ids ? [.. ids.Select(id => (long)id)] : _tokenizer.Value.Encode(request.Prompt);

    private int Candidates(GenerationOptions options) => options.Candidates ?? (_clip is null ? 1 : Bundle.Manifest.Sampling.Candidates);

    private NotSupportedException NoGenerator() => new($"The model '{Bundle.Manifest.Name}' has not both a transformer and an image decoder, so it cannot generate.");
}
