using System.Text.RegularExpressions;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: ModelLoader<ExpressionTransformer>]

namespace Microsoft.ML
{
    public static class ExpressionCatalog
    {
        public static ExpressionEstimator Expression(
            this TransformsCatalog catalog, string outputColumnName, string expression, params string[] inputColumnNames)
        {
            ArgumentNullException.ThrowIfNull(catalog);
            return new ExpressionEstimator(outputColumnName, expression, inputColumnNames);
        }
    }
}

namespace Microsoft.ML.Transforms
{
    public sealed class ExpressionEstimator : TrivialEstimator<ExpressionTransformer>
    {
        internal ExpressionEstimator(string outputColumnName, string expression, string[] inputColumnNames)
            : base(new ExpressionTransformer(outputColumnName, expression, inputColumnNames))
        {
        }

        private protected override SchemaShape Propagate(SchemaShape inputSchema)
        {
            foreach (var name in Transformer.InputColumnNames)
            {
                var input = inputSchema.Find(name);
                ExpressionTransformer.RequirePrimitive(name, input.Kind == SchemaShape.Column.VectorKind.Scalar ? input.ItemType : null);
            }

            return inputSchema.With(new SchemaShape.Column(Transformer.OutputColumnName, TextDataViewType.Instance));
        }
    }

    /// <summary>
    /// A column with the same text in each row: of the expressions of the real package only text literals are understood here.
    /// </summary>
    public sealed partial class ExpressionTransformer : RowToRowTransformerBase, IModelLoader
    {
        private readonly string _expression;
        private readonly string _text;

        internal ExpressionTransformer(string outputColumnName, string expression, string[] inputColumnNames)
        {
            ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
            ArgumentException.ThrowIfNullOrEmpty(expression);
            ArgumentNullException.ThrowIfNull(inputColumnNames);
            var literal = TextLiteral().Match(expression);
            if (!literal.Success)
                throw new NotSupportedException($"Only an expression of the form x => \"text\" is supported here, and not: {expression}");
            if (literal.Groups["parameter"].Captures.Count != inputColumnNames.Length)
                throw new ArgumentException("An expression has a parameter for each input column.", nameof(inputColumnNames));

            OutputColumnName = outputColumnName;
            InputColumnNames = inputColumnNames;
            _expression = expression;
            _text = literal.Groups["text"].Value;
        }

        internal string OutputColumnName { get; }

        internal string[] InputColumnNames { get; }

        static string IModelLoader.Name => "Expression";

        static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx) =>
            new ExpressionTransformer(ctx.Reader.ReadString(), ctx.Reader.ReadString(), ctx.ReadStrings());

        /// <summary>An expression over a vector would make a vector, and one over an image is not possible at all.</summary>
        internal static void RequirePrimitive(string column, DataViewType type)
        {
            if (type is not PrimitiveDataViewType)
                throw SchemaMismatch.WrongType(column, "a primitive type", type ?? (object)"a vector");
        }

        private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ExpressionTransformer>(writer =>
        {
            writer.Write(OutputColumnName);
            writer.Write(_expression);
            writer.WriteStrings(InputColumnNames);
        });

        private protected override RowToRowMapper CreateMapper(DataViewSchema inputSchema)
        {
            foreach (var name in InputColumnNames)
                RequirePrimitive(name, inputSchema.Find(name).Type);
            return RowToRowMapper.Add(inputSchema, new Mapping(OutputColumnName, _text));
        }

        // Escapes are left out: a text with a backslash is not a literal to this pattern.
        [GeneratedRegex(
            """
            ^\s* (?: (?<parameter>\w+) | \( \s* (?<parameter>\w+) (?: \s*,\s* (?<parameter>\w+) )* \s* \) )
            \s* (?: => | : )
            \s* (?: "(?<text>[^"\\]*)" | '(?<text>[^'\\]*)' ) \s*$
            """,
            RegexOptions.IgnorePatternWhitespace)]
        private static partial Regex TextLiteral();

        private sealed class Mapping(string outputColumnName, string text) : RowMapping
        {
            internal override IReadOnlyList<DataViewSchema.DetachedColumn> AddedColumns { get; } =
                [new(outputColumnName, TextDataViewType.Instance)];

            internal override IEnumerable<DataViewSchema.Column> GetDependencies(int added) => [];

            internal override Delegate[] CreateGetters(DataViewRow input, Func<int, bool> isActive) =>
                [new ValueGetter<ReadOnlyMemory<char>>((ref value) => value = text.AsMemory())];
        }
    }
}
