using System.Globalization;
using System.Numerics.Tensors;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// A recorded run of one network of DALLE2-pytorch: the timestep, x and guided prediction of every call, and every gaussian that was drawn.
/// </summary>
internal sealed class Dalle2Chain : IDisposable
{
    private const float Tolerance = 1e-4f;

    private readonly string _folder;
    private readonly string _prefix;
    private readonly Npy _x;
    private readonly Npy _predictions;
    private readonly long[] _times;
    private readonly float[][] _draws;
    private readonly Scheduler _scheduler;
    private readonly float[]? _lowResolution;
    private bool _hidesText;

    /// <param name="times">File of the timesteps; those of the other arrays begin and end as it does.</param>
    public Dalle2Chain(string times)
    {
        _folder = Path.GetDirectoryName(times)!;
        _prefix = Path.GetFileName(times)[..^"times.npy".Length];
        Network = new GoldenNetwork(_folder, StageOf(_prefix));
        (_x, _predictions, _times) = (Read("x"), Read("pred"), Read("times").Longs());
        _draws = [.. Noise().SelectMany(npy => npy.Floats().Chunk(npy.Floats().Length / npy.Shape[0]))];
        // Both ways of sampling were recorded of some priors.
        var rules = Network.Rules;
        var steps = Network.Configuration.GetValueOrDefault("sample") is long given ? (int)given : rules.Steps;
        var sampler = Path.GetFileName(_folder) == "ddpm" ? DiffusionSampler.Ddpm : steps < rules.Schedule.Timesteps ? DiffusionSampler.Ddim : rules.Sampler;
        _scheduler = Scheduler.Create(rules, sampler, sampler == DiffusionSampler.Ddpm ? rules.Schedule.Timesteps : steps);
        Passes = _times.Length / _scheduler.Steps;
        _lowResolution = Find("lowres_cond_img")?.Floats();
        Guidance = Network.Configuration.GetValueOrDefault("cond_scale") switch
        {
            double scale => (float)scale,
            long scale => scale,
            _ => FindGuidance(),
        };
    }

    public GoldenNetwork Network { get; }

    /// <summary>The scale of guidance that the configuration gives, else that of the first call.</summary>
    public float Guidance { get; }

    /// <summary>How often each step was taken.</summary>
    public int Passes { get; }

    private int Rows => _x.Shape[1];

    private int Length => _x.Floats().Length / _times.Length / Rows;

    /// <summary>The number of a UNet, from 0; 0 of what is none.</summary>
    public static int StageOf(string name) =>
        Regex.Match(name, @"unet(\d+)") is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - 1 : 0;

    /// <summary>Compares the predictions of our network with those that were recorded, at the recorded x.</summary>
    public void CompareCalls()
    {
        Assert.Equal(Enumerable.Range(0, _scheduler.Steps).SelectMany(step => Enumerable.Repeat(_scheduler.Timestep(step), Passes)), _times);
        var clean = new float[Rows * Length];
        for (var call = 0; call < _times.Length; call++)
        {
            Near.Values(Entry(_predictions, call), Predict(call, clean, Guidance), $"call {call}");
            for (var row = 0; row < Rows; row++)
                _scheduler.PredictClean(call / Passes, X(call, row), Prediction(call, row), clean.AsSpan(row * Length, Length));
        }
    }

    /// <summary>Compares the x that our steps make of what was recorded with the x that was recorded after it.</summary>
    public void CompareSteps()
    {
        for (var row = 0; row < Rows; row++)
        {
            var drawn = StartOfDraws();
            var known = Known();
            var x = Draw(row);
            if (Network.Prior?.NoiseLength is { } length)
                Thresholding.BringToLength(x, length);
            for (var call = 0; call < _times.Length; call++)
            {
                var step = call / Passes;
                if (known is not null)
                {
                    var noisy = Draw(row);
                    _scheduler.AddNoise(step, known.Values, noisy, noisy);
                    known.PutInto(x, noisy);
                }
                AssertClose(X(call, row), x, $"x of call {call}");
                x = After(call, row, DrawOfStep(step));
                var isLast = call % Passes == Passes - 1 || step == _scheduler.Steps - 1;
                if (!isLast)
                    _scheduler.Undo(step, x, Draw(row));
            }
            Assert.Equal(_draws.Length, drawn);
            CompareResult(row, WithKnown(x));

            float[] Draw(int row) => Row(_draws[drawn++], row);

            // DDPM draws at each step, and DDIM at all but the last, whether they use it or not.
            float[] DrawOfStep(int step) => step == _scheduler.Steps - 1 && _scheduler is DdimScheduler ? [] : Draw(row);
        }
    }

