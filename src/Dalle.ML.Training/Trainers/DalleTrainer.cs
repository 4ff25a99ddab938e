using Dalle.ML.Transforms;
using Microsoft.ML;

namespace Dalle.ML.Training;

/// <summary>Trains a DALL·E on images and their captions: discrete VAE, transformer and CLIP.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | Yes |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> and text |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML.Training, Microsoft.ML.OnnxRuntime, and libtorch-cpu-linux-x64 or another libtorch |
/// | Exportable to ONNX | The trained model is: it is a bundle of ONNX graphs |
///
/// Training takes minutes for a few hundred simple images, hours to days for more; it survives a kill, and the same call goes on with it.
/// The result is the transformer that DalleGenerate makes, on the bundle in <c>model</c> of the folder: saving, loading and the tool know nothing of training.
///
/// Cache and ShuffleRows of ML.NET drop image columns without a warning. Neither is needed: images are decoded once, into the folder of the run, and
/// each epoch has an order of its own.
/// ]]></format>
/// </remarks>
public sealed class DalleTrainer : TrainingEstimator<DalleGenerateTransformer>
{
    internal DalleTrainer(TransformsCatalog catalog, DalleTrainingOptions options)
        : base(catalog, options, [TrainingStage.DiscreteVae, TrainingStage.Transformer, .. options.TrainsClip ? new[] { TrainingStage.Clip } : []])
    {
    }

    private protected override SchemaShape Describe(SchemaShape inputSchema) => Generating(null).GetOutputSchema(inputSchema);

    private protected override DalleGenerateTransformer Load(IDataView input, string bundle) => Generating(bundle).Fit(input);

    private DalleGenerateEstimator Generating(string? bundle) =>
        Catalog.DalleGenerate(new DalleGenerateEstimator.Options { InputColumnName = Options.CaptionColumnName, OutputColumnName = Options.OutputColumnName, ModelPath = bundle });
}
