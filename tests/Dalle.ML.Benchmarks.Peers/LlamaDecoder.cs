using System.Diagnostics;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>The decoder in llama.cpp: its GPT-2, of a file that is written here.</summary>
internal sealed class LlamaDecoder : IPeer
{
    public const string Library = "llama.cpp";

    // The assembly does not tell.
    private const string Version = "0.30";

    private readonly string _path;
    private readonly LLamaWeights _weights;
    private readonly Dictionary<int, LLamaContext> _contexts = [];

    public LlamaDecoder(Geometry geometry, GgmlType type)
    {
        NativeLibraryConfig.All.WithLogCallback((level, message) =>
        {
            if (level == LLamaLogLevel.Error)
                Console.Error.Write(message);
        });
        _path = GgufFile.Of(geometry, type);
        _weights = LLamaWeights.LoadFromFile(Parameters(rows: 1));
        Description = $"{Library} {type.Name} (LLamaSharp {Version}, {Environment.ProcessorCount} threads)";
    }

    public string Description { get; }

    public double Step(int rows)
    {
        if (!_contexts.TryGetValue(rows, out var context))
            _contexts.Add(rows, context = Fill(_weights.CreateContext(Parameters(rows)), rows));
        for (var row = 0; row < rows; row++)
            context.NativeHandle.MemorySequenceRemove((LLamaSeqId)row, Geometry.First, -1);
        var batch = new LLamaBatch();
        var start = Stopwatch.GetTimestamp();
        for (var step = 0; step < Geometry.Steps; step++)
        {
            batch.Clear();
            for (var row = 0; row < rows; row++)
                batch.Add(31 * step + 7 * row, Geometry.First + step, (LLamaSeqId)row, logits: true);
            Decode(context, batch);
            // Waits for the step.
            _ = context.NativeHandle.GetLogitsIth(rows - 1)[0];
        }
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Geometry.Steps;
    }

    public void Dispose()
    {
        foreach (var context in _contexts.Values)
            context.Dispose();
        _weights.Dispose();
    }

    /// <summary>Fills the cache up to where the steps begin.</summary>
    private static LLamaContext Fill(LLamaContext context, int rows)
    {
        var batch = new LLamaBatch();
        for (var row = 0; row < rows; row++)
        {
            batch.Clear();
            for (var position = 0; position < Geometry.First; position++)
                batch.Add(position, position, (LLamaSeqId)row, logits: false);
            Decode(context, batch);
        }
        return context;
    }

    private static void Decode(LLamaContext context, LLamaBatch batch)
    {
        if (context.NativeHandle.Decode(batch) is not DecodeResult.Ok and var result)
            throw new InvalidOperationException($"llama.cpp gave up: {result}.");
    }

    /// <summary>Flash attention is the faster of both here.</summary>
    private ModelParams Parameters(int rows) => new(_path)
    {
        GpuLayerCount = 0,
        ContextSize = (uint)(rows * Geometry.Capacity),
        FlashAttention = true,
        SeqMax = (uint)rows,
        Threads = Environment.ProcessorCount,
        BatchThreads = Environment.ProcessorCount,
    };
}
