using System.CommandLine;
using System.Globalization;
using Dalle.ML.Evaluation;
using Dalle.ML.Images;

namespace Dalle.ML.Cli;

/// <summary>
/// Compares generated with reference images: at the first radius for every number of candidates, at the others for the largest. Images pass one by
/// one, so that memory does not grow with their number.
/// </summary>
internal sealed class EvaluationRun(ParseResult parsed, ProgressDisplay display, CancellationToken cancellationToken)
{
    private const string Rows = "evaluation.jsonl";

    private readonly FeatureEvaluationOptions _options = new();
    private readonly List<EvaluationRow> _rows = [];
    private int _extracted;
    private int _toExtract;

    /// <summary>Radii of the blur of both sets.</summary>
    public required double[] Radii { get; init; }

    /// <summary>Numbers of candidates to choose from, ascending; null to take all images.</summary>
    public required int[]? Counts { get; init; }

    /// <summary>Parts of the Inception Score.</summary>
    public required int Splits { get; init; }

    /// <summary>The model whose features are compared; null for that of the command line.</summary>
    public required string? FeatureModel { get; init; }

    /// <summary>Folder of rows and plots; null for none.</summary>
    public required string? Output { get; init; }

    public void Run(IReadOnlyList<ListedImage> generated, IReadOnlyList<ListedImage> reference, bool hasPairs)
    {
        generated = LabelAccuracy.Label(generated, reference);
        var sets = Counts is null ? [(default(int?), generated)] : Counts.Select(count => ((int?)count, CandidateSets.BestOf(generated, count))).ToArray();
        var hasPrompts = generated.All(image => !string.IsNullOrWhiteSpace(image.Prompt));
        using var model = FeatureModel is null || hasPrompts ? ModelOptions.Load(parsed) : null;
        using var featureModel = FeatureModel is null ? null : DalleModel.Load(FeatureModel, ModelOptions.DeviceOf(parsed));
        var source = new FeatureSource(featureModel ?? model!);
        Check(source, sets[^1].Item2.Count, reference.Count);
        CheckLabels(source, generated);
        var clip = hasPrompts && model!.Info.HasClip ? model : null;
        Announce(source, clip, sets[^1].Item2, reference);

        if (Output is not null)
            Create(Output);
        if (hasPairs)
            WritePairs(generated, reference);
        _toExtract = Radii.Length * (reference.Count + sets[^1].Item2.Count) + sets.SkipLast(1).Sum(set => set.Item2.Count);
        try
        {
            foreach (var radius in Radii)
            {
                var ofReference = Collect(source, reference, radius, "reference");
                foreach (var (count, images) in radius == Radii[0] ? sets : sets[^1..])
                {
                    var score = source.Classes == 0 ? null : new InceptionScore(images.Count, source.Classes, Splits);
                    var accuracy = score is null ? null : new LabelAccuracy();
                    var metrics = FeatureMetrics.Between(Collect(source, images, radius, "generated", score, accuracy), ofReference, _options, score);
                    Add(Row(source, radius, count, metrics, clip is not null && radius == Radii[0] ? Score(clip, images) : null, accuracy));
                }
            }
        }
        finally
        {
            if (_rows.Count > 0 && !parsed.GetValue(Results.Json))
                Results.WriteTable(parsed, [EvaluationRow.Header, .. _rows.Select(row => row.Cells())]);
        }
        if (Output is not null)
            Save(Output);
    }

