using Google.Protobuf;

namespace Dalle.ML.Onnx;

/// <summary>
/// The signature of an ONNX file: its inputs and outputs, and the files of its weights. Read field by field, without
/// loading the weights and before ONNX Runtime sees the file, since a bundle is untrusted input.
/// </summary>
internal sealed class OnnxFile
{
    // A graph can nest in attributes of its nodes; real ones do so a few levels deep.
    private const int MaxDepth = 32;

    private readonly List<OnnxValue> _inputs = [];
    private readonly List<OnnxValue> _outputs = [];
    private readonly HashSet<string> _initializers = [];
    private readonly SortedSet<string> _externalFiles = new(StringComparer.Ordinal);

    private OnnxFile()
    {
    }

    /// <summary>The inputs that a caller must give.</summary>
    public IEnumerable<OnnxValue> Inputs => _inputs.Where(input => !_initializers.Contains(input.Name));

    public IReadOnlyList<OnnxValue> Outputs => _outputs;

    /// <summary>Version of ONNX's own operators that the nodes are of.</summary>
    public int Opset { get; private set; }

    /// <summary>Where the weights lie, relative to the file's folder, as the file states it.</summary>
    public IReadOnlyCollection<string> ExternalFiles => _externalFiles;

    /// <exception cref="InvalidDataException">The file is truncated or not an ONNX model.</exception>
    public static OnnxFile Read(string path)
    {
        using var file = File.OpenRead(path);
        return Read(file);
    }

    /// <exception cref="InvalidDataException">The file is truncated or not an ONNX model.</exception>
    public static OnnxFile Read(Stream file)
    {
        var model = new OnnxFile();
        var graphs = 0;
        try
        {
            using var stream = CodedInputStream.CreateWithLimits(file, sizeLimit: int.MaxValue, recursionLimit: MaxDepth);
            ReadFields(stream, field =>
            {
                switch (field)
                {
                    case ModelField.Graph:
                        graphs++;
                        ReadMessage(stream, inner => model.ReadGraphField(stream, inner, isMain: true, depth: 0));
                        return true;
                    case ModelField.OpsetImport:
                        model.ReadOpset(stream);
                        return true;
                    case ModelField.Functions:
                        ReadMessage(stream, inner => model.ReadFunctionField(stream, inner));
                        return true;
                    default:
                        return false;
                }
            });
        }
        catch (Exception exception) when (exception is InvalidProtocolBufferException or InvalidOperationException)
        {
            throw new InvalidDataException($"it is truncated or not an ONNX model ({exception.Message})", exception);
        }
        return graphs == 1 ? model : throw new InvalidDataException("it is not an ONNX model: it has no graph");
    }

    private void ReadOpset(CodedInputStream stream)
    {
        var (domain, version) = ("", 0L);
        ReadMessage(stream, field =>
        {
            if (field == OpsetField.Domain)
                domain = stream.ReadString();
            return field == OpsetField.Domain;
        }, field =>
        {
            if (field == OpsetField.Version)
                version = stream.ReadInt64();
            return field == OpsetField.Version;
        });
        if (domain.Length == 0)
            Opset = (int)Math.Clamp(version, 0, int.MaxValue);
    }

    private bool ReadGraphField(CodedInputStream stream, int field, bool isMain, int depth)
    {
        switch (field)
        {
            case GraphField.Node:
                return ReadNode(stream, depth);
            case GraphField.Initializer:
                return ReadTensor(stream);
            case GraphField.SparseInitializer:
                return ReadSparseTensor(stream);
            case GraphField.Input when isMain:
                _inputs.Add(ReadValue(stream));
                return true;
            case GraphField.Output when isMain:
                _outputs.Add(ReadValue(stream));
                return true;
            default:
                return false;
        }
    }

    private bool ReadFunctionField(CodedInputStream stream, int field) => field switch
    {
        FunctionField.Node => ReadNode(stream, depth: 0),
        FunctionField.AttributeDefault => ReadAttribute(stream, depth: 0),
        _ => false,
    };

    private bool ReadNode(CodedInputStream stream, int depth)
    {
        if (depth == MaxDepth)
            throw new InvalidDataException($"its graphs nest more than {MaxDepth} deep");
        ReadMessage(stream, field => field == NodeField.Attribute && ReadAttribute(stream, depth));
        return true;
    }

    private bool ReadAttribute(CodedInputStream stream, int depth)
    {
        ReadMessage(stream, field =>
        {
            switch (field)
            {
                case AttributeField.Tensor or AttributeField.Tensors:
                    return ReadTensor(stream);
                case AttributeField.SparseTensor or AttributeField.SparseTensors:
                    return ReadSparseTensor(stream);
                case AttributeField.Graph or AttributeField.Graphs:
                    ReadMessage(stream, inner => ReadGraphField(stream, inner, isMain: false, depth + 1));
                    return true;
                default:
                    return false;
            }
        });
        return true;
    }

