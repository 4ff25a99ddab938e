using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;

namespace Dalle.ML.Tests.Golden;

/// <summary>Tables, timesteps and resizing of lucidrains/DALLE2-pytorch.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2ScheduleTests
{
    // The tables are stored in single precision.
    private const float Tolerance = 1e-6f;

    private static string Folder => GoldenFolder.Of("dalle2-pytorch");

    public static IEnumerable<TheoryDataRow<string>> Tables() => Names("schedules", @"(\w+_\d+)_betas\.npy");

    public static IEnumerable<TheoryDataRow<string>> Sizes() => Names("resize", @"in_(\d+_\d+)\.npy");

    [Theory]
    [MemberData(nameof(Tables))]
    public void Tables_are_those_of_the_reference(string table)
    {
        var (kind, timesteps) = (table.Split('_')[0], int.Parse(table.Split('_')[1], System.Globalization.CultureInfo.InvariantCulture));
        var process = DiffusionProcess.Of(new NoiseSchedule { Betas = Enum.Parse<Betas>(kind, ignoreCase: true), Timesteps = timesteps });
        foreach (var file in Directory.GetFiles(Path.Combine(Folder, "schedules"), $"{table}_*.npy"))
        {
            var expected = Npy.Read(file).Floats();
            Func<int, double> actual = Path.GetFileNameWithoutExtension(file)[(table.Length + 1)..] switch
            {
                "betas" => process.Beta,
                "alphas_cumprod" => process.Signal,
                "alphas_cumprod_prev" => t => process.Signal(t - 1),
                "posterior_variance" => process.PosteriorVariance,
                // At timestep 0, where no noise is added, the original has the logarithm of the least variance, and Karlo that of timestep 1.
                "posterior_log_variance_clipped" => t => Math.Log(Math.Max(process.PosteriorVariance(t), 1e-20)),
                "posterior_mean_coef1" => process.SampleWeight,
                "posterior_mean_coef2" => process.CurrentWeight,
                "sqrt_recip_alphas_cumprod" => t => Math.Sqrt(1 / process.Signal(t)),
                "sqrt_recipm1_alphas_cumprod" => t => Math.Sqrt(1 / process.Signal(t) - 1),
                var other => throw new NotSupportedException($"'{other}' is compared with nothing."),
            };
            Assert.Equal(timesteps, expected.Length);
            Assert.All(expected, (value, t) => Assert.True(Math.Abs(value - actual(t)) <= Tolerance * Math.Max(1e-6, Math.Abs(value)), $"{file}[{t}]: {actual(t)} is not {value}"));
        }
    }

    [Fact]
    public void Timesteps_of_DDIM_are_those_of_the_reference()
    {
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "schedules", "ddim_times.json")));
        foreach (var item in cases.RootElement.EnumerateObject())
        {
            var (timesteps, steps) = (int.Parse(item.Name.Split('/')[0], System.Globalization.CultureInfo.InvariantCulture), int.Parse(item.Name.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture));
            int[] prior = Times("prior_times"), decoder = Times("decoder_times");
            Assert.Equal(prior, Respacing.Truncated(-1, timesteps, steps));
            Assert.Equal(decoder, Respacing.Truncated(0, timesteps, steps + 1));
            Assert.Equal(prior[..^1].Select(t => (long)t), Timesteps(DdimTimes.ToClean));
            Assert.Equal(item.Value.GetProperty("decoder_pairs_kept").GetInt32(), Timesteps(DdimTimes.ToFirst).Count());

            int[] Times(string name) => [.. item.Value.GetProperty(name).EnumerateArray().Select(time => time.GetInt32())];

            IEnumerable<long> Timesteps(DdimTimes times)
            {
                var rules = new DiffusionRules { Prediction = Prediction.Noise, Schedule = new() { Betas = Betas.Cosine, Timesteps = timesteps }, Ddim = new() { Times = times }, Steps = steps };
                var scheduler = DdimScheduler.Create(rules, steps, eta: 0);
                return Enumerable.Range(0, scheduler.Steps).Select(scheduler.Timestep);
            }
        }
    }

    // SHA-256 of the timesteps of every number of steps, a line each, that PyTorch 1.13 gives: reversed(torch.linspace(first, timesteps,
    // points + 1)[:-1].int().tolist()).
    [Theory]
    [InlineData(1000, -1, "e382bf88a47d9a056847d34f64d33494e5355c8753de48b12612757ed51de807")]
    [InlineData(1000, 0, "de3231bde1df2bef8f8f65b66d0119d3498cffa37e8a8e8bf0d6e2bcdc7a5889")]
    [InlineData(250, -1, "be4b603b3a4c436c89424a11a3cb1b7ac4cf19a30a70af116058360696de8564")]
    [InlineData(250, 0, "cdf6775264da71f4dd438550decc03050660cde195be82bd4abc4ca359e2cbc3")]
    [InlineData(40, -1, "d0054b7fbf89d60d1c54a1f2149af321de7eda11c7d14fa4ec75f1ff2845e2bd")]
    [InlineData(40, 0, "cae8e3d4e804eb77b6122831ffd8d7344145981ccbf2b34cb06a70491c9d6bb2")]
    public void Timesteps_of_DDIM_are_those_of_PyTorch_for_any_number_of_steps(int timesteps, int first, string expected)
    {
        var lines = Enumerable.Range(1, timesteps).Select(steps => string.Join(',', Respacing.Truncated(first, timesteps, steps + first + 1)) + "\n");
        Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(lines)))));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Resizing_is_that_of_the_reference(string sizes)
    {
        var from = Read("in");
        var side = Read("out").Shape[3];
        var image = new ImageTensor(from.Shape[3], from.Shape[2], from.Floats());
        Assert.Equal(Read("nearest").Floats(), FloatResampler.Nearest(image, side, side).Values);
        var (expected, actual) = (Read("out").Floats(), FloatResampler.SquashPadded(image, side, side).Values);
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected, (value, i) => Assert.Equal(value, actual[i], 1e-5f));

        Npy Read(string name) => Npy.Read(Path.Combine(Folder, "resize", $"{name}_{sizes}.npy"));
    }

    /// <summary>What is in the parentheses of a pattern, for each file of a folder that it fits.</summary>
    private static IEnumerable<TheoryDataRow<string>> Names(string folder, string pattern)
    {
        var path = Path.Combine(GoldenFolder.Root, "dalle2-pytorch", folder);
        string[] names = Directory.Exists(path)
            ? [.. Directory.GetFiles(path).Select(file => Regex.Match(Path.GetFileName(file), $"^{pattern}$")).Where(match => match.Success).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)]
            : [];
        return names.Length > 0 ? names.Select(name => new TheoryDataRow<string>(name)) : [new TheoryDataRow<string>("") { Skip = $"There is no golden {folder} of 'dalle2-pytorch': set DALLE_GOLDEN." }];
    }
}