    /// <exception cref="UsageException">The features or the numbers of images do not do.</exception>
    private void Check(FeatureSource source, int generated, int reference)
    {
        if (source.Dimension == 0)
            throw new UsageException($"the model '{source.Name}' has neither features of images nor CLIP. Name one with --features, for example what 'dalle export inception' made.");
        if (source.Dimension > FeatureStatistics.MaxDimension)
            throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"the model '{source.Name}' gives {source.Dimension} features; at most {FeatureStatistics.MaxDimension} are compared."));
        if (generated < 2 || reference < 2)
            throw new UsageException($"distances need two images at least on each side; there are {generated} generated and {reference} reference images.");
        if (source.Classes > 0 && Splits > generated)
            throw new UsageException($"{generated} images cannot be split into {Splits} parts. Reduce --splits.");
    }

    private void CheckLabels(FeatureSource source, IReadOnlyList<ListedImage> generated)
    {
        var labelled = generated.Where(image => image.Label is not null).ToArray();
        if (labelled.Length > 0 && source.Classes == 0)
            Results.Remark(parsed, $"labels are left out: '{source.Name}' tells no classes. Name a network that does with --features.");
        else if (labelled.FirstOrDefault(image => image.Label >= source.Classes) is { } other)
            throw new InvalidDataException($"the label {other.Label} of '{other.Path}' is not a class of '{source.Name}', which has the classes 0 to {source.Classes - 1}.");
    }

    private void Announce(FeatureSource source, DalleModel? clip, IReadOnlyList<ListedImage> generated, IReadOnlyList<ListedImage> reference)
    {
        if (parsed.GetValue(Results.Quiet))
            return;
        var what = source.IsClip
            ? $"the image embeddings of CLIP of '{source.Name}'. They are no FID: name an Inception with --features, see 'dalle export inception'"
            : $"'{source.Name}'";
        Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"{generated.Count} generated and {reference.Count} reference images, compared by {source.Dimension} features of {what}{(clip is null ? "" : $"; CLIP score by '{clip.Info.Name}'")}."));
        if (Math.Min(generated.Count, reference.Count) <= source.Dimension)
            Results.Remark(parsed, "there are no more images than features: the Fréchet distance is too large by far, and compares only with one of as many images.");
        if (Radii.Any(radius => radius > 0) && (SizeOf(generated[0]), SizeOf(reference[0])) is var (left, right) && left != right)
            Results.Remark(parsed, $"the first generated image has {left.Width} × {left.Height} pixels and the first reference image {right.Width} × {right.Height}: a blur of so many pixels is not the same for both. Bring them to one size first.");
    }

    private FeatureSet Collect(
        FeatureSource source, IReadOnlyList<ListedImage> images, double radius, string side, InceptionScore? score = null, LabelAccuracy? accuracy = null)
    {
        var set = new FeatureSet(_options.MaxImagesHeld);
        foreach (var listed in images)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var image = ImageSetReader.Load(parsed, listed, cancellationToken);
            var (features, logits) = source.Extract(image, radius);
            set.Add(features);
            score?.Add(logits);
            if (listed.Label is { } label)
                accuracy?.Add(label, logits);
            display.Report((double)++_extracted / _toExtract, string.Create(CultureInfo.InvariantCulture, $"blur {radius}, {side} image {set.Count} of {images.Count}"));
        }
        return set;
    }

    /// <summary>The CLIP score needs the embeddings of all images at once: of many the first ones.</summary>
    private ClipScore Score(DalleModel clip, IReadOnlyList<ListedImage> images)
    {
        var (texts, embeddings) = (new List<float[]>(), new List<float[]>());
        foreach (var listed in images.Take(_options.MaxImagesHeld))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var image = ImageSetReader.Load(parsed, listed, cancellationToken);
            texts.Add(clip.EmbedText(listed.Prompt!));
            embeddings.Add(clip.EmbedImage(image));
        }
        return ClipScore.Of(texts, embeddings);
    }

    private static EvaluationRow Row(FeatureSource source, double radius, int? count, FeatureMetrics metrics, ClipScore? clip, LabelAccuracy? accuracy) => new()
    {
        Blur = radius,
        BestOf = count,
        Generated = metrics.GeneratedImages,
        Reference = metrics.ReferenceImages,
        Features = source.IsClip ? $"CLIP of {source.Name}" : source.Name,
        Dimensions = source.Dimension,
        FrechetDistance = metrics.FrechetDistance,
        InceptionScore = metrics.InceptionScore,
        InceptionScoreStandardDeviation = metrics.InceptionScoreStandardDeviation,
        KernelDistance = metrics.KernelDistance,
        KernelDistanceStandardDeviation = metrics.KernelDistanceStandardDeviation,
        KernelSubsetSize = metrics.KernelSubsetSize,
        Precision = metrics.PrecisionRecall?.Precision,
        Recall = metrics.PrecisionRecall?.Recall,
        ClipScore = clip?.Score,
        RPrecision = clip?.RPrecision,
        Accuracy = accuracy?.Share,
        Labelled = accuracy?.Share is null ? null : accuracy.Count,
    };

    private void Add(EvaluationRow row)
    {
        _rows.Add(row);
        if (parsed.GetValue(Results.Json))
            Results.WriteJson(parsed, row);
    }

    /// <summary>Compares images of the same name, whatever their extensions.</summary>
    private void WritePairs(IReadOnlyList<ListedImage> generated, IReadOnlyList<ListedImage> reference)
    {
        var partners = ByName(reference);
        var pairs = ByName(generated).Where(image => partners.ContainsKey(image.Key)).Select(image => (image.Value, partners[image.Key])).ToArray();
        if (pairs.Length == 0)
            throw new UsageException($"--pairs: no generated image has the name of a reference image, as '{Path.GetFileName(generated[0].Path)}' does not.");
        if (pairs.Length < Math.Max(generated.Count, reference.Count))
            Results.Remark(parsed, $"--pairs: {pairs.Length} names are on both sides; the other {generated.Count + reference.Count - 2 * pairs.Length} images have no partner.");
        var (noise, similarity, equal) = (0.0, 0.0, 0);
        foreach (var (number, (left, right)) in pairs.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            display.Report(0, $"pair {number + 1} of {pairs.Length}");
            var (a, b) = (Opaque(left), Opaque(right));
            if ((a.Width, a.Height) != (b.Width, b.Height))
                throw new InvalidDataException($"'{left.Path}' has {a.Width} × {a.Height} pixels and '{right.Path}' {b.Width} × {b.Height}: only images of one size are compared pixel by pixel.");
            if (Math.Min(a.Width, a.Height) < ImageSimilarity.Window)
                throw new InvalidDataException($"'{left.Path}' has {a.Width} × {a.Height} pixels; SSIM needs {ImageSimilarity.Window} × {ImageSimilarity.Window}.");
            var psnr = ImageSimilarity.PeakSignalToNoise(a.Pixels, b.Pixels);
            (noise, equal) = double.IsFinite(psnr) ? (noise + psnr, equal) : (noise, equal + 1);
            similarity += ImageSimilarity.StructuralSimilarity(a.Pixels, b.Pixels, a.Width, a.Height);
        }
        var mean = equal < pairs.Length ? noise / (pairs.Length - equal) : default(double?);
        Results.Write(
            parsed,
            string.Create(CultureInfo.InvariantCulture, $"{pairs.Length} pairs: PSNR {(mean is null ? "infinite" : $"{mean:0.##} dB")}{(equal > 0 ? $" without {equal} that are equal" : "")}, SSIM {similarity / pairs.Length:0.####}"),
            new { Pairs = pairs.Length, Equal = equal, Psnr = mean, Ssim = similarity / pairs.Length });

        (byte[] Pixels, int Width, int Height) Opaque(ListedImage listed)
        {
            using var image = ImageSetReader.Load(parsed, listed, cancellationToken);
            using var opaque = ImageTensor.From(image).ToImage();
            return (opaque.GetBGRPixels, opaque.Width, opaque.Height);
        }
    }

    private static Dictionary<string, ListedImage> ByName(IReadOnlyList<ListedImage> images)
    {
        var names = new Dictionary<string, ListedImage>();
        foreach (var image in images)
        {
            if (!names.TryAdd(Path.GetFileNameWithoutExtension(image.Path), image))
                throw new InvalidDataException($"--pairs: '{names[Path.GetFileNameWithoutExtension(image.Path)].Path}' and '{image.Path}' have the same name.");
        }
        return names;
    }

    /// <summary>First of all, so that hours of work do not end at a folder that cannot be made.</summary>
    private static void Create(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The output folder '{folder}' cannot be created: {Obstacle.OfFolder(exception, folder)}", exception);
        }
    }

    private void Save(string folder)
    {
        Write(Rows, [.. _rows.SelectMany(JsonLine.Bytes)]);
        if (Radii.Length > 1)
            Plot("blur.svg", "blur radius in pixels", _rows.Where(row => row.BestOf == _rows[^1].BestOf), row => row.Blur, isLogarithmic: false);
        if (Counts?.Length > 1)
            Plot("best_of.svg", "best of N candidates", _rows.Where(row => row.Blur == Radii[0]), row => row.BestOf!.Value, isLogarithmic: true);

        void Plot(string name, string title, IEnumerable<EvaluationRow> rows, Func<EvaluationRow, double> x, bool isLogarithmic)
        {
            (string Title, Func<EvaluationRow, double?> Value)[] metrics =
                [("FID", row => row.FrechetDistance), ("Inception Score", row => row.InceptionScore), ("CLIP score", row => row.ClipScore), ("accuracy", row => row.Accuracy)];
            var curves = metrics.Select(metric => (metric.Title, Points: (IReadOnlyList<(double, double)>)[.. rows.OrderBy(x).Where(row => metric.Value(row) is not null).Select(row => (x(row), metric.Value(row)!.Value))]));
            Write(name, new LinePlot(title, [.. curves.Where(curve => curve.Points.Count > 1)], isLogarithmic).ToSvg());
        }

        void Write(string name, byte[] content)
        {
            using var file = new DraftFile(Path.Combine(folder, name), Path.Combine(folder, name), "--output");
            file.Write(content);
            file.Finish();
        }
    }

    private (int Width, int Height) SizeOf(ListedImage listed)
    {
        using var image = ImageSetReader.Load(parsed, listed, cancellationToken);
        return (image.Width, image.Height);
    }
}
