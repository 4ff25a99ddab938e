using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;
using Dalle.ML.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Tests.Runtime;

public sealed class AttentionTests
{
    [Theory]
    [InlineData(1, 1, 16, 0, 1, false)]
    [InlineData(3, 5, 64, 37, 1, false)]
    [InlineData(2, 4, 48, 0, 9, true)]
    [InlineData(1, 3, 32, 6, 4, true)]
    public void Is_what_its_definition_gives(int rows, int heads, int size, int past, int sequence, bool hasBias)
    {
        using var attention = new Attention(rows, heads, size, past, sequence) { HasBias = hasBias };
        var result = attention.Run();
        var expected = attention.Expected();
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], result[i], 1e-5);
    }

    [Fact]
    public void A_row_gives_the_same_bits_alone_and_beside_rows_that_begin_alike()
    {
        const int Rows = 5;
        const int Heads = 3;
        const int Size = 64;
        const int Past = 22;
        using var together = new Attention(Rows, Heads, Size, Past, 1) { Groups = 1 };
        together.Share(positions: 13, with: 1);
        var result = together.Run();
        for (var row = 1; row < Rows; row++)
        {
            using var alone = new Attention(1, Heads, Size, Past, 1) { Groups = Heads };
            alone.CopyRow(together, row);
            Assert.Equal(alone.Run(), result.AsSpan(row * Heads * Size, Heads * Size).ToArray());
        }
    }

    [Fact]
    public void The_graph_with_it_gives_the_logits_of_the_graph_without()
    {
        var bundle = Bundle.Open(DalleModel.DefaultPath);
        var graph = bundle.Manifest.Decoder!;
        long[] ids = [.. Enumerable.Range(0, bundle.Manifest.Text!.Length).Select(i => 5L + i)];
        using var decoder = new DecoderSession(bundle, graph, DalleDevice.Cpu);
        Assert.True(decoder.HasOwnAttention);
        using var batch = decoder.NewBatch(1);
        batch.Prefill(ids);
        batch.Ids[0] = graph.ImageIdOffset + 7;
        batch.Decode();

        using var session = OrtRuntime.CreateSession(bundle, graph.File, DalleDevice.Cpu);
        using var logits = Run(session, graph, [.. ids, graph.ImageIdOffset + 7L]);
        var expected = logits[0].GetTensorDataAsSpan<float>();
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], batch.Logits[i], 1e-3);
    }

    [Fact]
    public void A_call_with_a_cache_that_is_not_in_place_is_refused()
    {
        var bundle = Bundle.Open(TinyModel.Path);
        var graph = bundle.Manifest.Decoder!;
        using var rewritten = RewrittenDecoder.Of(bundle, graph)!;
        using var session = OrtRuntime.CreateSession(bundle, graph.File, DalleDevice.Cpu, rewritten.Graph, rewritten.Weights);
        var failure = Assert.Throws<OnnxRuntimeException>(() => Run(session, graph, [1]));
        Assert.Contains("past and present are one buffer", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_whose_attention_does_more_is_left_as_it_is()
    {
        var bundle = Bundle.Open(TinyModel.Path);
        var graph = bundle.Manifest.Decoder!;
        var file = File.ReadAllBytes(bundle.PathOf(graph.File));
        Assert.True(AttentionRewrite.Apply(ModelProto.Parser.ParseFrom(file), graph.Cache));
        Assert.True(AttentionRewrite.Fits(graph.Cache));
        Assert.False(AttentionRewrite.Fits(graph.Cache with { Type = CacheType.Float16 }));

        var model = ModelProto.Parser.ParseFrom(file);
        var node = model.Graph.Node.First(node => node.OpType == "GroupQueryAttention");
        node.Attribute.Add(new AttributeProto { Name = "do_rotary", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        var before = model.Clone();
        Assert.False(AttentionRewrite.Apply(model, graph.Cache));
        Assert.Equal(before, model);
    }

    private static IDisposableReadOnlyCollection<OrtValue> Run(InferenceSession session, DecoderGraph graph, long[] ids)
    {
        var inputs = new Dictionary<string, OrtValue>
        {
            [graph.Ids] = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]),
            [graph.TotalLength!] = OrtValue.CreateTensorValueFromMemory([ids.Length], [1]),
        };
        if (session.InputNames.Contains(AttentionRewrite.Shared))
            inputs[AttentionRewrite.Shared] = OrtValue.CreateTensorValueFromMemory(new int[2], [1, 2]);
        foreach (var (past, _) in graph.Cache.AllNames)
        {
            long[] shape = [1, .. session.InputMetadata[past].Dimensions.Skip(1).Select(size => (long)size)];
            inputs[past] = OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate((product, size) => product * size)], shape);
        }
        using var options = new RunOptions();
        return session.Run(options, inputs, [graph.Logits]);
    }

    /// <summary>A call on random numbers, beside its definition in 64 bits.</summary>
    private sealed unsafe class Attention : IDisposable
    {
        private readonly int _rows;
        private readonly int _heads;
        private readonly int _size;
        private readonly int _past;
        private readonly int _sequence;
        private readonly List<NativeTensor> _tensors = [];
        private readonly float* _query;
        private readonly float* _keys;
        private readonly float* _values;
        private readonly float* _bias;
        private readonly float* _result;
        private readonly int[] _last;
        private readonly int[] _shared;

        public Attention(int rows, int heads, int size, int past, int sequence)
        {
            (_rows, _heads, _size, _past, _sequence) = (rows, heads, size, past, sequence);
            var random = new Random(7);
            _query = Numbers(rows * sequence * 3 * Width);
            _keys = Numbers(rows * Capacity * Width);
            _values = Numbers(rows * Capacity * Width);
            _bias = Numbers(sequence * Total);
            _result = Numbers(rows * sequence * Width);
            _last = [.. Enumerable.Repeat(Total - 1, rows)];
            _shared = new int[2 * rows];

            float* Numbers(int count)
            {
                var tensor = new NativeTensor(TensorMemory.Host, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, count);
                _tensors.Add(tensor);
                var numbers = tensor.Value.GetTensorMutableDataAsSpan<float>();
                foreach (ref var number in numbers)
                    number = (float)(2 * random.NextDouble() - 1);
                fixed (float* start = numbers)
                    return start;
            }
        }

        public bool HasBias { get; init; }

        public int Groups { get; init; } = 1;

        private int Width => _heads * _size;

        private int Total => _past + _sequence;

        private int Capacity => Total + 3;

        /// <summary>Gives the rows after one its first positions; those of their own hold other numbers, which must not be read.</summary>
        public void Share(int positions, int with)
        {
            for (var row = with; row < _rows; row++)
                (_shared[2 * row], _shared[2 * row + 1]) = (with, positions);
        }

        public void CopyRow(Attention other, int row)
        {
            var (first, positions) = (other._shared[2 * row], other._shared[2 * row + 1]);
            var length = Capacity * Width;
            foreach (var (mine, theirs) in new[] { ((nint)_keys, (nint)other._keys), ((nint)_values, (nint)other._values) })
            {
                new Span<float>((float*)theirs + row * length, length).CopyTo(new Span<float>((float*)mine, length));
                new Span<float>((float*)theirs + first * length, positions * Width).CopyTo(new Span<float>((float*)mine, length));
            }
            var queries = _sequence * 3 * Width;
            new Span<float>(other._query + row * queries, queries).CopyTo(new Span<float>(_query, queries));
        }

        public float[] Run()
        {
            fixed (int* last = _last)
            {
                fixed (int* shared = _shared)
                {
                    var call = new AttentionCall
                    {
                        Rows = _rows,
                        Heads = _heads,
                        Sequence = _sequence,
                        HeadSize = _size,
                        Capacity = Capacity,
                        Groups = Groups,
                        Stride = 3 * Width,
                        Scale = 0.25f,
                        Query = _query,
                        Key = _query + Width,
                        Value = _query + 2 * Width,
                        Keys = _keys,
                        Values = _values,
                        Last = last,
                        Shared = shared,
                        Bias = HasBias ? _bias : null,
                        Result = _result,
                    };
                    for (var task = 0; task < _rows * Groups; task++)
                        call.Run(task);
                }
            }
            return new Span<float>(_result, _rows * _sequence * Width).ToArray();
        }

        /// <summary>After a run, when the new keys and values lie in the caches.</summary>
        public double[] Expected()
        {
            var expected = new double[_rows * _sequence * Width];
            for (var i = 0; i < _rows * _sequence * _heads; i++)
            {
                var (row, position, head) = (i / _heads / _sequence, i / _heads % _sequence, i % _heads);
                var length = _past + position + 1;
                var query = _query + (row * _sequence + position) * 3 * Width + head * _size;
                var weights = Enumerable.Range(0, length).Select(other => Math.Exp(0.25 * Product(query, At(_keys, other)) + (HasBias ? _bias[position * Total + other] : 0))).ToArray();
                for (var channel = 0; channel < _size; channel++)
                {
                    expected[(row * _sequence + position) * Width + head * _size + channel] =
                        Enumerable.Range(0, length).Sum(other => weights[other] * At(_values, other)[channel]) / weights.Sum();
                }

                float* At(float* cache, int other) => cache + (row * Capacity + other) * Width + head * _size;
            }
            return expected;
        }

        public void Dispose() => _tensors.ForEach(tensor => tensor.Dispose());

        private double Product(float* a, float* b) => Enumerable.Range(0, _size).Sum(i => (double)a[i] * b[i]);
    }
}
