namespace Dalle.ML.Transforms.Rows;

/// <summary>The definition of a component: the columns that it reads, what the model does with them, and the columns that it makes.</summary>
internal abstract class RowComponent
{
    public abstract IEnumerable<InputColumn> Inputs { get; }

    /// <summary>The columns of images among them.</summary>
    public IEnumerable<(string Column, ImageField Field)> Images => Inputs
        .Where(input => input.Field is ImageField)
        .Select(input => (input.Name, (ImageField)input.Field));

    /// <summary>The columns that it can make, including those without a name.</summary>
    public abstract IEnumerable<OutputColumn> Outputs { get; }

    /// <summary>Number of rows worth running at once.</summary>
    public virtual int BatchSize => 1;

    /// <summary>Refuses models that lack what it needs.</summary>
    /// <exception cref="NotSupportedException">The model lacks something.</exception>
    public virtual void Check(DalleModelInfo model)
    {
    }

    /// <exception cref="NotSupportedException"><paramref name="isMet"/> is false.</exception>
    protected static void Require(bool isMet, DalleModelInfo model, string lack)
    {
        if (!isMet)
            throw new NotSupportedException($"The model '{model.Name}' {lack}.");
    }

    /// <exception cref="NotSupportedException">The model samples image tokens, or does not generate.</exception>
    protected static void RequireDalle2(DalleModelInfo model) => Require(
        model.ImageEmbeddingDimension > 0, model,
        "is not one of DALL·E 2, which this component needs. Set ModelPath to a bundle of the family 'karlo' or 'dalle2-pytorch'");

    /// <exception cref="NotSupportedException">The model has none.</exception>
    protected static void RequirePrior(DalleModelInfo model) =>
        Require(model.CanGenerateImageEmbedding, model, "has no prior, which makes an image embedding from a text. Export it with the checkpoint of the prior");

    /// <exception cref="NotSupportedException">The model has none.</exception>
    protected static void RequireImageTower(DalleModelInfo model) =>
        Require(model.CanVary, model, "has no image tower, which embeds images. Export it with the checkpoint's CLIP");

    /// <exception cref="DalleOptionException">The option is set.</exception>
    protected static void Refuse(bool isSet, string option, string reason)
    {
        if (isSet)
            throw new DalleOptionException(option, reason);
    }

    /// <summary>The images of a row, each of this size, whose tokens or pixels are one vector.</summary>
    /// <exception cref="ArgumentException">They are not of this size.</exception>
    protected static T[][] Split<T>(T[] values, int size) => values.Length == 0 ? []
        : values.Length % size == 0 ? [.. values.Chunk(size)]
        : throw new ArgumentException($"The vector length {values.Length} is not a multiple of {size}.");

    /// <summary>The texts of a row that the model generates from: a warning tells of those that are longer than it reads.</summary>
    public virtual IEnumerable<string> Prompts(Row row) => [];

    /// <summary>A result for each row, in order, each as soon as it is finished.</summary>
    public abstract IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows);
}
