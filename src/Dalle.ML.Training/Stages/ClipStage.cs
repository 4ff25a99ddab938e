using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Stages;

/// <summary>A batch of captioned images.</summary>
/// <param name="Pixels">The images.</param>
/// <param name="Captions">A caption of each.</param>
/// <param name="Text">The ids of the captions.</param>
/// <param name="IsReconstructed">Which images pass through the discrete VAE first.</param>
internal sealed record PairBatch(byte[] Pixels, string[] Captions, long[] Text, bool[] IsReconstructed);

/// <summary>
/// Stage 3, the ranker: CLIP's contrastive loss (Radford et al. 2021). Some images pass through the discrete VAE, since what CLIP will rank
/// has passed through it too. Images without a caption are left out.
/// </summary>
internal sealed class ClipStage : Stage<ClipNetwork, PairBatch>
{
    // Far below every similarity.
    private static readonly Scalar NoNegative = (-1e4).ToScalar();

    private readonly ClipPlan _plan;
    private readonly DiscreteVaeNetwork _discreteVae;
    private readonly CaptionIds _captions;

    public ClipStage(StageContext context, DiscreteVaeNetwork discreteVae)
        : base(context, TrainingStage.Clip, context.Plan.Clip.Schedule, Sizes(context), image => context.Set.Captions(image).Count > 0,
            weights => new(weights, Sizes(context)), [new(context.Plan.Clip.Schedule.WeightDecay, (_, _) => true)])
    {
        (_plan, _discreteVae) = (context.Plan.Clip, discreteVae);
        _captions = new(context.Text, context.Plan.TextLength);
    }

    protected override void LoadStart() => Context.Plan.StartFrom?.LoadClip(Networks[0], Context.Text);

    protected override PairBatch Prepare(IReadOnlyList<int> images, Random? random)
    {
        var length = Context.Plan.TextLength;
        var batch = new PairBatch(Context.ReadPixels(images), new string[images.Count], new long[images.Count * length], new bool[images.Count]);
        foreach (var (i, image) in images.Index())
        {
            var captions = Context.Set.Captions(image);
            batch.Captions[i] = random is null ? captions[0] : CaptionIds.Choose(captions, random)!;
            batch.IsReconstructed[i] = random?.NextDouble() < _plan.Reconstructed;
            _captions.Encode(batch.Captions[i], 0, random ?? Random.Shared, batch.Text.AsSpan(i * length, length));
        }
        return batch;
    }

    protected override (Tensor Loss, Figure[] Figures) Loss(ClipNetwork network, PairBatch batch, Share share, Generator random, double done)
    {
        var logits = Similarities(network, batch, share);
        var own = tensor([.. Enumerable.Range(0, share.Count).Select(i => (long)i)], device: Context.Device);
        var loss = functional.cross_entropy(logits, own).Plus(functional.cross_entropy(logits.t(), own)).Over(2);
        return (loss, [new("loss", loss), new("accuracy", (logits.argmax(1) == own).to(ScalarType.Float32).mean())]);
    }

    protected override Figure[] Measure(ClipNetwork network, PairBatch batch, Share share) => Loss(network, batch, share, null!, 1).Figures;

    private static ClipSizes Sizes(StageContext context)
    {
        if (context.Set.ImageSize % ClipNetwork.PixelsPerCell != 0)
            throw new InvalidDataException($"CLIP cannot be trained on images of {context.Set.ImageSize} pixels: their size must be a multiple of {ClipNetwork.PixelsPerCell}.");
        var plan = context.Plan.Clip;
        return new(plan.Width, plan.TextWidth, ClipNetwork.Heads, plan.Layers, plan.Dim, context.Text.VocabularySize, context.Plan.TextLength, context.Set.ImageSize);
    }

    /// <summary>The scaled similarities of images and texts; equal captions are no negatives of each other.</summary>
    private Tensor Similarities(ClipNetwork network, PairBatch batch, Share share)
    {
        var pixels = Context.ToTensor(batch.Pixels, share.Start, share.Count);
        long[] chosen = [.. Enumerable.Range(0, share.Count).Where(i => batch.IsReconstructed[share.Start + i]).Select(i => (long)i)];
        if (chosen.Length > 0)
        {
            using var off = no_grad();
            using var precision = new MixedPrecision(isBfloat16: false);
            var at = tensor(chosen, device: Context.Device);
            pixels.index_copy_(0, at, _discreteVae.Decode(_discreteVae.Encode(pixels.index_select(0, at)), Context.Grid));
        }
        var length = Context.Plan.TextLength;
        var text = tensor(batch.Text.AsSpan(share.Start * length, share.Count * length).ToArray(), [share.Count, length], device: Context.Device);
        var isSame = new bool[share.Count, share.Count];
        for (var i = 0; i < share.Count; i++)
        {
            for (var j = 0; j < share.Count; j++)
                isSame[i, j] = i != j && batch.Captions[share.Start + i] == batch.Captions[share.Start + j];
        }
        var similarities = network.Scale * network.EmbedImages(pixels).matmul(network.EmbedTexts(text).t());
        return similarities.masked_fill(tensor(isSame, device: Context.Device), NoNegative);
    }
}
