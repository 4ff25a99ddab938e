using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Optimisation;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Stages;

/// <summary>
/// Stage 1, pixels to tokens and back. With <see cref="Quantizer.Gumbel"/> it is the paper's relaxed evidence lower bound (Ramesh et al.
/// 2021, section 2.1): Gumbel-softmax whose temperature falls to 1/16, a weight of the KL term that rises, the logit-Laplace likelihood.
/// <see cref="Quantizer.Vq"/> takes the nearest code. At the end the decoder alone learns, from tokens that stay.
/// </summary>
internal sealed class DiscreteVaeStage : Stage<DiscreteVaeNetwork, byte[]>
{
    private const double LastTemperature = 1 / 16.0;

    // The temperature, the weight of the KL term and the revival of codes have come to their ends at these parts of the stage.
    private const double Cooled = 0.7, Weighted = 0.3, Revived = 0.6;

    // The paper's weight at the end, 6.6, is for KL over pixels; this one is per token of 3 · 8 · 8 values.
    private const double KlWeight = 6.6 / (3 * DiscreteVaeNetwork.PixelsPerToken * DiscreteVaeNetwork.PixelsPerToken);

    private readonly double _freezeAt;
    private readonly MovingCodebook? _codebook;

    public DiscreteVaeStage(StageContext context)
        : base(context, TrainingStage.DiscreteVae, context.Plan.DiscreteVae.Schedule, Sizes(context), _ => true, weights => new(weights, Sizes(context)),
            Groups(context.Plan.DiscreteVae.Schedule.WeightDecay))
    {
        var plan = context.Plan.DiscreteVae;
        _freezeAt = plan.FreezeAt;
        if (plan.Quantizer != Quantizer.Vq)
            return;
        if (plan.Schedule.AverageDecay is not null)
            throw new ArgumentException("The weights of a discrete VAE with a codebook of moving averages cannot be averaged as well: use Quantizer.Gumbel, or no AverageDecay.");
        // One codebook for all replicas.
        _codebook = new(Networks[0].Keys!, Networks[0].Codebook, Threads);
    }

    protected override IEnumerable<(string Name, Tensor Tensor)> State => _codebook?.State ?? [];

    public override void Dispose()
    {
        base.Dispose();
        _codebook?.Dispose();
    }

    protected override void LoadStart() => Context.Plan.StartFrom?.LoadDiscreteVae(Networks[0]);

    protected override void ResetState() => _codebook?.Reset();

    protected override byte[] Prepare(IReadOnlyList<int> images, Random? random) => Context.ReadPixels(images);

    protected override (Tensor Loss, Figure[] Figures) Loss(DiscreteVaeNetwork network, byte[] batch, Share share, Generator random, double done)
    {
        var pixels = Context.ToTensor(batch, share.Start, share.Count);
        return _codebook is null ? GumbelLoss(network, pixels, random, done) : VqLoss(network, _codebook, pixels, share, random, done);
    }

    protected override Figure[] Measure(DiscreteVaeNetwork network, byte[] batch, Share share)
    {
        var pixels = Context.ToTensor(batch, share.Start, share.Count);
        // In floats, as the exported graphs compute.
        using var precision = new MixedPrecision(isBfloat16: false);
        return [new("mse", functional.mse_loss(network.Decode(network.Encode(pixels), Context.Grid), pixels))];
    }

    protected override void Complete(Dictionary<string, double> validation) => validation["psnr"] = -10 * Math.Log10(Math.Max(validation["mse"], 1e-10));

    protected override bool IsLearning(int group, double done) => group > 0 || !IsFrozen(done);

    protected override double Phase(double done) => IsFrozen(done) ? (done - _freezeAt) / (1 - _freezeAt) : done / _freezeAt;

