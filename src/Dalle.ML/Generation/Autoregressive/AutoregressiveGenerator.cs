using System.Diagnostics;
using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// DALL·E (Ramesh et al. 2021): prompt → text tokens → image tokens, one by one by the transformer → pixels by the discrete VAE. Sessions are
/// created when they are first needed. Thread-safe.
/// </summary>
internal sealed class AutoregressiveGenerator : IImageGenerator
{
    private readonly Manifest _manifest;
    private readonly ImageFormat _image;
    private readonly RetryableLazy<PromptTokenizer> _tokenizer;
    private readonly DiscreteVae _vae;
    private readonly RetryableLazy<TextEncoderSession>? _textEncoder;
    private readonly RetryableLazy<DecoderSession> _decoder;
    private readonly RetryableLazy<ImageTokenGenerator> _generator;
    private readonly AutoregressiveGenerator? _onCpu;

    /// <param name="bundle">A bundle with a transformer.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="vae">Its discrete VAE.</param>
    /// <param name="device">Device to run on.</param>
    public AutoregressiveGenerator(Bundle bundle, RetryableLazy<PromptTokenizer> tokenizer, DiscreteVae vae, DalleDevice device)
    {
        (_manifest, _image, _tokenizer, _vae) = (bundle.Manifest, bundle.Manifest.Image!, tokenizer, vae);
        _decoder = new(() => new DecoderSession(bundle, _manifest.Decoder!, device));
        _textEncoder = _manifest.TextEncoder is { } textEncoder ? new(() => new TextEncoderSession(bundle, textEncoder, device)) : null;
        _generator = new(() => new ImageTokenGenerator(_decoder.Value, _textEncoder?.Value, _image));
        // On a GPU the graph samples tokens and keeps the logits to itself.
        _onCpu = device.GpuDeviceId is null ? null : new(bundle, tokenizer, vae, DalleDevice.Cpu);
    }

    /// <summary>Creates the transformer's session now.</summary>
    /// <exception cref="DalleDeviceException">The device cannot be used.</exception>
    public void PrepareDecoder() => _ = _decoder.Value;

    /// <summary>Creates all sessions that image tokens take now.</summary>
    /// <exception cref="DalleBundleException">A graph cannot be used.</exception>
    public void Prepare() => _ = _generator.Value;

    public IEnumerable<IEnumerable<Candidate>> Generate(
        IReadOnlyList<GenerationRequest> requests, Range candidates, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken) =>
        GenerateTokens(requests, candidates, options, progress, cancellationToken).Select(batch => batch
            .Where(each => each.Tokens is not null)
            .Select(each => new Candidate(each.Index, requests[each.Index], each.Number, each.Tokens!, () => _vae.Decode(each.Tokens!))));

    /// <summary>
    /// Samples the image tokens of the candidates without decoding them, in the batches that are sampled together; null for those of a cancelled request.
    /// </summary>
    public IEnumerable<IEnumerable<(int Index, int Number, int[]? Tokens)>> GenerateTokens(
        IReadOnlyList<GenerationRequest> requests, Range candidates, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken)
    {
        CheckOptions(options);
        var (firstNumber, count) = candidates.GetOffsetAndLength(int.MaxValue);
        var clock = Stopwatch.StartNew();
        var start = 0;
        foreach (var batch in _generator.Value.GenerateBatches(Sequences(), ParametersOf(options.Sampling), Report, cancellationToken))
        {
            var first = start;
            yield return batch.Select((tokens, i) => ((first + i) / count, firstNumber + (first + i) % count, tokens));
            start += batch.Length;
        }

        IEnumerable<Sequence> Sequences()
        {
            foreach (var request in requests)
            {
                var (prompt, unconditional) = (PromptOf(request), _tokenizer.Value.Unconditional(request.Prompt));
                for (var number = firstNumber; number < firstNumber + count; number++)
                    yield return new Sequence(prompt, unconditional, Seeds.OfCandidate(request.Seed, number), request.KnownTokens, request.CancellationToken);
            }
        }

        void Report(Range inFlight, ReadOnlyMemory<int> sampled)
        {
            var (first, length) = inFlight.GetOffsetAndLength(int.MaxValue);
            progress?.Report(new GenerationProgress
            {
                Image = first / count,
                Images = requests.Count,
                Candidate = first % count,
                Candidates = count,
                Stages = 1,
                Step = sampled.Length,
                Steps = _image.Tokens,
                Tokens = sampled,
                Fraction = (first + length * (sampled.Length / (double)_image.Tokens)) / ((double)requests.Count * count),
                Elapsed = clock.Elapsed,
            });
        }
    }

    /// <summary>
    /// The natural logarithms of the probabilities of the known tokens of requests, all of which are known; on a GPU too they are computed on the CPU.
    /// </summary>
    public IEnumerable<double[]> LogProbabilities(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken) => _onCpu is null
        ? new TokenLikelihood(_decoder.Value, _textEncoder?.Value, _image)
            .LogProbabilities(requests.Select(request => (PromptOf(request), request.KnownTokens!)), cancellationToken)
        : _onCpu.LogProbabilities(requests, cancellationToken);

    /// <exception cref="NotSupportedException">An option is for models of another kind.</exception>
    public void CheckOptions(GenerationOptions options)
    {
        var diffusion = options.Diffusion;
        (string Name, bool IsSet)[] all =
        [
            (nameof(diffusion.PriorSteps), diffusion.PriorSteps is not null), (nameof(diffusion.DecoderSteps), diffusion.DecoderSteps is not null),
            (nameof(diffusion.UpsamplerSteps), diffusion.UpsamplerSteps is not null), (nameof(diffusion.PriorGuidance), diffusion.PriorGuidance is not null),
            (nameof(diffusion.IsFast), diffusion.IsFast),
        ];
        foreach (var (name, _) in all.Where(option => option.IsSet))
            throw new DalleOptionException(name, $"is for DALL·E 2 models; '{_manifest.Name}' samples image tokens");
    }

    public void Dispose()
    {
        _onCpu?.Dispose();
        _generator.Dispose();
        _decoder.Dispose();
        _textEncoder?.Dispose();
    }

    private SamplingParameters ParametersOf(SamplingOptions sampling) => new(
        sampling.GuidanceScale ?? _manifest.Sampling.Guidance,
        sampling.Temperature ?? _manifest.Sampling.Temperature,
        sampling.TopK ?? _manifest.Sampling.TopK,
        sampling.TopP ?? _manifest.Sampling.TopP);

    private long[] PromptOf(GenerationRequest request) =>
        request.PromptTokens is { } ids ? _tokenizer.Value.WithPrefix(ids) : _tokenizer.Value.Encode(request.Prompt);
}