    /// <summary>Compares the image of the stage before, as this one was given it, with what we make of that.</summary>
    public void CompareLowResolution()
    {
        if (_lowResolution is null)
            return;
        var (rule, size) = (Network.Stage!.LowResolution!, Network.Stage.Size);
        for (var row = 0; row < Rows; row++)
        {
            var before = Before(row);
            TensorPrimitives.Clamp(before.Values, -1, 1, before.Values);
            var image = FloatResampler.Resize(before, size, rule.Resample, black: -1).Values;
            if (rule.Noise is { } noised)
                DiffusionProcess.Of(noised.Schedule).AddNoise(noised.Level, image, Row(_draws[0], row), image);
            AssertClose(Row(_lowResolution, row), image, "low resolution");
        }
    }

    public void Dispose() => Network.Dispose();

    private float[] Predict(int call, float[] clean, float scale)
    {
        var level = Network.Stage?.LowResolution?.Noise?.Level;
        var given = new GoldenCall(Entry(_x, call), [.. Enumerable.Repeat(_times[call], Rows)])
        {
            HidesText = _hidesText,
            SelfCondition = clean,
            LowResolution = _lowResolution,
            LowResolutionLevels = level is { } number ? [.. Enumerable.Repeat((long)number, Rows)] : null,
        };
        var with = Network.Predict(given, conditional: true);
        return scale == 1 ? with : [.. with.Zip(Network.Predict(given, conditional: false), (c, u) => u + scale * (c - u))];
    }

    /// <summary>
    /// The one unknown of guided = u + s (c − u) in the first call, by least squares. Some were not given the text's encodings: where no s gives what
    /// was recorded, they are hidden.
    /// </summary>
    private float FindGuidance()
    {
        var recorded = Entry(_predictions, 0);
        while (true)
        {
            var (with, without) = (Predict(0, new float[Rows * Length], 1), Predict(0, new float[Rows * Length], 0));
            var (up, down) = (0.0, 0.0);
            for (var i = 0; i < with.Length; i++)
            {
                double difference = with[i] - without[i];
                up += difference * (recorded[i] - without[i]);
                down += difference * difference;
            }
            var scale = down > 0 ? up / down : 1;
            if (_hidesText || recorded.Select((value, i) => Math.Abs(without[i] + scale * (with[i] - without[i]) - value)).Max() < Tolerance)
                return (float)scale;
            _hidesText = true;
        }
    }

    private float[] After(int call, int row, float[] noise)
    {
        var (x, clean) = (X(call, row), new float[Length]);
        _scheduler.PredictClean(call / Passes, x, Prediction(call, row), clean);
        _scheduler.Step(call / Passes, x, Prediction(call, row), clean, noise);
        return x;
    }

    private void CompareResult(int row, float[] x)
    {
        if (Network.Prior is { } prior)
        {
            if (prior.ResultLength is { } length)
                Thresholding.BringToLength(x, length);
            if (Find("result_scaled") is { } scaled)
                AssertClose(Row(scaled.Floats(), row), x, "result_scaled");
            AssertClose(Row(Read("result").Floats(), row), [.. x.Select(value => value * Network.Deviation)], "result");
            return;
        }
        // The last stage's is without its name.
        var image = Find("image") ?? (NextExists() ? null : Npy.Read(Path.Combine(_folder, "image.npy")));
        if (image is not null)
            AssertClose(Row(image.Floats(), row), FromSymmetric(x), "image");
    }

    private bool NextExists() => File.Exists(Path.Combine(_folder, $"unet{StageOf(_prefix) + 2}_times.npy"));

