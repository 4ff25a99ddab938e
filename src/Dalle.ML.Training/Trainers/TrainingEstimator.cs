using System.Globalization;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;
using Dalle.ML.Transforms;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Training;

/// <summary>Base class of the trainers of Dalle.ML: their <see cref="Fit"/> learns from images and captions, for minutes to days.</summary>
/// <typeparam name="TTransformer">The transformer that runs the trained model.</typeparam>
public abstract class TrainingEstimator<TTransformer> : IEstimator<TTransformer>
    where TTransformer : ComponentTransformer
{
    private readonly IHostEnvironment _environment;
    private readonly TrainingStage[] _stages;

    private protected TrainingEstimator(TransformsCatalog catalog, DalleTrainingOptions options, params TrainingStage[] stages)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        (Catalog, _environment, _stages) = (catalog, CatalogEnvironment.Of(catalog), stages);
        Options = options.Checked() with { Seed = options.Seed ?? CatalogEnvironment.ContextSeed(_environment) ?? 0 };
    }

    private protected TransformsCatalog Catalog { get; }

    private protected DalleTrainingOptions Options { get; }

    private bool ReadsCaptions => _stages.Any(stage => stage != TrainingStage.DiscreteVae);

    private InputColumn Image => new(Options.ImageColumnName, nameof(Options.ImageColumnName), RowField.Image);

    private InputColumn? Caption => ReadsCaptions ? new(Options.CaptionColumnName, nameof(Options.CaptionColumnName), RowField.Text) : null;

    /// <summary>
    /// Trains the model, or goes on with training that was interrupted in the same folder, and loads it. Images are read once, captions twice.
    /// </summary>
    /// <param name="input">Data with the columns that the options name.</param>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">There is nothing to learn from, or too many images are unreadable.</exception>
    /// <exception cref="IOException">The folder is used by another training, or cannot be written.</exception>
    /// <exception cref="DalleBundleException">StartFrom names a bundle that is invalid or cannot be trained further.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used, and fallback to the CPU was not requested.</exception>
    /// <exception cref="DllNotFoundException">The application has no libtorch; the message names the package to add.</exception>
    /// <exception cref="InvalidOperationException">A stage before this one is not trained in the folder.</exception>
    /// <exception cref="OperationCanceledException">Training was cancelled before there is a model that generates; it is kept in the folder.</exception>
    public TTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Image.Find(input.Schema);
        Caption?.Find(input.Schema);
        string bundle;
        using (var channel = _environment.Start(GetType().Name))
        {
            var (device, _) = CatalogEnvironment.Device(_environment, Options.GpuDeviceId, Options.FallbackToCpu);
            var options = Options with { Progress = new EpochLog(channel, Options.Progress) };
            var run = new TrainingRun(options, DeviceName(device, channel), note => channel.Warning(MessageSensitivity.None, note))
            {
                Beginning = stage => channel.Info(MessageSensitivity.None, $"{stage} begins."),
            };
            var result = run.Train(new DataViewImages(input, Image, Caption), _stages);
            bundle = result.Bundle;
            channel.Info(MessageSensitivity.None, result.IsFinished ? $"Training is finished; the model is in '{bundle}'." : $"Training was cancelled; the model so far is in '{bundle}'. Fit again to go on.");
        }
        return Load(input, bundle);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        Image.Check(inputSchema);
        Caption?.Check(inputSchema);
        return Describe(inputSchema);
    }

    private protected abstract SchemaShape Describe(SchemaShape inputSchema);

    private protected abstract TTransformer Load(IDataView input, string bundle);

    private string DeviceName(DalleDevice device, IChannel channel)
    {
        if (device.GpuDeviceId is not { } id)
            return "cpu";
        var name = string.Create(CultureInfo.InvariantCulture, $"cuda:{id}");
        try
        {
            LibTorch.Device(name);
            return name;
        }
        catch (ArgumentException exception)
        {
            var (_, fallback) = CatalogEnvironment.Device(_environment, gpuDeviceId: null, Options.FallbackToCpu);
            if (!fallback && !Options.FallbackToCpu)
                throw new DalleDeviceException(device, exception.Message, exception);
            channel.Warning(MessageSensitivity.None, exception.Message + " Training on the CPU instead.");
            return "cpu";
        }
    }

    /// <summary>Passes each report on, and writes the first of each epoch into the log.</summary>
    private sealed class EpochLog(IChannel channel, IProgress<TrainingProgress>? next) : IProgress<TrainingProgress>
    {
        private (TrainingStage, int)? _last;

        public void Report(TrainingProgress value)
        {
            next?.Report(value);
            if (_last == (value.Stage, value.Epoch))
                return;
            _last = (value.Stage, value.Epoch);
            var figures = value.Losses.Concat(value.Validation.Select(figure => KeyValuePair.Create("validation " + figure.Key, figure.Value)))
                .Select(figure => string.Create(CultureInfo.InvariantCulture, $"{figure.Key} {figure.Value:G4}"));
            channel.Info(MessageSensitivity.None, string.Create(
                CultureInfo.InvariantCulture,
                $"{value.Stage}, epoch {value.Epoch}, step {value.Step} of {value.Steps}, {value.SamplesPerSecond:F0} images/s: {string.Join(", ", figures)}"));
        }
    }
}
