using Dalle.ML.Generation;

namespace Dalle.ML.Cli;

/// <summary>The progress of one request as a part of that of several which are drawn one after another.</summary>
/// <param name="whole">Told of the whole, if anybody wants to know.</param>
/// <param name="row">The request, from 0.</param>
/// <param name="rows">Number of requests.</param>
/// <param name="preview">Told of the request alone, if anybody wants to know.</param>
internal sealed class RequestProgress(IProgress<DalleProgress>? whole, int row, int rows, Action<DalleProgress>? preview = null) : IProgress<DalleProgress>
{
    public void Report(DalleProgress value)
    {
        preview?.Invoke(value);
        whole?.Report(value with { Row = row, Rows = rows, Fraction = (row + value.Fraction) / rows });
    }
}
