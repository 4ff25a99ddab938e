using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>A bundle's logits of the text, all in one call.</summary>
internal static class TextLogits
{
    /// <summary>The logits at each place of a whole prompt, [places][text vocabulary].</summary>
    public static float[][] Of(Bundle bundle, long[] prompt)
    {
        using var decoder = new DecoderSession(bundle, bundle.Manifest.TextDecoder!.Graph, DalleDevice.Cpu, vocabulary: bundle.Manifest.Text!.Vocabulary);
        using var batch = decoder.NewBatch(rows: 1);
        batch.Prefill(prompt);
        return [.. prompt.Select((_, place) => batch.LogitsAt(place).ToArray())];
    }

    /// <summary>The mean of −log p of each id of a prompt that another one comes before.</summary>
    public static double Loss(float[][] logits, long[] prompt) =>
        logits.Zip(prompt.Skip(1)).Average(pair => Math.Log(pair.First.Sum(logit => Math.Exp(logit))) - pair.First[pair.Second]);
}
