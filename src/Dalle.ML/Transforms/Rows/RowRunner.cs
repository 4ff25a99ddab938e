namespace Dalle.ML.Transforms.Rows;

/// <summary>A component with its options and model: runs rows, and isolates the failure of one from the others. Thread-safe.</summary>
internal sealed class RowRunner : IDisposable
{
    private readonly CancellationToken _cancellation;
    private readonly (string Column, ImageField Field)[] _images;
    private readonly Action<string> _warn;
    private int _cutPrompts;

    /// <summary>Takes ownership of the model, even if it fails.</summary>
    /// <exception cref="NotSupportedException">The model cannot do what the component needs.</exception>
    public RowRunner(ComponentOptions options, DalleModel model, IReadOnlyDictionary<ImageField, ImageSize> imageSizes, Action<string> warn)
    {
        try
        {
            (Options, Model, ImageSizes, Component) = (options, model, imageSizes, options.CreateComponent());
            _warn = warn;
            _cancellation = options.CancellationToken;
            _images = [.. Component.Images];
            Component.Check(model.Info);
            if (options is GenerationComponentOptions { Generation: var generation })
                model.CheckOptions(generation);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public ComponentOptions Options { get; }

    public DalleModel Model { get; }

    /// <summary>The sizes of the images whose input columns declare one.</summary>
    public IReadOnlyDictionary<ImageField, ImageSize> ImageSizes { get; }

    public RowComponent Component { get; }

    /// <summary>The columns that are made.</summary>
    public IEnumerable<OutputColumn> Outputs => OutputsOf(Options, Component);

    public static IEnumerable<OutputColumn> OutputsOf(ComponentOptions options, RowComponent component) => component.Outputs
        .Append(new OutputColumn(options.ErrorColumnName, ResultField.Error))
        .Where(output => output.Name is not null);

    /// <summary>An outcome for each row, in order, each as soon as it is finished.</summary>
    public IEnumerable<RowOutcome> Run(IReadOnlyList<Row> rows)
    {
        Row[] readable = [.. rows.Where(row => row.ReadFailure is null)];
        using var results = RunTogether(readable).GetEnumerator();
        var isTogether = readable.Length > 1;
        foreach (var row in rows)
        {
            // When a batch fails, the remaining rows are run one by one to find the one that fails.
            if (isTogether && row.ReadFailure is null)
                isTogether = TryMoveNext(results);
            if (!isTogether || row.ReadFailure is not null)
            {
                yield return RunAlone(row);
                continue;
            }
            WarnIfCut(row);
            yield return new RowOutcome(results.Current);
        }
    }

    public RowOutcome RunAlone(Row row)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (row.ReadFailure is { } failure)
            return Fail(row, failure);
        try
        {
            foreach (var (column, _) in _images.Where(image => image.Field.Of(row) is null))
                throw new ArgumentException($"Column '{column}' has no image.");
            var outcome = new RowOutcome(Component.Run(Model, [row]).Single());
            WarnIfCut(row);
            return outcome;
        }
        catch (Exception exception) when (IsOfOneRow(exception))
        {
            return Fail(row, exception);
        }
    }

    /// <summary>Whether a failure may concern one row only: cancellation, the device and the model affect all.</summary>
    public static bool IsOfOneRow(Exception exception) => exception is not (OperationCanceledException or OutOfMemoryException
        or DalleDeviceException or DalleBundleException or NotSupportedException or ObjectDisposedException);

    public void Dispose() => Model.Dispose();

    /// <summary>Warns of the number of prompts that were cut since the last time, if there was another after the first.</summary>
    public void WarnOfAllCut()
    {
        if (Interlocked.Exchange(ref _cutPrompts, 0) is > 1 and var count)
            _warn($"{count} prompts were cut to the {Model.Info.TextLength} tokens that the model '{Model.Info.Name}' reads.");
    }

    private void WarnIfCut(Row row)
    {
        foreach (var prompt in Component.Prompts(row))
        {
            if (Model.CountCutTokens(prompt) is > 0 and var cut && Interlocked.Increment(ref _cutPrompts) == 1)
            {
                var place = row.Position is { } number ? $"Row {number}" : "A row";
                _warn($"{place} ('{prompt}'): the last {cut} tokens of the prompt were cut, as the model '{Model.Info.Name}' reads {Model.Info.TextLength}. Shorten the prompt.");
            }
        }
    }

    /// <summary>Starts with the first result, so that a failure to start is reported like any other.</summary>
    private IEnumerable<RowResult> RunTogether(IReadOnlyList<Row> rows)
    {
        foreach (var result in Component.Run(Model, rows))
            yield return result;
    }

    private static bool TryMoveNext(IEnumerator<RowResult> results)
    {
        try
        {
            return results.MoveNext();
        }
        catch (Exception exception) when (IsOfOneRow(exception))
        {
            return false;
        }
    }

    private RowOutcome Fail(Row row, Exception exception)
    {
        if (Options.ErrorColumnName is null)
        {
            var position = row.Position is { } number ? $"Row {number}" : "A row";
            var text = Component.Inputs.Any(input => input.Field == RowField.Text) ? $" ('{row.Text}')" : "";
            return new RowOutcome(new InvalidOperationException($"{position}{text} failed: {exception.Message}", exception));
        }
        var result = new RowResult { Error = exception.Message };
        foreach (var output in Outputs)
            output.Field.SetMissing(result, output.Length(Model.Info));
        return new RowOutcome(result);
    }
}
