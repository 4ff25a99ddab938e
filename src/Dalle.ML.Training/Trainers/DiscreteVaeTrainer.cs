using Dalle.ML.Transforms;
using Microsoft.ML;

namespace Dalle.ML.Training;

/// <summary>Trains the first stage of DALL·E, the discrete VAE, which turns images into tokens and back. It needs no captions.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | Yes |
/// | Input column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML.Training, Microsoft.ML.OnnxRuntime, and libtorch-cpu-linux-x64 or another libtorch |
/// | Exportable to ONNX | The trained model is: it is a bundle of ONNX graphs |
///
/// The result encodes and decodes images, which shows what its tokens preserve. TrainTransformer goes on in the same folder.
///
/// Cache and ShuffleRows of ML.NET drop image columns without a warning. Neither is needed: images are decoded once, into the folder of the run, and
/// each epoch has an order of its own.
/// ]]></format>
/// </remarks>
public sealed class DiscreteVaeTrainer : TrainingEstimator<DalleReconstructTransformer>
{
    internal DiscreteVaeTrainer(TransformsCatalog catalog, DalleTrainingOptions options)
        : base(catalog, options, TrainingStage.DiscreteVae)
    {
    }

    private protected override SchemaShape Describe(SchemaShape inputSchema) => Reconstructing(null).GetOutputSchema(inputSchema);

    private protected override DalleReconstructTransformer Load(IDataView input, string bundle) => Reconstructing(bundle).Fit(input);

    private DalleReconstructEstimator Reconstructing(string? bundle) =>
        Catalog.DalleReconstruct(new DalleReconstructEstimator.Options { InputColumnName = Options.ImageColumnName, OutputColumnName = Options.OutputColumnName, ModelPath = bundle });
}
