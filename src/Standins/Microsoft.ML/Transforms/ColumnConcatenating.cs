using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: ModelLoader<ColumnConcatenatingTransformer>]

namespace Microsoft.ML.Transforms
{
    public sealed class ColumnConcatenatingEstimator : TrivialEstimator<ColumnConcatenatingTransformer>
    {
        internal ColumnConcatenatingEstimator(string outputColumnName, string[] inputColumnNames)
            : base(new ColumnConcatenatingTransformer(outputColumnName, inputColumnNames))
        {
        }

        private protected override SchemaShape Propagate(SchemaShape inputSchema)
        {
            SchemaShape.Column[] inputs = [.. Transformer.InputColumnNames.Select(inputSchema.Find)];
            var (item, isKey) = (inputs[0].ItemType, inputs[0].IsKey);
            foreach (var input in inputs)
            {
                if (item is not PrimitiveDataViewType || !input.ItemType.Equals(item) || input.IsKey != isKey)
                    throw SchemaMismatch.WrongType(input.Name, $"a primitive or a vector like '{inputs[0].Name}'", input);
            }

            var kind = inputs.Any(input => input.Kind == SchemaShape.Column.VectorKind.VariableVector)
                ? SchemaShape.Column.VectorKind.VariableVector
                : SchemaShape.Column.VectorKind.Vector;
            return inputSchema.With(new SchemaShape.Column(Transformer.OutputColumnName, kind, item, isKey));
        }
    }
}

namespace Microsoft.ML.Data
{
    public sealed class ColumnConcatenatingTransformer : RowToRowTransformerBase, IModelLoader
    {
        internal ColumnConcatenatingTransformer(string outputColumnName, string[] inputColumnNames)
        {
            ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
            ArgumentNullException.ThrowIfNull(inputColumnNames);
            if (inputColumnNames.Length == 0)
                throw new ArgumentException("There is nothing to concatenate.", nameof(inputColumnNames));
            OutputColumnName = outputColumnName;
            InputColumnNames = inputColumnNames;
        }

        internal string OutputColumnName { get; }

        internal string[] InputColumnNames { get; }

        static string IModelLoader.Name => "Concatenate";

        static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx) =>
            new ColumnConcatenatingTransformer(ctx.Reader.ReadString(), ctx.ReadStrings());

        private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ColumnConcatenatingTransformer>(writer =>
        {
            writer.Write(OutputColumnName);
            writer.WriteStrings(InputColumnNames);
        });

        private protected override RowToRowMapper CreateMapper(DataViewSchema inputSchema) =>
            RowToRowMapper.Add(inputSchema, new Mapping(OutputColumnName, [.. InputColumnNames.Select(name => inputSchema.Find(name))]));

        private sealed class Mapping : RowMapping
        {
            private readonly DataViewSchema.Column[] _inputs;
            private readonly PrimitiveDataViewType _itemType;

            internal Mapping(string outputColumnName, DataViewSchema.Column[] inputs)
            {
                _inputs = inputs;
                _itemType = ItemTypeOf(inputs[0]);
                var size = 0;
                var isKnownSize = true;
                foreach (var input in inputs)
                {
                    if (!ItemTypeOf(input).Equals(_itemType))
                        throw SchemaMismatch.WrongType(input.Name, _itemType, input.Type);
                    var inputSize = input.Type is VectorDataViewType vector ? vector.Size : 1;
                    size += inputSize;
                    isKnownSize &= inputSize > 0;
                }

                AddedColumns = [new(outputColumnName, new VectorDataViewType(_itemType, isKnownSize ? size : 0))];
            }

            internal override IReadOnlyList<DataViewSchema.DetachedColumn> AddedColumns { get; }

            internal override IEnumerable<DataViewSchema.Column> GetDependencies(int added) => _inputs;

            internal override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> isActive)
            {
                if (!isActive(0))
                    return [null];
                return [GenericGetter.MakeGenericMethod(_itemType.RawType).CreateDelegate<Func<DataViewRow, Delegate>>(this)(input)];
            }

            private static readonly MethodInfo GenericGetter =
                typeof(Mapping).GetMethod(nameof(CreateGetter), BindingFlags.NonPublic | BindingFlags.Instance);

            private ValueGetter<VBuffer<T>> CreateGetter<T>(DataViewRow row)
            {
                ValueGetter<VBuffer<T>>[] parts = [.. _inputs.Select(input => AsVector<T>(row, input))];
                var values = new VBuffer<T>[parts.Length];
                return (ref destination) =>
                {
                    for (var i = 0; i < parts.Length; i++)
                        parts[i](ref values[i]);

                    var editor = VBufferEditor.Create(ref destination, values.Sum(value => value.Length));
                    var rest = editor.Values;
                    foreach (var value in values)
                    {
                        value.CopyTo(rest);
                        rest = rest[value.Length..];
                    }

                    destination = editor.Commit();
                };
            }

            private static ValueGetter<VBuffer<T>> AsVector<T>(DataViewRow row, DataViewSchema.Column input)
            {
                if (input.Type is VectorDataViewType)
                    return row.GetGetter<VBuffer<T>>(input);

                var scalar = row.GetGetter<T>(input);
                return (ref destination) =>
                {
                    var editor = VBufferEditor.Create(ref destination, 1);
                    scalar(ref editor.Values[0]);
                    destination = editor.Commit();
                };
            }

            private static PrimitiveDataViewType ItemTypeOf(DataViewSchema.Column input) =>
                (input.Type as VectorDataViewType)?.ItemType
                ?? input.Type as PrimitiveDataViewType
                ?? throw SchemaMismatch.WrongType(input.Name, "a primitive or a vector", input.Type);
        }
    }
}
