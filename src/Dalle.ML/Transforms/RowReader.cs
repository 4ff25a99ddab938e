using Dalle.ML.Generation;
using Microsoft.ML;

namespace Dalle.ML.Transforms;

/// <summary>Reads what is to be drawn from the current row of an input.</summary>
internal sealed class RowReader
{
    private readonly ValueGetter<ReadOnlyMemory<char>> _prompt;
    private readonly ValueGetter<ulong>? _seedGetter;
    private readonly ulong _seed;

    public RowReader(DataViewRow row, GeneratedColumns columns, ulong seed)
    {
        _prompt = row.GetGetter<ReadOnlyMemory<char>>(columns.Prompt);
        _seedGetter = columns.SeedSource is { } column ? row.GetGetter<ulong>(column) : null;
        _seed = seed;
    }

    public GenerationRequest Read()
    {
        var prompt = default(ReadOnlyMemory<char>);
        _prompt(ref prompt);
        var seed = _seed;
        _seedGetter?.Invoke(ref seed);
        return new GenerationRequest(prompt.ToString(), seed);
    }
}
