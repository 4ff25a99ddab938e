using Microsoft.ML.Data;

namespace Microsoft.ML
{
    public static class CustomMappingCatalog
    {
        /// <summary>
        /// Columns computed by a function of one row. The function is called from several threads at once. To be saved, the
        /// transformer needs a contract name, the same that a <see cref="Transforms.CustomMappingFactory{TSrc, TDst}"/> carries.
        /// </summary>
        public static Transforms.CustomMappingEstimator<TSrc, TDst> CustomMapping<TSrc, TDst>(
            this TransformsCatalog catalog,
            Action<TSrc, TDst> mapAction,
            string contractName,
            SchemaDefinition inputSchemaDefinition = null,
            SchemaDefinition outputSchemaDefinition = null)
            where TSrc : class, new()
            where TDst : class, new()
        {
            ArgumentNullException.ThrowIfNull(catalog);
            return new(mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition);
        }
    }
}

namespace Microsoft.ML.Transforms
{
    public sealed class CustomMappingEstimator<TSrc, TDst> : TrivialEstimator<CustomMappingTransformer<TSrc, TDst>>
        where TSrc : class, new()
        where TDst : class, new()
    {
        internal CustomMappingEstimator(
            Action<TSrc, TDst> mapAction,
            string contractName,
            SchemaDefinition inputSchemaDefinition,
            SchemaDefinition outputSchemaDefinition)
            : base(new CustomMappingTransformer<TSrc, TDst>(mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition))
        {
        }

        private protected override SchemaShape Propagate(SchemaShape inputSchema)
        {
            foreach (var wanted in Transformer.InputColumns)
            {
                var actual = inputSchema.Find(wanted.Name);
                if (!actual.Satisfies(wanted))
                    throw SchemaMismatch.WrongType(wanted.Name, wanted, actual);
            }

            return inputSchema.With(Transformer.OutputColumns);
        }
    }

    public sealed class CustomMappingTransformer<TSrc, TDst> : RowToRowTransformerBase
        where TSrc : class, new()
        where TDst : class, new()
    {
        private readonly Action<TSrc, TDst> _mapAction;
        private readonly string _contractName;
        private readonly SchemaDefinition _inputSchemaDefinition;
        private readonly ObjectSchema<TDst> _output;

        internal CustomMappingTransformer(
            Action<TSrc, TDst> mapAction,
            string contractName,
            SchemaDefinition inputSchemaDefinition,
            SchemaDefinition outputSchemaDefinition)
        {
            ArgumentNullException.ThrowIfNull(mapAction);
            _mapAction = mapAction;
            _contractName = contractName;
            _inputSchemaDefinition = inputSchemaDefinition ?? SchemaDefinition.Create(typeof(TSrc), SchemaDefinition.Direction.Write);
            _output = new ObjectSchema<TDst>(outputSchemaDefinition);
        }

        internal IEnumerable<SchemaShape.Column> InputColumns =>
            _inputSchemaDefinition.Columns.Select(column => new SchemaShape.Column(column.ColumnName, column.ColumnType));

        internal IEnumerable<SchemaShape.Column> OutputColumns =>
            _output.Columns.Select(column => new SchemaShape.Column(column.Name, column.Type));

        private protected override RowToRowMapper CreateMapper(DataViewSchema inputSchema)
        {
            var reader = new ObjectReader<TSrc>(inputSchema, _inputSchemaDefinition, ignoreMissingColumns: false);
            return RowToRowMapper.Add(inputSchema, new Mapping(_mapAction, reader, _output));
        }

        private protected override void SaveModel(ModelSaveContext ctx)
        {
            if (string.IsNullOrEmpty(_contractName))
                throw new InvalidOperationException("A custom mapping without a contract name cannot be saved.");

            // The factory is looked for where the function is.
            CustomMappingLoader.Save(ctx, _contractName, _mapAction.Method.Module.Assembly);
        }

        private sealed class Mapping(Action<TSrc, TDst> mapAction, ObjectReader<TSrc> reader, ObjectSchema<TDst> output) : RowMapping
        {
            internal override IReadOnlyList<DataViewSchema.DetachedColumn> AddedColumns => output.Columns;

            internal override IEnumerable<DataViewSchema.Column> GetDependencies(int added) => reader.Columns;

            internal override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> isActive)
            {
                var getters = new Delegate[AddedColumns.Count];
                int[] active = [.. Enumerable.Range(0, getters.Length).Where(isActive)];
                if (active.Length == 0)
                    return getters;

                var source = new TSrc();
                var destination = new TDst();
                var read = reader.CreateReader(input);
                var computed = -1L;

                // Whichever column of a row is read first, the function is called once for all of them.
                TDst Current()
                {
                    if (computed == input.Position)
                        return destination;

                    read(source);
                    mapAction(source, destination);
                    computed = input.Position;
                    return destination;
                }

                foreach (var column in active)
                    getters[column] = output.CreateGetter(column, Current);
                return getters;
            }
        }
    }
}
