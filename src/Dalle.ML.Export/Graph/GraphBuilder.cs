using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Dalle.ML.Export.Checkpoints;
using Google.Protobuf;
using static Dalle.ML.Export.Graph.TensorProto.Types;

namespace Dalle.ML.Export.Graph;

/// <summary>
/// Writes one ONNX graph, node by node; a value is known by its name. Weights go straight to a data file beside the graph,
/// each on a page boundary so that ONNX Runtime can map them, and only one of them is in memory at a time.
/// </summary>
/// <remarks>
/// Every float in between is of <see cref="Type"/>: halves at <see cref="Precision.Fp16"/>, else 32 bits. What enters and leaves such a graph
/// as another type passes <see cref="Cast"/>.
/// </remarks>
internal sealed class GraphBuilder : IDisposable
{
    private const int IrVersion = 10;
    private const int Opset = 20;
    private const int PageSize = 4096;

    private readonly string _path;
    private readonly FileStream _weights;
    private readonly GraphProto _graph;
    private readonly Dictionary<string, int> _uses = [];
    private readonly Dictionary<string, string> _stored = [];
    private string _scope = "";

    public GraphBuilder(string path, Precision precision = Precision.Fp32)
    {
        _path = path;
        Precision = precision;
        _graph = new GraphProto { Name = Path.GetFileNameWithoutExtension(path) };
        _weights = File.Create(WeightsPath);
    }

    /// <summary>How products with weights are computed.</summary>
    public Precision Precision { get; }

    /// <summary>The type of the graph's floats.</summary>
    public DataType Type => Precision == Precision.Fp16 ? DataType.Float16 : DataType.Float;

    private string WeightsPath => Path.ChangeExtension(_path, ".weights");

    /// <summary>Names of nodes and weights made until the result is disposed start with <paramref name="name"/>.</summary>
    public IDisposable Scope(string name)
    {
        var outer = _scope;
        _scope = $"{outer}{name}/";
        return new ScopeEnd(() => _scope = outer);
    }

    /// <summary>Declares an input; a dimension is a size or, negative sizes not being any, a name such as <c>"batch"</c>.</summary>
    public string Input(string name, DataType type, params Dimension[] shape)
    {
        _graph.Input.Add(ValueInfo(name, type, shape));
        return name;
    }

    public void Output(string name, DataType type, params Dimension[] shape) => _graph.Output.Add(ValueInfo(name, type, shape));

    /// <summary>A weight in the data file. Halves are widened when the session is created, which costs nothing per run.</summary>
    public string Weight(string name, Tensor tensor)
    {
        var isHalf = tensor.IsHalf || Type == DataType.Float16;
        var stored = isHalf ? DataType.Float16 : DataType.Float;
        return Cast(Weight(name, stored, tensor.Shape, tensor.ToBytes(isHalf)), stored, Type);
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
        _graph.Initializer.Add(stored);
        return _stored[content] = stored.Name;
    }

    /// <summary>The value as another type; itself if it is of that type.</summary>
    public string Cast(string value, DataType from, DataType to) => from == to ? value : Node("Cast", [value], ("to", (long)to));

    public string Constant(string name, params long[] values) => Constant(name, DataType.Int64, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>A few numbers of 32 bits, whatever the graph computes in.</summary>
    public string Constant(string name, params float[] values) => Constant(name, DataType.Float, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    public string Scalar(string name, long value) => Constant(name, DataType.Int64, [], MemoryMarshal.AsBytes([value]));

    public string Scalar(string name, int value) => Constant(name, DataType.Int32, [], MemoryMarshal.AsBytes([value]));

    public string Scalar(string name, float value) => Type == DataType.Float16
        ? Constant(name, DataType.Float16, [], MemoryMarshal.AsBytes([(Half)value]))
        : Constant(name, DataType.Float, [], MemoryMarshal.AsBytes([value]));

    /// <summary>Adds a node of the standard operator set and returns the name of its output.</summary>
    public string Node(string op, string[] inputs, params (string Name, object Value)[] attributes) =>
        Add(op, "", inputs, [Unique(op)], attributes);

    /// <summary>Adds a node whose outputs are named by the caller: graph outputs, or several of them.</summary>
    public string Node(string op, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes) =>
        Add(op, "", inputs, outputs, attributes);

    /// <summary>Adds a node of ONNX Runtime's own operators (domain com.microsoft).</summary>
    public string Contrib(string op, string[] inputs, string[]? outputs = null, params (string Name, object Value)[] attributes) =>
        Add(op, "com.microsoft", inputs, outputs ?? [Unique(op)], attributes);

    /// <summary>A name that no other value has, within the current scope.</summary>
    public string Unique(string name)
    {
        var scoped = _scope + name;
        var uses = _uses[scoped] = _uses.GetValueOrDefault(scoped) + 1;
        return uses == 1 ? scoped : $"{scoped}_{uses}";
    }

    /// <summary>Writes the graph. The data file is complete by then.</summary>
    public void Save()
    {
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "Dalle.ML",
            Graph = _graph,
            OpsetImport = { new OperatorSetIdProto { Version = Opset }, new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 } },
        };
        using var file = File.Create(_path);
        model.WriteTo(file);
    }

    public void Dispose() => _weights.Dispose();

    private string Constant(string name, DataType type, long[] shape, ReadOnlySpan<byte> bytes)
    {
        var tensor = new TensorProto { Name = Unique(name), DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.AddRange(shape);
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private string Add(string op, string domain, string[] inputs, string[] outputs, (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { Name = outputs[0], OpType = op, Domain = domain };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        _graph.Node.Add(node);
        return outputs[0];
    }

    private static AttributeProto Attribute(string name, object value) => value switch
    {
        int number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = number },
        long number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = number },
        float number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = number },
        string text => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(text) },
        long[] numbers => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { numbers } },
        _ => throw new ArgumentException($"Attribute '{name}' has the unsupported type {value.GetType()}.", nameof(value)),
    };

    private static ValueInfoProto ValueInfo(string name, DataType type, Dimension[] shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new TensorShapeProto() };
        tensor.Shape.Dim.AddRange(shape.Select(dimension => dimension.Name is null
            ? new TensorShapeProto.Types.Dimension { DimValue = dimension.Size }
            : new TensorShapeProto.Types.Dimension { DimParam = dimension.Name }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }

    private sealed class ScopeEnd(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

/// <summary>One axis of a graph's input or output: a fixed size, or a name for a size known at run time.</summary>
internal readonly record struct Dimension(long Size, string? Name)
{
    public static implicit operator Dimension(int size) => new(size, null);

    public static implicit operator Dimension(string name) => new(0, name);
}
