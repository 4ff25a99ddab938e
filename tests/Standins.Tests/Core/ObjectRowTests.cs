using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class ObjectRowTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class EveryType
    {
        public bool Flag { get; set; }
        public sbyte I1 { get; set; }
        public byte U1 { get; set; }
        public short I2 { get; set; }
        public ushort U2 { get; set; }
        public int I4 { get; set; }
        public uint U4 { get; set; }
        public long I8 { get; set; }
        public ulong U8 { get; set; }
        public float R4 { get; set; }
        public double R8 { get; set; }
        public string? Line { get; set; }
        public ReadOnlyMemory<char> Text { get; set; }
        [VectorType(2)] public float[]? Fixed { get; set; }
        public int[]? Variable { get; set; }
        public string[]? Strings { get; set; }
        [VectorType(2, 2)] public VBuffer<byte> Buffer { get; set; }
        [ColumnName("Other name")] public int Renamed { get; set; }
        [NoColumn] public int Ignored { get; set; }
        [LoadColumn(0)] public int InFile { get; set; }
    }

#pragma warning disable CA1051 // Fields are columns too.
    public sealed class WithFields
    {
        public string Name = "";

        [VectorType(2)]
        public float[] Values = [];
    }
#pragma warning restore CA1051

    public sealed class OnlyNumber
    {
        public int Number { get; set; }
    }

    public sealed class WithMore
    {
        public int Number { get; set; }

        public string More { get; set; } = "untouched";
    }

    public sealed class WrongType
    {
        public float Number { get; set; }
    }

    public sealed class Unsupported
    {
        public List<int> Numbers { get; set; } = [];
    }

    public sealed class Vector
    {
        public float[] Values { get; set; } = [];
    }

    [Fact]
    public void Members_become_columns_of_their_types()
    {
        var schema = _ml.Data.LoadFromEnumerable(Array.Empty<EveryType>()).Schema;

        Assert.Equal(TextDataViewType.Instance, schema["Line"].Type);
        Assert.Equal(TextDataViewType.Instance, schema["Text"].Type);
        Assert.Equal(BooleanDataViewType.Instance, schema["Flag"].Type);
        Assert.Equal(NumberDataViewType.UInt16, schema["U2"].Type);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2), schema["Fixed"].Type);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Byte, 2, 2), schema["Buffer"].Type);
        Assert.False(((VectorDataViewType)schema["Variable"].Type).IsKnownSize);
        Assert.Equal(NumberDataViewType.Int32, schema["Other name"].Type);
        Assert.Null(schema.GetColumnOrNull("Renamed"));
        Assert.Null(schema.GetColumnOrNull("Ignored"));
        Assert.NotNull(schema.GetColumnOrNull("InFile"));
    }

    [Fact]
    public void Objects_come_back_as_they_went_in()
    {
        EveryType row = new()
        {
            Flag = true,
            I1 = -1,
            U1 = 2,
            I2 = -3,
            U2 = 4,
            I4 = -5,
            U4 = 6,
            I8 = -7,
            U8 = 8,
            R4 = 9.5f,
            R8 = -10.5,
            Line = "ünï",
            Text = "text".AsMemory(),
            Fixed = [1, 2],
            Variable = [1, 2, 3],
            Strings = ["a", "b"],
            Buffer = new VBuffer<byte>(4, [1, 2, 3, 4]),
            Renamed = 11,
            Ignored = 12,
        };

        var back = Assert.Single(_ml.Data.CreateEnumerable<EveryType>(_ml.Data.LoadFromEnumerable([row]), reuseRowObject: false));

        Assert.True(back.Flag);
        Assert.Equal((-1, 2, -3, 4), (back.I1, back.U1, back.I2, back.U2));
        Assert.Equal((-5, 6u, -7L, 8ul), (back.I4, back.U4, back.I8, back.U8));
        Assert.Equal((9.5f, -10.5), (back.R4, back.R8));
        Assert.Equal(("ünï", "text"), (back.Line, back.Text.ToString()));
        Assert.Equal(row.Fixed, back.Fixed);
        Assert.Equal(row.Variable, back.Variable);
        Assert.Equal(row.Strings, back.Strings);
        Assert.Equal(row.Buffer.DenseValues(), back.Buffer.DenseValues());
        Assert.Equal((11, 0), (back.Renamed, back.Ignored));
    }

    [Fact]
    public void Fields_are_columns()
    {
        var data = _ml.Data.LoadFromEnumerable<WithFields>([new() { Name = "n", Values = [1, 2] }]);
        var back = Assert.Single(_ml.Data.CreateEnumerable<WithFields>(data, reuseRowObject: false));
        Assert.Equal("n", back.Name);
        Assert.Equal([1, 2], back.Values);
    }

    [Fact]
    public void Nulls_are_empty_text_and_empty_vectors()
    {
        var data = _ml.Data.LoadFromEnumerable<EveryType>([new() { Fixed = [1, 2], Buffer = new(4, [1, 2, 3, 4]) }]);
        Assert.Equal("", data.GetColumn<ReadOnlyMemory<char>>("Line").Single().ToString());
        Assert.Equal(0, data.GetColumn<VBuffer<int>>("Variable").Single().Length);
    }

    [Fact]
    public void A_row_object_is_reused_on_demand()
    {
        var data = Samples.View(_ml);
        Assert.Single(_ml.Data.CreateEnumerable<TextRow>(data, reuseRowObject: true).Distinct(ReferenceEqualityComparer.Instance));
        Assert.Equal(
            3, _ml.Data.CreateEnumerable<TextRow>(data, reuseRowObject: false).Distinct(ReferenceEqualityComparer.Instance).Count());
    }

    [Fact]
    public void Columns_without_a_member_are_left_alone() =>
        Assert.Equal([0, 1, 2], _ml.Data.CreateEnumerable<OnlyNumber>(Samples.View(_ml), false).Select(row => row.Number));

    [Fact]
    public void Missing_columns_are_an_error_unless_ignored()
    {
        var data = Samples.View(_ml);
        Expect.SchemaMismatch(() => _ = _ml.Data.CreateEnumerable<WithMore>(data, false).Count());
        Assert.All(
            _ml.Data.CreateEnumerable<WithMore>(data, false, ignoreMissingColumns: true),
            row => Assert.Equal("untouched", row.More));
    }

    [Fact]
    public void A_column_of_another_type_is_an_error() =>
        Expect.SchemaMismatch(() => _ = _ml.Data.CreateEnumerable<WrongType>(Samples.View(_ml), false).Count());

    [Fact]
    public void A_member_of_an_unknown_type_is_an_error() =>
        Assert.ThrowsAny<Exception>(() => _ml.Data.LoadFromEnumerable<Unsupported>([]));

    [Fact]
    public void A_definition_renames_columns_and_gives_sizes()
    {
        var definition = SchemaDefinition.Create(typeof(Vector));
        definition["Values"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 2);
        definition["Values"].ColumnName = "Features";
        var data = _ml.Data.LoadFromEnumerable<Vector>([new() { Values = [1, 2] }], definition);

        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2), data.Schema["Features"].Type);
        Assert.Equal([1, 2], _ml.Data.CreateEnumerable<Vector>(data, false, schemaDefinition: definition).Single().Values);
    }

    [Fact]
    public void A_schema_gives_sizes()
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Values", new VectorDataViewType(NumberDataViewType.Single, 2));
        var data = _ml.Data.LoadFromEnumerable<Vector>([new() { Values = [1, 2] }], builder.ToSchema());
        Assert.Equal(2, ((VectorDataViewType)data.Schema["Values"].Type).Size);
    }

    [Fact]
    public void Objects_are_enumerated_anew_by_each_reader()
    {
        var enumerations = 0;
        IEnumerable<TextRow> Rows()
        {
            enumerations++;
            yield return new TextRow { Text = "only" };
        }

        var data = _ml.Data.LoadFromEnumerable(Rows());
        Assert.Equal(0, enumerations);
        Assert.Equal(["only"], data.GetColumn<string>("Text"));
        Assert.Equal(["only"], data.GetColumn<string>("Text"));
        Assert.Equal(2, enumerations);
    }
}
