using System.Text.Json;
using System.Text.Json.Serialization;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Saving;

/// <summary>
/// What a saved pipeline stores about a component. ML.NET does not load third-party transformers, but it does load custom mappings, by contract
/// name and assembly. So a component is saved as a chain of built-ins around one, <see cref="ComponentMapping"/>: a column for each member
/// of <see cref="Row"/> with its default; this record as a constant text; copies of the input columns; the mapping; copies to the
/// requested names; and a drop of all columns in between.
/// </summary>
internal sealed record SavedComponent
{
    /// <summary>The column that has the record inside a saved pipeline.</summary>
    public const string Column = Row.Prefix + nameof(Row.Component);

    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public required SavedModel Model { get; init; }

    public required ComponentOptions Options { get; init; }

    /// <summary>Size of the images that are read, where their column states one; else they are of any size.</summary>
    public ImageSize? ImageSize { get; init; }

    /// <summary>The same of the second image of each row.</summary>
    public ImageSize? SecondImageSize { get; init; }

    public static SavedComponent From(RowRunner runner) => new()
    {
        Model = SavedModel.From(runner.Options, runner.Model.Info),
        Options = runner.Options,
        ImageSize = runner.ImageSizes.GetValueOrDefault(RowField.Image),
        SecondImageSize = runner.ImageSizes.GetValueOrDefault(RowField.SecondImage),
    };

    public static SavedComponent FromText(string text) =>
        JsonSerializer.Deserialize<SavedComponent>(Convert.FromHexString(text), Json)!;

    /// <param name="device">Device to run on.</param>
    /// <param name="fallbackToCpu">Whether the CPU replaces a device that cannot be used.</param>
    /// <param name="warn">Receives the warning in that case.</param>
    /// <exception cref="DalleBundleException">The model is missing or has changed.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used, and the CPU may not replace it.</exception>
    public RowRunner Load(DalleDevice device, bool fallbackToCpu, Action<string> warn)
    {
        var options = Options with { GpuDeviceId = device.GpuDeviceId, FallbackToCpu = fallbackToCpu };
        var imageSizes = new Dictionary<ImageField, ImageSize>();
        if (ImageSize is { } size)
            imageSizes.Add(RowField.Image, size);
        if (SecondImageSize is { } second)
            imageSizes.Add(RowField.SecondImage, second);
        return new RowRunner(options, ModelLoader.Load(Model.Find(), device, fallbackToCpu, warn), imageSizes, warn);
    }

    public static void Save(ModelSaveContext ctx, RowRunner runner)
    {
        var ml = new MLContext();
        var view = EmptyInput(ml, runner);
        var chain = new List<ITransformer>();
        foreach (var step in Steps(ml.Transforms, From(runner), runner))
        {
            chain.Add(step.Fit(view));
            view = chain[^1].Transform(view);
        }
        ((ICanSaveModel)new TransformerChain<ITransformer>([.. chain])).Save(ctx);
    }

    private static IEnumerable<IEstimator<ITransformer>> Steps(TransformsCatalog transforms, SavedComponent saved, RowRunner runner)
    {
        yield return transforms.CustomMapping(new DefaultsMapping().GetMapping(), DefaultsMapping.Contract);
        yield return transforms.Expression(Column, $"x => \"{saved.ToText()}\"", Column);
        foreach (var input in runner.Component.Inputs)
        {
            // ML.NET reads images of a stated size into classes that state the same size only, but pixels into any.
            yield return input.Field is ImageField image && runner.ImageSizes.ContainsKey(image)
                ? transforms.ExtractPixels(
                    image.PixelsSource, input.Name, ImagePixelExtractingEstimator.ColorBits.All, interleavePixelColors: true, outputAsFloatArray: false)
                : transforms.CopyColumns(input.Field.Source, input.Name);
        }
        yield return transforms.CustomMapping(new ComponentMapping().GetMapping(), ComponentMapping.Contract);
        foreach (var output in runner.Outputs)
        {
            var copy = output.IsFixedSize
                ? FixedSize.Copy(transforms, output.Name!, output.Field.Source, (VectorDataViewType)output.Type(runner.Model.Info))
                : [transforms.CopyColumns(output.Name, output.Field.Source)];
            foreach (var step in copy)
                yield return step;
        }
        var sized = runner.Outputs.Any(output => output.IsFixedSize) ? FixedSize.TemporaryColumns : [];
        yield return transforms.DropColumns([.. Row.Columns, .. RowResult.Columns, .. sized]);
    }

    /// <summary>A view with no rows, and the columns that the component reads.</summary>
    private static IDataView EmptyInput(MLContext ml, RowRunner runner)
    {
        var view = ml.Data.LoadFromEnumerable<Row>([]);
        foreach (var input in runner.Component.Inputs)
        {
            IEstimator<ITransformer> column = input.Field is ImageField image && runner.ImageSizes.TryGetValue(image, out var size)
                ? ml.Transforms.ResizeImages(input.Name, size.Width, size.Height, input.Field.Source)
                : ml.Transforms.CopyColumns(input.Name, input.Field.Source);
            view = column.Fit(view).Transform(view);
        }
        return view;
    }

    /// <summary>The record as hex digits, which need no escaping inside an expression.</summary>
    private string ToText() => Convert.ToHexString(JsonSerializer.SerializeToUtf8Bytes(this, Json));
}
