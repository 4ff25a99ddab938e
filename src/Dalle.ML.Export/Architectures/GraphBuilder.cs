using System.Globalization;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using Google.Protobuf;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Writes one ONNX graph. Weights go straight to a data file beside it, and only one of them is in memory at a time.
/// </summary>
/// <remarks>
/// Every float in between is of <see cref="OnnxGraphBuilder.Type"/>: Float16 at <see cref="Precision.Fp16"/>, else Float. What enters and leaves such a graph
/// as another type passes <see cref="OnnxGraphBuilder.Cast"/>.
/// </remarks>
internal sealed class GraphBuilder : OnnxGraphBuilder, IDisposable
{
    private const int IrVersion = 10;
    private const int Opset = 20;

    private readonly string _path;
    private readonly bool _storesFloat16;
    private readonly WeightsFile _weights;
    private readonly bool _sharesWeights;
    private readonly Dictionary<string, string> _stored = [];

    /// <param name="path">The file to write.</param>
    /// <param name="precision">How products with weights are computed.</param>
    /// <param name="storesFloat16">Whether weights that come as Float16 are stored so even where products are computed in Float.</param>
    /// <param name="shared">The data file that it shares with other graphs in its folder; by default one of its own, named after it.</param>
    public GraphBuilder(string path, Precision precision = Precision.Fp32, bool storesFloat16 = true, WeightsFile? shared = null)
        : base(precision == Precision.Fp16 ? DataType.Float16 : DataType.Float)
    {
        _path = path;
        _storesFloat16 = storesFloat16;
        Precision = precision;
        Graph.Name = Path.GetFileNameWithoutExtension(path);
        (_weights, _sharesWeights) = (shared ?? new WeightsFile(Path.ChangeExtension(path, ".weights")), shared is not null);
    }

    /// <summary>How products with weights are computed.</summary>
    public Precision Precision { get; }

    /// <summary>A weight in the data file. Float16 is widened when the session is created, which costs nothing per run.</summary>
    public string Weight(string name, Tensor tensor)
    {
        var isFloat16 = (tensor.IsFloat16 && _storesFloat16) || Type == DataType.Float16;
        var stored = isFloat16 ? DataType.Float16 : DataType.Float;
        return Cast(Weight(name, stored, tensor.Shape, tensor.ToBytes(isFloat16)), stored, Type);
    }

    /// <summary>A weight in the data file, as its bytes. Layers that share a weight find it there already.</summary>
    public string Weight(string name, DataType type, int[] shape, ReadOnlySpan<byte> bytes)
    {
        var offset = _weights.Add(bytes, out var hash);
        var content = $"{type} [{string.Join(", ", shape)}] {hash}";
        if (_stored.TryGetValue(content, out var known))
            return known;
        var stored = new TensorProto
        {
            Name = Unique(name),
            DataType = (int)type,
            DataLocation = DataLocation.External,
            ExternalData =
            {
                new StringStringEntryProto { Key = "location", Value = _weights.Name },
                new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) },
                new StringStringEntryProto { Key = "length", Value = bytes.Length.ToString(CultureInfo.InvariantCulture) },
            },
        };
        stored.Dims.AddRange(shape.Select(size => (long)size));
        Graph.Initializer.Add(stored);
        return _stored[content] = stored.Name;
    }

    /// <summary>Writes the graph. The data file is complete by then.</summary>
    public void Save()
    {
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "Dalle.ML",
            Graph = Graph,
            OpsetImport = { new OperatorSetIdProto { Version = Opset }, new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 } },
        };
        using var file = File.Create(_path);
        model.WriteTo(file);
    }

    public void Dispose()
    {
        if (!_sharesWeights)
            _weights.Dispose();
    }
}
