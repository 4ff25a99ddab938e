using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>The saved form of a model's input schema: names and types of its visible columns.</summary>
internal static class SchemaFormat
{
    private enum Kind : byte
    {
        Text,
        Boolean,
        Number,
        Key,
        Vector,
    }

    /// <summary>Columns of types from outside, images for one, cannot be saved and are left out.</summary>
    internal static void Write(BinaryWriter writer, DataViewSchema schema)
    {
        var columns = schema.Where(column => !column.IsHidden && CanWrite(column.Type)).ToArray();
        writer.Write(columns.Length);
        foreach (var column in columns)
        {
            writer.Write(column.Name);
            Write(writer, column.Type);
        }
    }

    internal static DataViewSchema Read(BinaryReader reader)
    {
        var schema = new DataViewSchema.Builder();
        for (var left = reader.ReadCount(); left > 0; left--)
            schema.AddColumn(reader.ReadString(), ReadType(reader));
        return schema.ToSchema();
    }

    private static bool CanWrite(DataViewType type) => type switch
    {
        VectorDataViewType vector => CanWrite(vector.ItemType),
        _ => type is TextDataViewType or BooleanDataViewType or NumberDataViewType or KeyDataViewType,
    };

    private static void Write(BinaryWriter writer, DataViewType type)
    {
        switch (type)
        {
            case TextDataViewType:
                writer.Write((byte)Kind.Text);
                break;
            case BooleanDataViewType:
                writer.Write((byte)Kind.Boolean);
                break;
            case NumberDataViewType:
                writer.Write((byte)Kind.Number);
                writer.Write(type.RawType.Name);
                break;
            case KeyDataViewType key:
                writer.Write((byte)Kind.Key);
                writer.Write(key.RawType.Name);
                writer.Write(key.Count);
                break;
            case VectorDataViewType vector:
                writer.Write((byte)Kind.Vector);
                Write(writer, vector.ItemType);
                writer.Write(vector.Dimensions.Length);
                foreach (var dimension in vector.Dimensions)
                    writer.Write(dimension);
                break;
        }
    }

    private static DataViewType ReadType(BinaryReader reader)
    {
        var kind = (Kind)reader.ReadByte();
        if (kind != Kind.Vector)
            return ReadPrimitive(reader, kind);

        // The items of a vector are never vectors: a file that says so would otherwise be followed down to the end of the stack.
        var item = ReadPrimitive(reader, (Kind)reader.ReadByte());
        var dimensions = new List<int>();
        for (var left = reader.ReadCount(); left > 0; left--)
            dimensions.Add(reader.ReadInt32());
        return new VectorDataViewType(item, dimensions.ToArray());
    }

    private static PrimitiveDataViewType ReadPrimitive(BinaryReader reader, Kind kind) => kind switch
    {
        Kind.Text => TextDataViewType.Instance,
        Kind.Boolean => BooleanDataViewType.Instance,
        Kind.Number => ReadNumber(reader),
        Kind.Key => new KeyDataViewType(ReadNumber(reader).RawType, reader.ReadUInt64()),
        _ => throw new FormatException("The model's input schema has a column of an unknown type."),
    };

    private static NumberDataViewType ReadNumber(BinaryReader reader)
    {
        var name = reader.ReadString();
        return NumberDataViewType.All.FirstOrDefault(number => number.RawType.Name == name)
            ?? throw new FormatException($"The model's input schema has a column of an unknown number type '{name}'.");
    }
}
