using Dalle.ML.Evaluation;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Extension methods of <see cref="MLContext"/> that measure generated images.</summary>
public static class DalleEvaluationCatalog
{
    /// <summary>
    /// Compares generated with reference images by a column of features, made by any pipeline. Both views are streamed: of means and
    /// covariances one matrix is held, and features only up to <see cref="FeatureEvaluationOptions.MaxImagesHeld"/>.
    /// </summary>
    /// <param name="context">The context.</param>
    /// <param name="generated">The generated images.</param>
    /// <param name="reference">The images that they are compared with.</param>
    /// <param name="options">Columns and numbers; the defaults if null.</param>
    /// <exception cref="ArgumentException">A column is missing or is no vector of <see cref="float"/>, or there are too few images.</exception>
    public static FeatureMetrics EvaluateFeatures(
        this MLContext context, IDataView generated, IDataView reference, FeatureEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(generated);
        ArgumentNullException.ThrowIfNull(reference);
        options ??= new FeatureEvaluationOptions();
        options.Check();

        var (ofGenerated, ofReference) = (Collect(generated, nameof(generated), options), Collect(reference, nameof(reference), options));
        var score = options.LogitColumnName is { } column && ofGenerated.Count > 0 ? Score(generated, column, ofGenerated.Count, options.Splits) : null;
        return FeatureMetrics.Between(ofGenerated, ofReference, options, score);
    }

    private static FeatureSet Collect(IDataView view, string side, FeatureEvaluationOptions options)
    {
        var set = new FeatureSet(options.MaxImagesHeld);
        foreach (var features in Vectors(view, side, options.FeatureColumnName))
            set.Add(features);
        return set;
    }

    private static InceptionScore Score(IDataView generated, string column, long images, int splits)
    {
        InceptionScore? score = null;
        foreach (var logits in Vectors(generated, nameof(generated), column))
        {
            score ??= new InceptionScore(checked((int)images), logits.Length, splits);
            score.Add(logits);
        }
        return score!;
    }

    private static IEnumerable<float[]> Vectors(IDataView view, string side, string name)
    {
        if (view.Schema.GetColumnOrNull(name) is not { } column)
            throw new ArgumentException($"The view has no column '{name}'; it has {string.Join(", ", view.Schema.Select(other => $"'{other.Name}'"))}.", side);
        if (column.Type is not VectorDataViewType { ItemType.RawType: var type } || type != typeof(float))
            throw new ArgumentException($"Column '{name}' is {column.Type}; a vector of Single is needed.", side);
        using var cursor = view.GetRowCursor([column]);
        var getter = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> buffer = default;
        while (cursor.MoveNext())
        {
            getter(ref buffer);
            yield return [.. buffer.DenseValues()];
        }
    }
}
