using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Upscalers against what the code of ru-dALLE and of xinntao/Real-ESRGAN made of the same files.</summary>
/// <remarks>
/// Not compared: <c>inter/pixel_unshuffle.npy</c>, which our graph folds into its first convolution.
/// </remarks>
[Trait("Category", "Golden")]
public sealed class RealEsrganTests : IDisposable
{
    private const string Family = "real-esrgan";

    private static readonly HiddenState[] States =
    [
        new(@"body(\d+)", "body.$1/"),
        new(@"body(\d+)_rdb(\d+)", "body.$1/rdb$2/"),
        new("body", "body."),
        new(@"conv_(up\d|hr)", "conv_$1/", IsBeginning: true),
        new(@"(conv_\w+)", "$1/"),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The folders of ru-dALLE's files.</summary>
    public static IEnumerable<TheoryDataRow<string>> RuDalleCases() => Cases(config => config.EnumerateObject().Where(part => part.Value.TryGetProperty("predict_small", out _)));

    /// <summary>The calls of xinntao's code.</summary>
    public static IEnumerable<TheoryDataRow<string>> XinntaoCases() =>
        Cases(config => config.TryGetProperty("xinntao", out var calls) ? calls.EnumerateObject() : []);

    [Theory]
    [MemberData(nameof(RuDalleCases))]
    public void The_network_and_its_layers_are_the_reference(string name)
    {
        using var model = Export(Checkpoint(name), [("loader", "ru-dalle")]);
        var bundle = Bundle.Open(model.Info.Path);
        var (input, output) = (Read(name, "net_input"), Read(name, "net_output"));
        var pixels = input.Floats();
        using (var session = new GraphSession(bundle, bundle.Manifest.Upscaler!.File, "pixels", "upscaled", DalleDevice.Cpu))
        {
            var upscaled = new float[output.Floats().Length];
            session.Run<float, float>(pixels, [.. input.Shape.Select(size => (long)size)], upscaled);
            Near.Values(output.Floats(), upscaled, name);
        }
        using var states = new HiddenStates(Path.Combine(Family, name, "inter"));
        var example = OrtValue.CreateTensorValueFromMemory(pixels[..(pixels.Length / input.Shape[0])], [1, .. input.Shape[1..].Select(size => (long)size)]);
        states.Compare(bundle.PathOf(bundle.Manifest.Upscaler.File), States, ("pixels", example));
        states.AssertNoneIsLeft(folded: "pixel_unshuffle");
    }

    [Theory]
    [MemberData(nameof(RuDalleCases))]
    public void Images_are_those_of_ru_dalle(string name)
    {
        using var image = GoldenImage(name, "image_u8");
        foreach (var (settings, result) in new[] { ("predict_small", "predict_small_u8"), ("", "predict_default_u8") })
        {
            using var model = Export(Checkpoint(name), [("loader", "ru-dalle"), .. RuDalleSettings(name, settings)]);
            using var upscaled = model.Upscale(image);
            NearBytes(Read(name, result), upscaled);
        }
    }

    /// <summary>The steps on the way: the mirrored image, its patches, the first of them enlarged, the whole before it is cut to bytes.</summary>
    [Theory]
    [MemberData(nameof(RuDalleCases))]
    public void Patches_are_those_of_ru_dalle(string name)
    {
        using var model = Export(Checkpoint(name), [("loader", "ru-dalle"), .. RuDalleSettings(name, "predict_small")]);
        var bundle = Bundle.Open(model.Info.Path);
        var graph = bundle.Manifest.Upscaler!;
        var (image, mirrored, patches) = (Read(name, "image_u8"), Read(name, "predict_small_padded_u8"), Read(name, "predict_small_patches_u8"));
        var (rows, columns) = (TileAxis.Cut(image.Shape[0], graph), TileAxis.Cut(image.Shape[1], graph));
        Assert.Equal(mirrored.Data, Region(rows.Sources.AsSpan(graph.Overlap, mirrored.Shape[0]), columns.Sources.AsSpan(graph.Overlap, mirrored.Shape[1])));

        // Those that lie beyond the image altogether are not computed.
        var grid = patches.Shape[0] / ((mirrored.Shape[0] + graph.TileSize - 1) / graph.TileSize);
        foreach (var (i, row) in rows.Tiles.Index())
        {
            foreach (var (j, column) in columns.Tiles.Index())
            {
                var size = patches.Data.Length / patches.Shape[0];
                Assert.Equal(
                    patches.Data.AsSpan((i * grid + j) * size, size).ToArray(),
                    Region(rows.Sources.AsSpan(row.Start, row.Length), columns.Sources.AsSpan(column.Start, column.Length)));
            }
        }

        var raw = Read(name, "predict_small_raw0");
        using (var session = new GraphSession(bundle, graph.File, "pixels", "upscaled", DalleDevice.Cpu))
        {
            var upscaled = new float[raw.Floats().Length];
            session.Run<float, float>(Planes(patches.Data.AsSpan(0, patches.Data.Length / patches.Shape[0]).ToArray()), [1, 3, patches.Shape[1], patches.Shape[2]], upscaled);
            Near.Values(raw.Floats(), upscaled, name);
        }
        using var upscaler = new Upscaler(bundle, graph with { Truncates = false }, DalleDevice.Cpu);
        var whole = Read(name, "predict_small_float").Floats();
        float[] planes = [.. Enumerable.Range(0, 3).SelectMany(channel => whole.Where((_, i) => i % 3 == channel))];
        Near.Values(planes, upscaler.Enlarge(Planes(image.Data), image.Shape[1], image.Shape[0], progress: null, CancellationToken.None), name);

        byte[] Region(ReadOnlySpan<int> ys, ReadOnlySpan<int> xs)
        {
            var bytes = new List<byte>();
            foreach (var y in ys)
            {
                foreach (var x in xs)
                    bytes.AddRange(image.Data.AsSpan((y * image.Shape[1] + x) * 3, 3));
            }
            return [.. bytes];
        }

        static float[] Planes(byte[] pixels) => [.. Enumerable.Range(0, 3).SelectMany(channel => pixels.Where((_, i) => i % 3 == channel)).Select(value => value / 255f)];
    }

    [Fact]
    public void A_file_of_two_networks_is_read_as_each_loader_does()
    {
        var file = Path.Combine(GoldenFolder.Of(Family), "x4", "both_keys.pth");
        Assert.SkipUnless(File.Exists(file), "There is no golden both_keys.pth.");
        using var image = GoldenImage("x4", "image_u8");
        using var model = Export(file, [("loader", "ru-dalle"), .. RuDalleSettings("x4", "predict_small")]);
        using var upscaled = model.Upscale(image);
        NearBytes(Read("x4", "both_keys_rudalle_u8"), upscaled);
    }

    [Theory]
    [MemberData(nameof(XinntaoCases))]
    public void Images_are_those_of_xinntao(string name)
    {
        var call = Config().GetProperty("xinntao").GetProperty(name);
        var file = Path.Combine(GoldenFolder.Of(Family), call.GetProperty("weights").GetString()!);
        (string, string)[] settings =
            [("loader", "xinntao"), .. new[] { ("tile", "tile"), ("overlap", "tile_pad"), ("mirror", "pre_pad") }.Select(pair => (pair.Item1, call.GetProperty(pair.Item2).ToString()))];
        using var upscaler = Open(file, settings);
        var input = Read("xinntao", call.GetProperty("mode").GetString() switch { "RGBA" => "image_rgba_u8", "L" => "image_gray_u8", _ => "image_rgb_u8" });
        var (height, width, channels) = (input.Shape[0], input.Shape[1], input.Shape.Length == 2 ? 1 : input.Shape[2]);
        var expected = Read("xinntao", name + "_u8");

        // The tensor's level: ML.NET keeps colours multiplied by their opacity.
        foreach (var part in channels == 4 ? new[] { [0, 1, 2], new[] { 3, 3, 3 } } : channels == 1 ? [[0, 0, 0]] : [[0, 1, 2]])
        {
            float[] planes = [.. part.SelectMany(channel => Enumerable.Range(0, height * width).Select(i => input.Data[i * channels + channel] / 255f))];
            var result = upscaler.Enlarge(planes, width, height, progress: null, CancellationToken.None);
            var area = result.Length / 3;
            float[] reference = [.. part.SelectMany(channel => Enumerable.Range(0, area).Select(i => expected.Data[i * channels + channel] / 255f))];
            Near.Pixels(reference, [.. result.Select(value => MathF.Round(value * 255) / 255)], name);
        }
        if (File.Exists(Path.Combine(GoldenFolder.Of(Family), "xinntao", name + "_float.npy")))
            NearFloats(name, input, upscaler);
    }

    [Theory]
    [InlineData("srvgg_u8", null)]
    [InlineData("srvgg_dni25_u8", "25")]
    public void The_compact_network_and_its_strength_of_denoising_are_xinntaos(string result, string? denoise)
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "xinntao");
        string[] files = [Path.Combine(folder, "srvgg-x4v3.pth"), .. denoise is null ? Array.Empty<string>() : [Path.Combine(folder, "srvgg-wdn-x4v3.pth")]];
        Assert.SkipUnless(files.All(File.Exists), "There is no golden srvgg-x4v3.pth.");
        using var image = GoldenImage("xinntao", "image_rgb_u8");
        using var model = Export(files, [("tile", "0"), .. denoise is null ? Array.Empty<(string, string)>() : [("denoise", denoise)]]);
        using var upscaled = model.Upscale(image);
        NearBytes(Read("xinntao", result), upscaled);
    }

    [Fact]
    public void The_compact_network_is_the_reference_before_its_colours_are_rounded()
    {
        var file = Path.Combine(GoldenFolder.Of(Family), "xinntao", "srvgg-x4v3.pth");
        Assert.SkipUnless(File.Exists(file), "There is no golden srvgg-x4v3.pth.");
        using var upscaler = Open(file, [("tile", "0")]);
        NearFloats("srvgg", Read("xinntao", "image_rgb_u8"), upscaler);
    }

    private static TheoryDataRow<string>[] Cases(Func<JsonElement, IEnumerable<JsonProperty>> select)
    {
        var file = Path.Combine(GoldenFolder.Root, Family, "config.json");
        var cases = File.Exists(file) ? select(JsonDocument.Parse(File.ReadAllBytes(file)).RootElement).Select(part => new TheoryDataRow<string>(part.Name)).ToArray() : [];
        return cases.Length > 0 ? cases : [new TheoryDataRow<string>(Family) { Skip = $"There is no golden '{Family}': set DALLE_GOLDEN." }];
    }

    private static JsonElement Config() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of(Family), "config.json"))).RootElement;

    private static (string, string)[] RuDalleSettings(string name, string call) => call.Length == 0 ? [] :
    [
        .. new[] { ("tile", "patches_size"), ("overlap", "padding"), ("mirror", "pad_size") }
            .Select(pair => (pair.Item1, Config().GetProperty(name).GetProperty(call).GetProperty(pair.Item2).ToString())),
    ];

    private static string Checkpoint(string name) => Path.Combine(GoldenFolder.Of(Family), name, $"RealESRGAN_{name}.pth");

    private static Npy Read(string folder, string file) => Npy.Read(Path.Combine(GoldenFolder.Of(Family), folder, file + ".npy"));

    private static MLImage GoldenImage(string folder, string file)
    {
        var pixels = Read(folder, file);
        return MLImage.CreateFromPixels(pixels.Shape[1], pixels.Shape[0], MLPixelFormat.Rgba32, [.. pixels.Data.Chunk(3).SelectMany(color => color.Append(byte.MaxValue))]);
    }

    /// <summary>To one grey level in a few places, as the original itself differs from batch to batch: it cuts colours to bytes.</summary>
    private static void NearBytes(Npy expected, MLImage actual)
    {
        Assert.Equal((expected.Shape[1], expected.Shape[0]), (actual.Width, actual.Height));
        var colors = actual.GetBGRPixels;
        var differences = expected.Data.Select((value, i) => Math.Abs(value - colors[i / 3 * 3 + 2 - i % 3])).ToArray();
        Assert.InRange(differences.Max(), 0, 1);
        Assert.InRange(differences.Count(difference => difference > 0), 0, differences.Length / 100);
    }

    /// <summary>What xinntao's code makes of a colour image before it rounds.</summary>
    private static void NearFloats(string name, Npy image, Upscaler upscaler)
    {
        var (height, width, channels) = (image.Shape[0], image.Shape[1], image.Shape[2]);
        float[] planes = [.. Enumerable.Range(0, 3 * height * width).Select(i => image.Data[i % (height * width) * channels + i / (height * width)] / 255f)];
        var clamped = Read("xinntao", name + "_float").Floats().Select(value => Math.Clamp(value, 0, 1)).ToArray();
        Near.Values(clamped, upscaler.Enlarge(planes, width, height, progress: null, CancellationToken.None), name);
    }

    private DalleModel Export(string file, (string, string)[] settings) => Export([file], settings);

    private DalleModel Export(string[] files, (string Name, string Value)[] settings)
    {
        var output = Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"));
        BundleExporter.Export(Family, files, output, new ExportOptions { Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value) });
        return DalleModel.Load(output);
    }

    private Upscaler Open(string file, (string, string)[] settings)
    {
        using var model = Export(file, settings);
        var bundle = Bundle.Open(model.Info.Path);
        return new Upscaler(bundle, bundle.Manifest.Upscaler!, DalleDevice.Cpu);
    }
}
