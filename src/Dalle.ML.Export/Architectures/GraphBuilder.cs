using System.Globalization;
using System.Security.Cryptography;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using Google.Protobuf;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Writes one ONNX graph. Weights go straight to a data file beside it, each on a page boundary so that ONNX Runtime can map them, and only
/// one of them is in memory at a time.
/// </summary>
/// <remarks>
/// Every float in between is of <see cref="OnnxGraphBuilder.Type"/>: Float16 at <see cref="Precision.Fp16"/>, else Float. What enters and leaves such a graph
/// as another type passes <see cref="OnnxGraphBuilder.Cast"/>.
/// </remarks>
internal sealed class GraphBuilder : OnnxGraphBuilder, IDisposable
{
    private const int IrVersion = 10;
    private const int Opset = 20;
    private const int PageSize = 4096;

    private readonly string _path;
    private readonly bool _storesFloat16;
    private readonly FileStream _weights;
    private readonly Dictionary<string, string> _stored = [];

    /// <param name="path">The file to write.</param>
    /// <param name="precision">How products with weights are computed.</param>
    /// <param name="storesFloat16">Whether weights that come as Float16 are stored so even where products are computed in Float.</param>
    public GraphBuilder(string path, Precision precision = Precision.Fp32, bool storesFloat16 = true)
        : base(precision == Precision.Fp16 ? DataType.Float16 : DataType.Float)
    {
        _path = path;
        _storesFloat16 = storesFloat16;
        Precision = precision;
        Graph.Name = Path.GetFileNameWithoutExtension(path);
        _weights = File.Create(WeightsPath);
    }

    /// <summary>How products with weights are computed.</summary>
    public Precision Precision { get; }

    private string WeightsPath => Path.ChangeExtension(_path, ".weights");

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
        var content = $"{type} [{string.Join(", ", shape)}] {Convert.ToHexString(SHA256.HashData(bytes))}";
        if (_stored.TryGetValue(content, out var known))
            return known;
        _weights.SetLength((_weights.Length + PageSize - 1) / PageSize * PageSize);
        _weights.Position = _weights.Length;
        var stored = new TensorProto
        {
            Name = Unique(name),
            DataType = (int)type,
            DataLocation = DataLocation.External,
            ExternalData =
            {
                new StringStringEntryProto { Key = "location", Value = Path.GetFileName(WeightsPath) },
                new StringStringEntryProto { Key = "offset", Value = _weights.Position.ToString(CultureInfo.InvariantCulture) },
                new StringStringEntryProto { Key = "length", Value = bytes.Length.ToString(CultureInfo.InvariantCulture) },
            },
        };
        stored.Dims.AddRange(shape.Select(size => (long)size));
        _weights.Write(bytes);
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

    public void Dispose() => _weights.Dispose();
}
