using Dalle.ML.Bundles;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Runtime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>A bundle's transformer, driven by ids.</summary>
internal sealed class DecoderRun(Bundle bundle) : IDisposable
{
    private readonly DecoderSession _decoder = new(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);

    /// <summary>The logits after a prompt and after each of the codes that follow it, with the cache.</summary>
    public float[][] Steps(long[] prompt, IReadOnlyList<long> codes)
    {
        using var batch = _decoder.NewBatch(rows: 1);
        batch.Prefill(prompt);
        var logits = new List<float[]> { batch.Logits.ToArray() };
        foreach (var code in codes)
        {
            batch.Ids[0] = Id(code);
            batch.Decode();
            logits.Add(batch.Logits.ToArray());
        }
        return [.. logits];
    }

    /// <summary>The logits after a prompt and codes, all in one call.</summary>
    public float[] AtOnce(long[] prompt, IEnumerable<long> codes)
    {
        using var batch = _decoder.NewBatch(rows: 1);
        batch.Prefill([.. prompt, .. codes.Select(Id)]);
        return batch.Logits.ToArray();
    }

    /// <summary>The image tokens that the engine generates for prompts, each the likeliest.</summary>
    public long[][] Greedy(params long[][] prompts)
    {
        using var generator = new ImageTokenGenerator(_decoder, textEncoder: null, bundle.Manifest.Image!);
        var generated = generator.Generate([.. prompts.Select(ids => new Sequence(ids, ids, 0, null))], new SamplingParameters(TopK: 1), (_, _) => { }, CancellationToken.None);
        return [.. generated.Select(tokens => tokens!.Select(token => (long)token).ToArray())];
    }

    public void Dispose() => _decoder.Dispose();

    private long Id(long code) => _decoder.Graph.ImageIdOffset + code;
}
