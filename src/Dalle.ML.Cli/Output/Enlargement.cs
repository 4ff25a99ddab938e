using System.CommandLine;
using System.Globalization;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Enlarges generated images before they are written, if the user wants it.</summary>
internal sealed class Enlargement : IDisposable
{
    private static readonly Option<int?> Factor = new Option<int?>("--upscale") { HelpName = "factor", Description = "Enlarge each image this many times in width and height." }
        .MustBeNumber(2, 64);

    private static readonly Option<string> Upscaler = new("--upscaler") { HelpName = "model", Description = "Folder or name of the model that enlarges [default: the model's own upscaler]." };

    private readonly DalleModel _upscaler;
    private readonly int _passes;
    private readonly CancellationToken _cancellationToken;

    private Enlargement(DalleModel upscaler, int factor, CancellationToken cancellationToken)
    {
        (_upscaler, Times, _cancellationToken) = (upscaler, factor, cancellationToken);
        _passes = PassesOf(upscaler.Info, factor);
    }

    public static IEnumerable<Option> Options => [Factor, Upscaler];

    /// <summary>Sides of the result as multiples of the image's.</summary>
    public int Times { get; }

    /// <summary>The hash of the model that enlarges.</summary>
    public string ModelHash => _upscaler.Info.Hash;

    /// <summary>The options on the command line of another process, whose folder may be another.</summary>
    public static IEnumerable<string> Given(ParseResult parsed) => parsed.GetValue(Factor) is not { } factor ? []
        : [Factor.Name, factor.ToString(CultureInfo.InvariantCulture), .. parsed.GetModelPath(Upscaler) is { } path ? new[] { Upscaler.Name, path } : []];

    /// <param name="parsed">The command line.</param>
    /// <param name="cancellationToken">Interrupts.</param>
    /// <param name="device">Device to run on; that of the command line if null.</param>
    /// <returns>Null if images stay as they are.</returns>
    /// <exception cref="UsageException">There is no upscaler, or it has another factor.</exception>
    public static Enlargement? Open(ParseResult parsed, CancellationToken cancellationToken, DalleDevice? device = null)
    {
        if (parsed.GetValue(Factor) is not { } factor)
        {
            return parsed.GetValue(Upscaler) is null ? null
                : throw new UsageException("--upscaler names a model that enlarges images; --upscale says how many times. Give both.");
        }
        var model = DalleModel.Load(parsed.GetModelPath(Upscaler) ?? ModelOptions.PathOf(parsed), device ?? ModelOptions.DeviceOf(parsed));
        try
        {
            return new Enlargement(model, factor, cancellationToken);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The image enlarged.</summary>
    public MLImage Apply(MLImage image)
    {
        var enlarged = Upscale(_upscaler, image, "--upscale", progress: null, _cancellationToken);
        for (var pass = 1; pass < _passes; pass++)
        {
            using var smaller = enlarged;
            enlarged = Upscale(_upscaler, smaller, "--upscale", progress: null, _cancellationToken);
        }
        return enlarged;
    }

    /// <summary>Enlarges an image once.</summary>
    /// <exception cref="InvalidDataException">The result would be too large; the message begins with <paramref name="subject"/>.</exception>
    public static MLImage Upscale(DalleModel model, MLImage image, string subject, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        try
        {
            return model.Upscale(image, progress, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"{subject}: {exception.Message.Split(" (Parameter")[0]}", exception);
        }
    }

    public void Dispose() => _upscaler.Dispose();

    /// <summary>How often a model of a factor of its own runs, such as one of 2 twice for 4.</summary>
    private static int PassesOf(DalleModelInfo model, int factor)
    {
        if (model.UpscaleFactor == 0)
            throw new UsageException($"--upscale {factor}: the model '{model.Name}' has no upscaler. Name a model that has with --upscaler, for example what 'dalle export real-esrgan' made.");
        var (passes, reached) = (1, (long)model.UpscaleFactor);
        for (; reached < factor && model.UpscaleFactor > 1; passes++)
            reached *= model.UpscaleFactor;
        return reached == factor ? passes : throw new UsageException(string.Create(CultureInfo.InvariantCulture,
            $"--upscale {factor}: the model '{model.Name}' enlarges {model.UpscaleFactor} times, or a power of that by several passes."));
    }
}
