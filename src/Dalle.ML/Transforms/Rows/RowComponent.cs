namespace Dalle.ML.Transforms.Rows;

/// <summary>The definition of a component: the columns that it reads, what the model does with them, and the columns that it makes.</summary>
internal abstract class RowComponent
{
    public abstract IEnumerable<InputColumn> Inputs { get; }

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

    /// <summary>Number of text tokens of a row's prompt that the model does not see.</summary>
    public virtual int CountCutTokens(DalleModel model, Row row) => 0;

    /// <summary>A result for each row, in order, each as soon as it is finished.</summary>
    public abstract IEnumerable<RowResult> Run(DalleModel model, IReadOnlyList<Row> rows);
}
