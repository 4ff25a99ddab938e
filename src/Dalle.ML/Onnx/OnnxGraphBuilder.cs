using System.Runtime.InteropServices;
using Google.Protobuf;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Onnx;

/// <summary>An ONNX graph, node by node; a value is known by its name.</summary>
internal class OnnxGraphBuilder
{
    private readonly Dictionary<string, int> _uses;
    private string _scope = "";

    /// <param name="type">The type of the graph's floats: Float16 or Float.</param>
    public OnnxGraphBuilder(DataType type) => (Type, _uses) = (type, []);

    private OnnxGraphBuilder(OnnxGraphBuilder outer) => (Type, _uses, _scope) = (outer.Type, outer._uses, outer._scope);

    /// <summary>The type of the graph's floats.</summary>
    public DataType Type { get; }

    /// <summary>The graph so far.</summary>
    public GraphProto Graph { get; } = new();

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
        Graph.Input.Add(ValueInfo(name, type, shape));
        return name;
    }

    public void Output(string name, DataType type, params Dimension[] shape) => Graph.Output.Add(ValueInfo(name, type, shape));

    /// <summary>The value as another type; itself if it is of that type.</summary>
    public string Cast(string value, DataType from, DataType to) => from == to ? value : Node("Cast", [value], ("to", (long)to));

    public string Constant(string name, params long[] values) => Constant(name, DataType.Int64, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>A few numbers of 32 bits, whatever the graph computes in.</summary>
    public string Constant(string name, params float[] values) => Constant(name, DataType.Float, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    public string Constant(string name, params double[] values) => Constant(name, DataType.Double, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    public string Scalar(string name, long value) => Constant(name, DataType.Int64, [], MemoryMarshal.AsBytes([value]));

    public string Scalar(string name, int value) => Constant(name, DataType.Int32, [], MemoryMarshal.AsBytes([value]));

    /// <summary>A number of the graph's type.</summary>
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

    /// <summary>A value that is computed in one of two ways, each of which may use what was made before.</summary>
    /// <param name="condition">Bool [1].</param>
    /// <param name="type">Type of the value.</param>
    /// <param name="then">Makes the value where the condition is true.</param>
    /// <param name="otherwise">Makes it where it is false.</param>
    public string If(string condition, DataType type, Func<OnnxGraphBuilder, string> then, Func<OnnxGraphBuilder, string> otherwise)
    {
        return Node("If", [condition], ("then_branch", Branch(then)), ("else_branch", Branch(otherwise)));

        GraphProto Branch(Func<OnnxGraphBuilder, string> make)
        {
            var branch = new OnnxGraphBuilder(this);
            branch.Graph.Name = Unique("branch");
            var value = make(branch);
            branch.Graph.Output.Add(new ValueInfoProto { Name = value, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type } } });
            return branch.Graph;
        }
    }

    /// <summary>A name that no other value has, within the current scope.</summary>
    public string Unique(string name)
    {
        var scoped = _scope + name;
        var uses = _uses[scoped] = _uses.GetValueOrDefault(scoped) + 1;
        return uses == 1 ? scoped : $"{scoped}_{uses}";
    }

    private string Constant(string name, DataType type, long[] shape, ReadOnlySpan<byte> bytes)
    {
        var tensor = new TensorProto { Name = Unique(name), DataType = (int)type, RawData = ByteString.CopyFrom(bytes) };
        tensor.Dims.AddRange(shape);
        Graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private string Add(string op, string domain, string[] inputs, string[] outputs, (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { Name = outputs[0], OpType = op, Domain = domain };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        node.Attribute.AddRange(attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        Graph.Node.Add(node);
        return outputs[0];
    }

    private static AttributeProto Attribute(string name, object value) => value switch
    {
        int number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = number },
        long number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = number },
        float number => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = number },
        string text => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(text) },
        long[] numbers => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { numbers } },
        GraphProto graph => new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = graph },
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