    /// <summary>The image, in −1..1, that this stage enlarges: that of the stage before, or one that was given in its place.</summary>
    private ImageTensor Before(int row)
    {
        var times = Path.Combine(_folder, $"unet{StageOf(_prefix)}_times.npy");
        if (File.Exists(times))
        {
            using var before = new Dalle2Chain(times);
            return new ImageTensor(before.Network.Stage!.Size, before.Network.Stage.Size, before.WithKnown(before.After(before._times.Length - 1, row, [])));
        }
        using var network = new GoldenNetwork(_folder, StageOf(_prefix) - 1);
        var given = Npy.Read(Path.Combine(_folder, "input.npy"));
        var image = new ImageTensor(given.Shape[3], given.Shape[2], ToSymmetric(given.Floats().Chunk(given.Floats().Length / given.Shape[0]).ElementAt(row)));
        return FloatResampler.Nearest(image, network.Stage!.Size, network.Stage.Size);
    }

    private float[] WithKnown(float[] x)
    {
        if (Known() is { } known)
            known.PutInto(x, known.Values);
        return x;
    }

    private KnownPart? Known()
    {
        var (image, mask) = (Path.Combine(_folder, "inpaint_image.npy"), Path.Combine(_folder, "inpaint_mask.npy"));
        if (!File.Exists(image))
            return null;
        var size = Network.Stage!.Size;
        var (pixels, kept) = (Npy.Read(image), Npy.Read(mask));
        var plane = new ImageTensor(kept.Shape[2], kept.Shape[1], Array.ConvertAll(kept.Data, value => (float)value));
        var known = FloatResampler.Nearest(new ImageTensor(pixels.Shape[3], pixels.Shape[2], ToSymmetric(pixels.Floats())), size, size).Values;
        return new KnownPart(known, Array.ConvertAll(FloatResampler.Nearest(plane, size, size).Values, value => value > 0), Passes);
    }

    private bool IsNormalised => Network.Settings.Flag("auto_normalize_img", fallback: true);

    private float[] ToSymmetric(float[] values) => IsNormalised ? Array.ConvertAll(values, value => value * 2 - 1) : values;

    private float[] FromSymmetric(float[] values) => IsNormalised ? Array.ConvertAll(values, value => (value + 1) / 2) : values;

    /// <summary>The files of gaussians, in the order of the draws.</summary>
    private IEnumerable<Npy> Noise()
    {
        // A decoder's are numbered in the order in which its stages run.
        var first = Directory.GetFiles(_folder, "unet*_times.npy").Select(file => StageOf(Path.GetFileName(file))).DefaultIfEmpty().Min();
        string[] names = _prefix.Length > 0 ? [$"noise{StageOf(_prefix) - first}.npy"] : ["noise.npy", "noise_init.npy", "noise_steps.npy"];
        foreach (var name in names.Select(name => Path.Combine(_folder, name)).Where(File.Exists))
        {
            var npy = Npy.Read(name);
            yield return name.EndsWith("_init.npy", StringComparison.Ordinal) ? npy with { Shape = [1, .. npy.Shape] } : npy;
        }
    }

    // The first draw of a stage may be that of its low resolution.
    private int StartOfDraws() => Network.Stage?.LowResolution?.Noise is null ? 0 : 1;

    private Npy Read(string name) => Npy.Read(Path.Combine(_folder, $"{_prefix}{name}.npy"));

    private Npy? Find(string name) => File.Exists(Path.Combine(_folder, $"{_prefix}{name}.npy")) ? Read(name) : null;

    private float[] X(int call, int row) => Row(Entry(_x, call), row);

    private float[] Prediction(int call, int row) => Row(Entry(_predictions, call), row);

    private static float[] Entry(Npy values, int call)
    {
        var length = values.Floats().Length / values.Shape[0];
        return values.Floats().AsSpan(call * length, length).ToArray();
    }

    private float[] Row(float[] values, int row) => values.AsSpan(values.Length / Rows * row, values.Length / Rows).ToArray();

    private static void AssertClose(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = expected.Zip(actual, (a, b) => MathF.Abs(a - b) / MathF.Max(1, MathF.Abs(a))).Max();
        Assert.True(difference <= Tolerance, $"{what} differs by {difference}");
    }
}
