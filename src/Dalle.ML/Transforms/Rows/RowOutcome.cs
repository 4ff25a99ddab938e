using System.Runtime.ExceptionServices;

namespace Dalle.ML.Transforms.Rows;

/// <summary>The outcome of a row: a result, or the reason why it failed. Disposing it disposes the result.</summary>
internal sealed class RowOutcome : IDisposable
{
    private readonly RowResult? _result;
    private readonly ExceptionDispatchInfo? _failure;

    public RowOutcome(RowResult result) => _result = result;

    public RowOutcome(Exception failure) => _failure = ExceptionDispatchInfo.Capture(failure);

    /// <exception cref="InvalidOperationException">There is none.</exception>
    public RowResult Result
    {
        get
        {
            _failure?.Throw();
            return _result!;
        }
    }

    public void Dispose() => _result?.Dispose();
}
