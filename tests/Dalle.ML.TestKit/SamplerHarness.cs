using Dalle.ML.Bundles;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Tests;

/// <summary>A bundle's transformer with the sampler in its graph, as on a GPU, but on the CPU; and without, as on the CPU.</summary>
internal sealed class SamplerHarness : IDisposable
{
    private const ulong Seed = 5;

    private readonly Bundle _bundle;
    private readonly DecoderSession _decoder;
    private readonly TextEncoderSession? _textEncoder;
    private readonly ImageTokenGenerator _generator;

    public SamplerHarness(Bundle bundle, bool isInGraph)
    {
        _bundle = bundle;
        _decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu, isInGraph);
        _textEncoder = bundle.Manifest.TextEncoder is { } encoder ? new TextEncoderSession(bundle, encoder, DalleDevice.Cpu) : null;
        _generator = new ImageTokenGenerator(_decoder, _textEncoder, bundle.Manifest.Image!);
    }

    /// <summary>Generates the image tokens of several prompts in one batch.</summary>
    public int[][] Generate(
        IEnumerable<string> prompts, SamplingParameters filters, IReadOnlyList<int>? kept = null, Action<Range, ReadOnlyMemory<int>>? report = null,
        CancellationToken cancellationToken = default)
    {
        var tokenizer = new PromptTokenizer(_bundle, _bundle.Manifest.Text!);
        var sequences = prompts.Select((prompt, i) => new Sequence(tokenizer.Encode(prompt), tokenizer.Unconditional(prompt), Seed + (ulong)i, kept));
        return [.. _generator.Generate(sequences, filters, report ?? ((_, _) => { }), cancellationToken).Select(tokens => tokens!)];
    }

    public void Dispose()
    {
        _generator.Dispose();
        _textEncoder?.Dispose();
        _decoder.Dispose();
    }
}
