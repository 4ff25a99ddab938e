using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: ModelLoader<ColumnCopyingTransformer>]

namespace Microsoft.ML.Transforms;

public sealed class ColumnCopyingEstimator : TrivialEstimator<ColumnCopyingTransformer>
{
    internal ColumnCopyingEstimator(string outputColumnName, string inputColumnName)
        : base(new ColumnCopyingTransformer(outputColumnName, inputColumnName))
    {
    }

    private protected override SchemaShape Propagate(SchemaShape inputSchema) =>
        inputSchema.With(inputSchema.Find(Transformer.InputColumnName).Rename(Transformer.OutputColumnName));
}

public sealed class ColumnCopyingTransformer : OneToOneTransformerBase, IModelLoader
{
    internal ColumnCopyingTransformer(string outputColumnName, string inputColumnName) : base(outputColumnName, inputColumnName)
    {
    }

    static string IModelLoader.Name => "CopyColumns";

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx) =>
        new ColumnCopyingTransformer(outputColumnName: ctx.Reader.ReadString(), inputColumnName: ctx.Reader.ReadString());

    private protected override void SaveModel(ModelSaveContext ctx) => ctx.Write<ColumnCopyingTransformer>(writer =>
    {
        writer.Write(OutputColumnName);
        writer.Write(InputColumnName);
    });

    private protected override DataViewType GetOutputType(DataViewType inputType) => inputType;

    private protected override DataViewSchema.Annotations GetOutputAnnotations(DataViewSchema.Column input) => input.Annotations;

    private protected override Delegate CreateGetter(DataViewRow row, DataViewSchema.Column input) => row.GetGetter(input);
}
