using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>Generates the images on the way from one image or text to another, by a DALL·E 2 model (Ramesh et al. 2022).</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Two columns of <xref:Microsoft.ML.Data.MLImage>, or two of text; optionally Single |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The way is the arc between the image embeddings of the two ends, from the same noise: the first frame is a variation of the first image. Each row
/// has one image, at a fraction of the way, or a strip of several frames side by side.
///
/// Each read of an image returns a copy, which the reader must dispose. Cache and ShuffleRows of ML.NET drop image columns without a
/// warning: cache or shuffle before this step.
/// ]]></format>
/// </remarks>
public sealed class DalleInterpolateEstimator : ComponentEstimator<DalleInterpolateTransformer>
{
    internal DalleInterpolateEstimator(TransformsCatalog catalog, Options options)
        : base(catalog, options)
    {
    }

    /// <summary>Options of <see cref="DalleInterpolateEstimator"/>.</summary>
    public sealed record Options : ImageDecodingOptions
    {
        private readonly float? _fraction;
        private readonly int? _frames;

        /// <summary>Name of the column of the first images; null if the ends are texts.</summary>
        public string? InputFromImageColumnName { get; init; }

        /// <summary>Name of the column of the last images; null if the ends are texts.</summary>
        public string? InputToImageColumnName { get; init; }

        /// <summary>Name of the column of the first texts, which the model's prior turns into image embeddings; null if the ends are images.</summary>
        public string? InputFromTextColumnName { get; init; }

        /// <summary>Name of the column of the last texts; null if the ends are images.</summary>
        public string? InputToTextColumnName { get; init; }

        /// <summary>Fraction of the way, 0 to 1; a half if neither it nor a column of fractions nor a number of frames is given.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is not between 0 and 1.</exception>
        public float? Fraction
        {
            get => _fraction;
            init => _fraction = value is null or (>= 0 and <= 1)
                ? value
                : throw new ArgumentOutOfRangeException(nameof(Fraction), value, "Fraction must be between 0 and 1.");
        }

        /// <summary>Name of a column of fractions of the way, Single, one per row; none if null.</summary>
        public string? InputFractionColumnName { get; init; }

        /// <summary>
        /// Number of frames of a row, 2 to 1000, at equal distances and with both ends: its image is a strip of them, side by side. Null makes one
        /// image, at a fraction of the way.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is not in that range.</exception>
        public int? Frames
        {
            get => _frames;
            init => _frames = value is null or (>= 2 and <= DalleModel.MaxFrames)
                ? value
                : throw new ArgumentOutOfRangeException(nameof(Frames), value, $"Frames must be between 2 and {DalleModel.MaxFrames}.");
        }

        internal override RowComponent CreateComponent() => new DalleInterpolateComponent(this);

        internal override ComponentTransformer CreateTransformer(RowRunner runner) => new DalleInterpolateTransformer(runner);
    }
}

/// <summary>Generates the images on the way from one to another, lazily. Made by <see cref="DalleInterpolateEstimator"/>.</summary>
public sealed class DalleInterpolateTransformer : ComponentTransformer
{
    internal DalleInterpolateTransformer(RowRunner runner)
        : base(runner)
    {
    }
}

internal sealed class DalleInterpolateComponent : ImageDecodingComponent
{
    private readonly DalleInterpolateEstimator.Options _options;
    private readonly bool _areImages;

    public DalleInterpolateComponent(DalleInterpolateEstimator.Options options)
        : base(options)
    {
        string?[] images = [options.InputFromImageColumnName, options.InputToImageColumnName];
        string?[] texts = [options.InputFromTextColumnName, options.InputToTextColumnName];
        _areImages = images.Any(name => name is not null);
        if ((_areImages ? images : texts).Any(name => name is null) || _areImages && texts.Any(name => name is not null))
        {
            throw new ArgumentException(
                "Set InputFromImageColumnName and InputToImageColumnName, or InputFromTextColumnName and InputToTextColumnName, and no others of them.", nameof(options));
        }
        if (new[] { options.Fraction is not null, options.InputFractionColumnName is not null, options.Frames is not null }.Count(isSet => isSet) > 1)
            throw new ArgumentException("Set at most one of Fraction, InputFractionColumnName and Frames.", nameof(options));
        _options = options;
    }

    public override IEnumerable<InputColumn> Inputs
    {
        get
        {
            if (_areImages)
            {
                yield return new InputColumn(_options.InputFromImageColumnName!, nameof(_options.InputFromImageColumnName), RowField.Image);
                yield return new InputColumn(_options.InputToImageColumnName!, nameof(_options.InputToImageColumnName), RowField.SecondImage);
            }
            else
            {
                yield return new InputColumn(_options.InputFromTextColumnName!, nameof(_options.InputFromTextColumnName), RowField.Text);
                yield return new InputColumn(_options.InputToTextColumnName!, nameof(_options.InputToTextColumnName), RowField.SecondText);
            }
            if (_options.InputFractionColumnName is { } fraction)
                yield return new InputColumn(fraction, nameof(_options.InputFractionColumnName), RowField.Fraction);
            foreach (var seed in _options.SeedInput)
                yield return seed;
        }
    }

    protected override int EmbeddingsOfRow => _areImages ? 0 : 2;

    protected override int ImagesOfRow => _options.Frames ?? 1;

    public override void Check(DalleModelInfo model)
    {
        base.Check(model);
        if (_areImages)
            RequireImageTower(model);
        else
            RequirePrior(model);
        if (_options.Frames is { } frames && (long)frames * model.ImageWidth * model.ImageHeight > ImageReader.DefaultMaxPixels)
        {
            throw new NotSupportedException(
                $"A strip of {frames} frames of {model.ImageWidth} × {model.ImageHeight} pixels is too large for an image: it would have more than 64 megapixels. Request fewer frames.");
        }
    }

    public override IEnumerable<string> Prompts(Row row) => _areImages ? [] : [row.Text, row.SecondText];

    protected override IEnumerable<GenerationRequest> Requests(DalleModel model, Row row, IProgress<GenerationProgress>? progress)
    {
        var fraction = _options.InputFractionColumnName is null ? _options.Fraction ?? 0.5f : row.Fraction;
        if (fraction is not (>= 0 and <= 1))
            throw new ArgumentException($"The fraction of the way in column '{_options.InputFractionColumnName}' is {fraction}; it must be between 0 and 1.");
        var seed = _options.SeedOf(row);
        float[][] ends = _areImages
            ? [model.EncodeImageEmbedding(row.Image!), model.EncodeImageEmbedding(row.SecondImage!)]
            : [.. model.GenerateImageEmbeddings([new(row.Text, seed), new(row.SecondText, seed)], DalleModel.OfPrior(_options.Generation), progress, _options.CancellationToken)];
        return _options.Frames is { } frames
            ? DalleModel.Frames(ends[0], ends[1], frames, seed)
            : [DalleModel.FrameAt(fraction, ends[0], ends[1], seed)];
    }

    protected override MLImage Join(GeneratedImage[] images)
    {
        if (_options.Frames is null)
            return base.Join(images);
        var (width, height, format) = (4 * images[0].Image.Width, images[0].Image.Height, images[0].Image.PixelFormat);
        var pixels = new byte[images.Length * width * height];
        foreach (var (number, frame) in images.Index())
        {
            using (frame)
            {
                for (var y = 0; y < height; y++)
                    frame.Image.Pixels.Slice(y * width, width).CopyTo(pixels.AsSpan((y * images.Length + number) * width));
            }
        }
        return MLImage.CreateFromPixels(images.Length * width / 4, height, format, pixels);
    }
}
