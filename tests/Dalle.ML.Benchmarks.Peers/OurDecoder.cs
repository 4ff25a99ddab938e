using System.Diagnostics;
using Dalle.ML.Export;
using Dalle.ML.Runtime;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>Our decoder, in this process.</summary>
internal sealed class OurDecoder : IPeer
{
    private readonly MeasuredDecoder _decoder;
    private readonly LogitsDecodeBatch _prefix;
    private readonly Dictionary<int, LogitsDecodeBatch> _batches = [];

    public OurDecoder(Geometry geometry, Precision precision)
    {
        _decoder = MeasuredDecoder.Random("dalle", geometry.Name, precision);
        _prefix = _decoder.Session.NewBatch(rows: 1);
        _prefix.Prefill(_decoder.PromptIds);
        Description = $"Dalle.ML {precision}".ToLowerInvariant();
    }

    public string Description { get; }

    public double Step(int rows)
    {
        if (!_batches.TryGetValue(rows, out var batch))
            _batches.Add(rows, batch = _decoder.Session.NewBatch(rows));
        for (var row = 0; row < rows; row++)
            batch.CopyRow(_prefix, from: 0, to: row);
        while (batch.Length < Geometry.First)
            Decode(batch);
        var start = Stopwatch.GetTimestamp();
        for (var step = 0; step < Geometry.Steps; step++)
            Decode(batch);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Geometry.Steps;
    }

    public void Dispose()
    {
        foreach (var batch in _batches.Values.Append(_prefix))
            batch.Dispose();
        _decoder.Dispose();
    }

    private void Decode(LogitsDecodeBatch batch)
    {
        for (var row = 0; row < batch.Rows; row++)
            batch.Ids[row] = _decoder.Graph.ImageIdOffset + (31 * batch.Length + 7 * row) % _decoder.Image.CodebookSize;
        batch.Decode();
    }
}