    protected override SampleImage[] MakeSamples(IReadOnlyList<int> images)
    {
        var pixels = Context.ToTensor(Context.ReadPixels(images), 0, images.Count);
        var made = StageContext.ToPixels(Result.Decode(Result.Encode(pixels), Context.Grid));
        var originals = StageContext.ToPixels(pixels);
        return [.. images.Select((image, i) => new SampleImage(CaptionIds.First(Context.Set.Captions(image)) ?? "", made[i], originals[i]))];
    }

    private static DiscreteVaeSizes Sizes(StageContext context)
    {
        var plan = context.Plan.DiscreteVae;
        var quantiser = plan.Quantizer == Quantizer.Vq ? DiscreteVaeSizes.Vq : DiscreteVaeSizes.Gumbel;
        return new(plan.Width, plan.DecoderWidth ?? plan.Width, plan.CodebookSize, plan.CodeDim, quantiser, plan.Blocks, context.Grid);
    }

    private static ParameterGroup[] Groups(double weightDecay) =>
        [new(weightDecay, (name, _) => name.StartsWith("encoder.", StringComparison.Ordinal)), new(weightDecay, (_, _) => true)];

    private bool IsFrozen(double done) => done >= _freezeAt;

    private (Tensor Loss, Figure[] Figures) VqLoss(DiscreteVaeNetwork network, MovingCodebook codebook, Tensor pixels, Share share, Generator random, double done)
    {
        var isFrozen = IsFrozen(done);
        Tensor features, ids;
        using (isFrozen ? no_grad() : null)
            features = DiscreteVaeNetwork.Rows(network.Features(pixels));
        using (no_grad())
        {
            ids = codebook.Nearest(features);
            if (!isFrozen)
                codebook.Update(share.Replica, features, ids, random, done < Revived);
        }
        Tensor vectors;
        Tensor? commitment = null;
        if (isFrozen)
        {
            vectors = network.Codebook.index_select(0, ids);
        }
        else
        {
            var nearest = codebook.Keys.index_select(0, ids);
            // The decoder sees the codes, the encoder gets their gradients.
            vectors = features.Plus((nearest - features).detach());
            commitment = functional.mse_loss(features, nearest).Times(1.25);
        }
        var output = network.Decode(vectors.view(pixels.shape[0], Context.Grid, Context.Grid, -1).permute(0, 3, 1, 2));
        var mse = functional.mse_loss(output, pixels);
        var loss = mse.Times(50).Plus(functional.l1_loss(output, pixels).Times(5));
        return (commitment is null ? loss : loss.Plus(commitment), [new("mse", mse)]);
    }

    private (Tensor Loss, Figure[] Figures) GumbelLoss(DiscreteVaeNetwork network, Tensor pixels, Generator random, double done)
    {
        var isFrozen = IsFrozen(done);
        var temperature = Math.Exp(Math.Log(LastTemperature) * Math.Min(1, done / Cooled));
        Tensor logits;
        using (isFrozen ? no_grad() : null)
            logits = DiscreteVaeNetwork.Rows(network.Features(pixels));
        var codes = network.Sizes.Codes;
        Tensor vectors;
        if (isFrozen)
        {
            vectors = network.Codebook.index_select(0, logits.argmax(1));
        }
        else
        {
            var noise = empty_like(logits).exponential_(1, random).log();
            vectors = (logits - noise).Over(temperature).softmax(1).matmul(network.Codebook);
        }
        var output = network.Decode(vectors.view(pixels.shape[0], Context.Grid, Context.Grid, -1).permute(0, 3, 1, 2));
        var likelihood = LogitLaplace.Loss(output, pixels);
        var q = logits.log_softmax(1);
        var kl = (q.exp() * q.Plus(Math.Log(codes))).sum(1).mean();
        var weight = isFrozen ? 0 : KlWeight * Math.Min(1, done / Weighted);
        return (likelihood.Plus(kl.Times(weight)), [new("nll", likelihood), new("kl", kl), new("temperature", temperature)]);
    }
}
