using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Optimisation;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Stages;

/// <summary>Text and image tokens of a batch, those of an image one after another.</summary>
internal sealed record TokenBatch(long[] Text, long[] Image);

/// <summary>
/// Stage 2, the transformer over text and image tokens (Ramesh et al. 2021, section 2.2). The loss is 1/8 text and 7/8 image cross-entropy;
/// some captions are left out, so that guidance has its unconditional prompt.
/// </summary>
internal sealed class TransformerStage : Stage<TransformerNetwork, TokenBatch>
{
    private const double ImageWeight = 7 / 8.0;

    private readonly TransformerPlan _plan;
    private readonly TransformerSizes _sizes;
    private readonly DiscreteVaeNetwork _discreteVae;
    private readonly CaptionIds _captions;
    private ImageTokens? _tokens;

    public TransformerStage(StageContext context, DiscreteVaeNetwork discreteVae)
        : base(context, TrainingStage.Transformer, context.Plan.Transformer.Schedule, Sizes(context, discreteVae), _ => true,
            weights => new(weights, Sizes(context, discreteVae), context.Device), Groups(context.Plan.Transformer.Schedule.WeightDecay))
    {
        (_plan, _sizes, _discreteVae) = (context.Plan.Transformer, Sizes(context, discreteVae), discreteVae);
        _captions = new(context.Text, context.Plan.TextLength);
    }

    /// <summary>Encodes the images, or reads their tokens if they are kept.</summary>
    public void ReadTokens(CancellationToken cancellationToken) => _tokens = ImageTokens.Get(Context, _discreteVae, Threads, cancellationToken);

    protected override void LoadStart() => Context.Plan.StartFrom?.LoadTransformer(Networks[0], Context.Text);

    protected override TokenBatch Prepare(IReadOnlyList<int> images, Random? random)
    {
        var (textLength, imageLength) = (_sizes.TextLen, _sizes.Grid * _sizes.Grid);
        var batch = new TokenBatch(new long[images.Count * textLength], new long[images.Count * imageLength]);
        foreach (var (i, image) in images.Index())
        {
            var captions = Context.Set.Captions(image);
            var caption = random is null ? CaptionIds.First(captions) : CaptionIds.Choose(captions, random);
            if (random?.NextDouble() < _plan.TextDropout)
                caption = null;
            _captions.Encode(caption, random is null ? 0 : _plan.BpeDropout, random ?? Random.Shared, batch.Text.AsSpan(i * textLength, textLength));
            var tokens = _tokens!.Of(image);
            for (var j = 0; j < imageLength; j++)
                batch.Image[i * imageLength + j] = tokens[j];
        }
        return batch;
    }

    protected override (Tensor Loss, Figure[] Figures) Loss(TransformerNetwork network, TokenBatch batch, Share share, Generator random, double done)
    {
        var (image, text) = network.Losses(Text(batch, share), Image(batch, share));
        return (image.Times(ImageWeight).Plus(text.Times(1 - ImageWeight)), [new("image", image), new("text", text)]);
    }

    protected override Figure[] Measure(TransformerNetwork network, TokenBatch batch, Share share)
    {
        var (image, text) = network.Losses(Text(batch, share), Image(batch, share));
        var unconditional = tensor(_captions.Unconditional(), device: Context.Device).repeat(share.Count, 1);
        return [new("image", image), new("text", text), new("image without text", network.Losses(unconditional, Image(batch, share)).Image)];
    }

    protected override SampleImage[] MakeSamples(IReadOnlyList<int> images)
    {
        using var random = new Generator(0, Context.Device);
        var ids = new long[images.Count * _sizes.TextLen];
        string[] captions = [.. images.Select(image => CaptionIds.First(Context.Set.Captions(image)) ?? "")];
        foreach (var (i, caption) in captions.Index())
            _captions.Encode(caption, 0, Random.Shared, ids.AsSpan(i * _sizes.TextLen, _sizes.TextLen));
        var tokens = Result.Sample(tensor(ids, [images.Count, _sizes.TextLen], device: Context.Device), temperature: 0.5, random);
        var made = StageContext.ToPixels(_discreteVae.Decode(tokens, Context.Grid));
        return [.. images.Select((image, i) => new SampleImage(captions[i], made[i], Context.ReadPixels([image])))];
    }

    private static TransformerSizes Sizes(StageContext context, DiscreteVaeNetwork discreteVae)
    {
        var plan = context.Plan.Transformer;
        return new(
            plan.Layers, plan.Dim, plan.Heads, context.Text.VocabularySize, context.Plan.TextLength, discreteVae.Sizes.Codes, context.Grid,
            plan.IsSparse ? "sparse" : "full");
    }

    private static ParameterGroup[] Groups(double weightDecay) => [new(weightDecay, (_, value) => value.dim() > 1), new(0, (_, _) => true)];

    private Tensor Text(TokenBatch batch, Share share) => Ids(batch.Text, share, _sizes.TextLen);

    private Tensor Image(TokenBatch batch, Share share) => Ids(batch.Image, share, _sizes.Grid * _sizes.Grid);

    private Tensor Ids(long[] ids, Share share, int each) =>
        tensor(ids.AsSpan(share.Start * each, share.Count * each).ToArray(), [share.Count, each], device: Context.Device);
}
