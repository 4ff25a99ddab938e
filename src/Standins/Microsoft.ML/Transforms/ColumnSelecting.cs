using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: ModelLoader<ColumnSelectingTransformer>]

namespace Microsoft.ML.Transforms;

public sealed class ColumnSelectingEstimator : TrivialEstimator<ColumnSelectingTransformer>
{
    internal ColumnSelectingEstimator(string[] columnNames, bool keep) : base(new ColumnSelectingTransformer(columnNames, keep))
    {
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema)
    {
        SchemaShape.Column[] named = [.. Transformer.ColumnNames.Select(inputSchema.Find)];
        return new SchemaShape(Transformer.Keep ? named : inputSchema.Where(column => !Transformer.ColumnNames.Contains(column.Name)));
    }
}

/// <summary>Keeps the columns named and drops the others, or the other way round. Hidden columns are dropped.</summary>
public sealed class ColumnSelectingTransformer : RowToRowTransformerBase, IModelLoader
{
    internal ColumnSelectingTransformer(string[] columnNames, bool keep)
    {
        ArgumentNullException.ThrowIfNull(columnNames);
        ColumnNames = columnNames;
        Keep = keep;
    }

    internal string[] ColumnNames { get; }

    internal bool Keep { get; }

    static string IModelLoader.Name => "SelectColumns";

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        var keep = ctx.Reader.ReadBoolean();
        return new ColumnSelectingTransformer(ctx.ReadStrings(), keep);
    }

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ColumnSelectingTransformer>(writer =>
    {
        writer.Write(Keep);
        writer.WriteStrings(ColumnNames);
    });

    private protected override RowToRowMapper CreateMapper(DataViewSchema inputSchema)
    {
        DataViewSchema.Column[] named = [.. ColumnNames.Select(name => inputSchema.Find(name))];
        return RowToRowMapper.Select(
            inputSchema,
            Keep ? named : [.. inputSchema.Where(column => !column.IsHidden && !ColumnNames.Contains(column.Name))]);
    }
}
