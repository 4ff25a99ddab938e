using Dalle.ML.Generation;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>Shared by components that make images from image embeddings.</summary>
internal abstract class ImageDecodingComponent(ImageDecodingOptions options) : RowComponent
{
    public sealed override IEnumerable<OutputColumn> Outputs =>
        [new(options.OutputColumnName, ResultField.Image), new(options.SeedColumnName, ResultField.Seed)];

    public sealed override int BatchSize => options.BatchSize;

    /// <summary>Number of image embeddings that the prior makes for a row.</summary>
    protected virtual int EmbeddingsOfRow => 0;

    /// <summary>Number of images generated for a row.</summary>
    protected virtual int ImagesOfRow => 1;

    public override void Check(DalleModelInfo model)
    {
        RequireDalle2(model);
        Require(model.CanDecodeImageEmbedding, model, "has a prior and no decoder, which makes an image from an image embedding");
        var generation = options.Generation;
        Refuse(generation.Candidates > 1, nameof(generation.Candidates), "needs a prompt to choose among candidates by. Make rows with other seeds");
        Refuse(generation.Diffusion.PriorSteps is not null && EmbeddingsOfRow == 0, nameof(generation.Diffusion.PriorSteps), "is for the prior, which does not run here");
        Refuse(generation.Diffusion.PriorGuidance is not null && EmbeddingsOfRow == 0, nameof(generation.Diffusion.PriorGuidance), "is for the prior, which does not run here");
    }

    public sealed override IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows)
    {
        var share = model.ShareOfPrior(EmbeddingsOfRow * rows.Count, ImagesOfRow * rows.Count);
        var requests = rows.SelectMany((row, i) => Requests(model, row, PartialProgress.Of(options.Progress, share * i / rows.Count, share * (i + 1) / rows.Count))).ToArray();
        return model.GenerateWithoutChoice(requests, DalleModel.OfDecoder(options.Generation), PartialProgress.Of(options.Progress, share, 1), options.CancellationToken)
            .Chunk(ImagesOfRow)
            .Select(images => new RowResult { Image = Join(images), Seed = images[0].Seed });
    }

    /// <summary>The requests of a row, as many as <see cref="ImagesOfRow"/>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="row">The row.</param>
    /// <param name="progress">Receives reports of the prior, if it runs.</param>
    protected abstract IEnumerable<GenerationRequest> Requests(DalleModel model, Row row, IProgress<GenerationProgress>? progress);

    /// <summary>The row's image of those that were generated for it, which it takes over.</summary>
    protected virtual MLImage Join(GeneratedImage[] images) => images.Single().Image;
}
