using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Karlo's networks, as bundles, and our schedulers, a network at a time, from what was recorded before it and with recorded gaussians.</summary>
internal sealed class KarloReplay(KarloBundle bundle)
{
    // Of x in −1..1; chains of many steps are less exact than one of them.
    public const float Tolerance = 1e-3f;

    /// <summary>The rules of a network: the prior is 0, the stages follow.</summary>
    public DiffusionRules Rules(int network) => network == 0 ? bundle.Unclip.Prior!.Diffusion : bundle.Unclip.Stages[network - 1].Diffusion;

    public Scheduler Scheduler(int network, int steps, DiffusionSampler sampler = DiffusionSampler.Ddpm, float? eta = null) =>
        Generation.Diffusion.Schedulers.Scheduler.Create(Rules(network), sampler, steps, eta);

    /// <summary>Adds the features of a text and of none.</summary>
    public void AddText(string prompt)
    {
        var text = bundle.Unclip.Text!;
        var tokenizer = new PromptTokenizer(bundle.Bundle, text.Format);
        bundle.Add("ids", [.. tokenizer.Encode(prompt), .. tokenizer.Unconditional(prompt)], 2, text.Format.Total);
        bundle.Run(text.File);
        bundle.Add("conditional", [true, false], 2);
    }

    public void AddEmbedding(float[] embedding) => bundle.Add("embedding", [.. embedding, .. embedding], 2, embedding.Length);

    public void AddLowResolution(float[] image) => bundle.Add("low_res", image, [1, .. Shape(2)]);

    /// <summary>x after all steps.</summary>
    /// <param name="network">Number of the network.</param>
    /// <param name="scheduler">The steps.</param>
    /// <param name="scale">Scale of guidance.</param>
    /// <param name="x">x before the first of them.</param>
    /// <param name="noise">The gaussian of a step.</param>
    /// <param name="recorded">x after a step, where it was recorded: it is compared, and what follows goes on from it.</param>
    /// <param name="before">Changes x before each step.</param>
    public float[] Sample(
        int network, Scheduler scheduler, float scale, float[] x, Func<int, float[]> noise, Func<int, float[]?>? recorded = null, Action<int, float[]>? before = null)
    {
        x = x.ToArray();
        for (var step = 0; step < scheduler.Steps; step++)
        {
            before?.Invoke(step, x);
            if (recorded?.Invoke(step) is { } expected)
            {
                Near.Run(expected, Tolerance, $"values of network {network} after step {step}", rounding => After(step, rounding.Of(x)));
                x = expected;
            }
            else
                x = After(step, x);
        }
        return x;

        float[] After(int step, float[] from)
        {
            var (to, clean) = (from.ToArray(), new float[from.Length]);
            var prediction = Predict(network, scheduler, step, scale, to);
            scheduler.PredictClean(step, to, prediction, clean);
            scheduler.Step(step, to, prediction, clean, scheduler.AddsNoise(step) ? noise(step) : []);
            return to;
        }
    }

    /// <summary>The noise that an image would be made from, and x at each step on the way there, without guidance.</summary>
    public IEnumerable<float[]> Invert(DdimScheduler scheduler, float[] x)
    {
        var clean = new float[x.Length];
        for (var step = scheduler.Steps - 1; step >= 0; step--)
        {
            scheduler.PredictClean(step, x, Predict(1, scheduler, step, scale: 1, x), clean);
            scheduler.Invert(step, x, clean);
            yield return x.ToArray();
        }
    }

    /// <summary>An image embedding as Karlo's decoder takes it: x of the prior, no longer standardised.</summary>
    public float[] Embedding(float[] x)
    {
        var statistics = File.ReadAllBytes(bundle.Bundle.PathOf(bundle.Unclip.Prior!.Statistics!));
        float At(int i) => BitConverter.ToSingle(statistics, sizeof(float) * i);
        return [.. x.Select((value, i) => value * At(x.Length + i) + At(i))];
    }

    /// <summary>The small image, clamped and enlarged.</summary>
    public float[] Enlarge(float[] x)
    {
        var (from, to) = (bundle.Unclip.Stages[0].Size, bundle.Unclip.Stages[1].Size);
        var small = new ImageTensor(from, from, Array.ConvertAll(x, value => Math.Clamp(value, -1, 1)));
        return FloatResampler.Squash(small, to, to).Values;
    }

    /// <summary>The scale of guidance of a network, 1 where the file gives none.</summary>
    public float Guidance(string file, string network)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(bundle.Root, file)))!;
        return (json[network]?["cf_scale"] ?? json[$"{network}_scale"] ?? json[$"{network}_guidance"])?.GetValue<float>() ?? 1;
    }

    /// <summary>An entry of the first axes of an array.</summary>
    public static float[] Row(Npy values, int row, int axes = 1)
    {
        var length = values.Shape[axes..].Aggregate(1, (product, size) => product * size);
        return values.Floats().AsSpan(row * length, length).ToArray();
    }

    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = 0f;
        for (var i = 0; i < expected.Length; i++)
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]) / MathF.Max(1, MathF.Abs(expected[i])));
        Assert.True(difference <= Tolerance, $"{what} differs by {difference}");
    }

    public static float[] ToUnitRange(float[] x) => Array.ConvertAll(x, value => Math.Clamp((value + 1) / 2, 0, 1));

    private long[] Shape(int network) => network == 0 ? [bundle.Unclip.EmbeddingDimension] : [3, bundle.Unclip.Stages[network - 1].Size, bundle.Unclip.Stages[network - 1].Size];

    /// <summary>u + s (c − u), the variance being that of c.</summary>
    private float[] Predict(int network, Scheduler scheduler, int step, float scale, float[] x)
    {
        // Super-resolution has no guidance and no other inputs of two rows.
        var rows = network == 2 ? 1 : 2;
        bundle.Add("x", [.. Enumerable.Repeat(x, rows).SelectMany(values => values)], [rows, .. Shape(network)]);
        bundle.Add("t", [.. Enumerable.Repeat(scheduler.Timestep(step), rows)], rows);
        var all = network == 0 ? bundle.PredictPrior() : bundle.Predict(bundle.Unclip.Stages[network - 1].Condition, FileOf(bundle.Unclip.Stages[network - 1]));
        var prediction = all[..(all.Length / rows)];
        for (var i = 0; rows == 2 && i < x.Length; i++)
            prediction[i] = all[prediction.Length + i] + scale * (all[i] - all[prediction.Length + i]);
        return prediction;

        string FileOf(DiffusionStage stage) => stage.Last is { } last && step >= scheduler.Steps - last.Steps ? last.File : stage.File;
    }
}
