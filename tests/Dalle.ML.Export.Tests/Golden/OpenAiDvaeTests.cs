using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Bundles of the discrete VAE's files against what OpenAI's own code made of them: codes, then images.</summary>
[Trait("Category", "Golden")]
public sealed partial class OpenAiDvaeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Encoders() =>
        GoldenFolder.Files("openai-dvae", "encoder.pkl", "encoder_legacy.pkl", "encoder_state_dict.pt", "encoder.safetensors");

    public static IEnumerable<TheoryDataRow<string>> Decoders() =>
        GoldenFolder.Files("openai-dvae", "decoder.pkl", "decoder_legacy.pkl", "decoder_state_dict.pt", "decoder.safetensors");

    [Theory]
    [MemberData(nameof(Encoders))]
    public void Images_become_the_reference_codes(string file)
    {
        var codes = Read(file, "codes");
        using var model = DalleModel.Load(Export(PathOf(file), Other(file, "decoder.pkl"), codes.Shape));
        var images = GoldenImages.Read(Other(file, "image_u8.npy")).ToArray();
        Assert.Equal(codes.Longs(), images.SelectMany(image => model.EncodeImage(image)).Select(token => (long)token));
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Codes_become_the_reference_images_in_any_shape(string file)
    {
        foreach (var (codes, images) in new[] { ("codes", "reconstruction"), ("codes_random", "reconstruction_random") })
        {
            var grid = Read(file, codes);
            using var model = DalleModel.Load(Export(Other(file, "encoder.pkl"), PathOf(file), grid.Shape));
            Assert.Equal((grid.Shape[1], grid.Shape[2], false), (model.Info.TokenRows, model.Info.TokenColumns, model.Info.CanGenerate));
            var decoded = Tokens(grid).SelectMany(tokens => model.DecodeTokens(tokens).Planes()).ToArray();
            Near.Pixels(Read(file, images).Floats(), decoded, images);
        }
    }

    private static string PathOf(string file) => Path.Combine(GoldenFolder.Root, file);

    private static string Other(string file, string name) => Path.Combine(Path.GetDirectoryName(PathOf(file))!, name);

    private static Npy Read(string file, string name) => Npy.Read(Other(file, name + ".npy"));

    private static IEnumerable<int[]> Tokens(Npy codes) =>
        codes.Longs().Select(token => (int)token).Chunk(codes.Shape[1] * codes.Shape[2]);

    private string Export(string encoder, string decoder, int[] codes)
    {
        const int Reduction = 8;
        var output = Path.Combine(_folder.Path, $"{codes[1]}x{codes[2]}");
        BundleExporter.Export("openai-dvae", [encoder, decoder], output, new ExportOptions
        {
            Settings = new Dictionary<string, string> { ["height"] = $"{codes[1] * Reduction}", ["width"] = $"{codes[2] * Reduction}" },
        });
        return output;
    }
}
