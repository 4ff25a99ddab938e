using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Bundles of VQGAN's files against what their own code made of them: codes, then images.</summary>
[Trait("Category", "Golden")]
public sealed partial class TamingVqganTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Checkpoints() => GoldenFolder.Files("taming-vqgan", "model.ckpt", "model.safetensors");

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Images_become_the_reference_codes(string file)
    {
        using var model = DalleModel.Load(Export(file));
        var images = GoldenImages.Read(Other(file, "image_u8.npy")).ToArray();
        Assert.Equal((images[0].Width, images[0].Height), (model.Info.ImageWidth, model.Info.ImageHeight));
        Assert.Equal(Read(file, "encode_codes").Longs(), images.SelectMany(image => model.EncodeImage(image)).Select(token => (long)token));
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Codes_become_the_reference_images(string file)
    {
        using var model = DalleModel.Load(Export(file));
        foreach (var (codes, images) in new[] { ("encode_codes", "recon_image"), ("decode_codes", "decode_image") })
        {
            var tokens = Read(file, codes).Longs().Select(token => (int)token).Chunk(model.Info.TokenRows * model.Info.TokenColumns);
            Near.Pixels(Read(file, images).Floats(), tokens.SelectMany(image => model.DecodeTokens(image).Planes()).ToArray(), images);
        }
    }

    private static string Other(string file, string name) => Path.Combine(Path.GetDirectoryName(Path.Combine(GoldenFolder.Root, file))!, name);

    private static Npy Read(string file, string name) => Npy.Read(Other(file, name + ".npy"));

    private string Export(string file)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("taming-vqgan", [Path.Combine(GoldenFolder.Root, file)], output);
        return output;
    }
}