    private bool ReadSparseTensor(CodedInputStream stream)
    {
        ReadMessage(stream, field => field is SparseTensorField.Values or SparseTensorField.Indices && ReadTensor(stream));
        return true;
    }

    private bool ReadTensor(CodedInputStream stream)
    {
        ReadMessage(stream, field =>
        {
            switch (field)
            {
                case TensorField.Name:
                    _initializers.Add(stream.ReadString());
                    return true;
                case TensorField.ExternalData:
                    ReadExternalData();
                    return true;
                default:
                    return false;
            }
        });
        return true;

        void ReadExternalData()
        {
            var (key, value) = ("", "");
            ReadMessage(stream, field =>
            {
                if (field == 1)
                    key = stream.ReadString();
                else if (field == 2)
                    value = stream.ReadString();
                return field is 1 or 2;
            });
            if (key == "location")
                _externalFiles.Add(value);
        }
    }

    private static OnnxValue ReadValue(CodedInputStream stream)
    {
        var (name, type) = ("", 0);
        var dimensions = new List<long?>();
        ReadMessage(stream, field =>
        {
            if (field == 1)
                name = stream.ReadString();
            else if (field == 2)
                ReadMessage(stream, kind => kind == 1 && ReadTensorType());
            return field is 1 or 2;
        });
        return new OnnxValue(name, type, dimensions);

        bool ReadTensorType()
        {
            ReadMessage(stream, field => field == 2 && ReadShape(), field =>
            {
                if (field == 1)
                    type = stream.ReadInt32();
                return field == 1;
            });
            return true;
        }

        bool ReadShape()
        {
            ReadMessage(stream, field => field == 1 && ReadDimension());
            return true;
        }

        bool ReadDimension()
        {
            long? size = null;
            ReadMessage(stream, _ => false, field =>
            {
                if (field == 1)
                    size = stream.ReadInt64();
                return field == 1;
            });
            dimensions.Add(size);
            return true;
        }
    }

    /// <summary>
    /// Reads an embedded message. Each reader consumes a field and says so, or leaves it to be skipped. A field of another wire type than the
    /// standard's is unknown to ONNX Runtime's reader, so it must be to this one.
    /// </summary>
    private static void ReadMessage(CodedInputStream stream, Func<int, bool> read, Func<int, bool>? readNumber = null) =>
        stream.ReadMessage(new FieldReader(stream, read, readNumber));

    private static void ReadFields(CodedInputStream stream, Func<int, bool> read, Func<int, bool>? readNumber = null)
    {
        for (uint tag; (tag = stream.ReadTag()) != 0;)
        {
            var reader = WireFormat.GetTagWireType(tag) switch
            {
                WireFormat.WireType.LengthDelimited => read,
                WireFormat.WireType.Varint => readNumber,
                _ => null,
            };
            if (reader?.Invoke(WireFormat.GetTagFieldNumber(tag)) != true)
                stream.SkipLastField();
        }
    }

    /// <summary>Lets the protobuf reader keep the bounds of nested messages.</summary>
    private sealed class FieldReader(CodedInputStream stream, Func<int, bool> read, Func<int, bool>? readNumber) : IMessage
    {
        public Google.Protobuf.Reflection.MessageDescriptor Descriptor => throw new NotSupportedException();

        public void MergeFrom(CodedInputStream input) => ReadFields(stream, read, readNumber);

        public void WriteTo(CodedOutputStream output) => throw new NotSupportedException();

        public int CalculateSize() => throw new NotSupportedException();
    }

    // Field numbers of the ONNX standard.
    private static class ModelField
    {
        public const int Graph = 7;
        public const int OpsetImport = 8;
        public const int Functions = 25;
    }

    private static class OpsetField
    {
        public const int Domain = 1;
        public const int Version = 2;
    }

    private static class FunctionField
    {
        public const int Node = 7;
        public const int AttributeDefault = 11;
    }

    private static class GraphField
    {
        public const int Node = 1;
        public const int Initializer = 5;
        public const int SparseInitializer = 15;
        public const int Input = 11;
        public const int Output = 12;
    }

    private static class NodeField
    {
        public const int Attribute = 5;
    }

    private static class AttributeField
    {
        public const int Tensor = 5;
        public const int Graph = 6;
        public const int Tensors = 10;
        public const int Graphs = 11;
        public const int SparseTensor = 22;
        public const int SparseTensors = 23;
    }

    private static class SparseTensorField
    {
        public const int Values = 1;
        public const int Indices = 2;
    }

    private static class TensorField
    {
        public const int Name = 8;
        public const int ExternalData = 13;
    }
}

/// <summary>An input or output of a graph. Element types have their numbers in the ONNX standard; a null dimension is free.</summary>
internal sealed record OnnxValue(string Name, int ElementType, IReadOnlyList<long?> Dimensions)
{
    public override string ToString() => $"'{Name}' [{string.Join(", ", Dimensions.Select(size => size?.ToString() ?? "?"))}]";
}
