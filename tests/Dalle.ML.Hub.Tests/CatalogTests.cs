using Dalle.ML.Export;
using Dalle.ML.Hub.Catalog;
using Dalle.ML.Tests.Golden;

namespace Dalle.ML.Hub.Tests;

/// <summary>The embedded catalogue gives files the names that their family looks for: a pull exports from a folder of them.</summary>
public sealed class CatalogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. ModelCatalog.Read(userFile: null).Models.Where(model => !model.Files.Any(file => file.IsArchive)).Select(model => model.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_family_finds_the_files_by_their_names(string name)
    {
        var model = ModelCatalog.Read(userFile: null).Find(name);
        foreach (var file in model.Files)
            Write(file.Path, "neither weights nor a tokenizer"u8.ToArray());
        var error = Assert.ThrowsAny<Exception>(() => Export(model));
        Assert.False(error is FileNotFoundException, error.Message);
    }

    /// <summary>Those whose layout no other test has, with small weights in place of the published ones.</summary>
    [Theory]
    [InlineData("karlo", "karlo-diffusers/diffusers")]
    [InlineData("real-esrgan-x4plus", "real-esrgan", "model.pth", "x4/RealESRGAN_x4plus.pth")]
    [InlineData("ru-dalle-esrgan-x2", "real-esrgan", "model.pth", "x2/RealESRGAN_x2.pth")]
    [InlineData("laion-dalle2", "dalle2-pytorch",
        "prior.pth", "prior/prior_trainer.pth", "prior_config.json", "prior/prior_config.json", "decoder.pth", "decoder/decoder_model.pth",
        "decoder_config.json", "decoder/decoder_config.json", "ViT-L-14.pt", "clip/clip_state_dict.pt", "bpe_simple_vocab_16e6.txt.gz", "bpe_tiny.txt.gz")]
    public void The_files_of_an_entry_are_exported(string name, string golden, params string[] sources)
    {
        var model = ModelCatalog.Read(userFile: null).Find(name);
        foreach (var path in model.Files.Select(file => file.Path))
        {
            var source = sources.Length == 0 ? path : sources[Array.IndexOf(sources, path) + 1];
            Write(path, File.ReadAllBytes(Path.Combine(GoldenFolder.Of(golden.Split('/')[0]), golden.Contains('/', StringComparison.Ordinal) ? golden.Split('/')[1] : "", source)));
        }
        Export(model);
        using var exported = DalleModel.Load(Path.Combine(_folder.Path, "bundle"));
        Assert.True(exported.Info.CanGenerate || exported.Info.UpscaleFactor > 0);
    }

    private void Write(string path, byte[] content)
    {
        var target = Path.Combine(_folder.Path, "checkpoint", path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.WriteAllBytes(target, content);
    }

    private void Export(Catalog.CatalogModel model) =>
        BundleExporter.Export(model.Family, [Path.Combine(_folder.Path, "checkpoint")], Path.Combine(_folder.Path, "bundle"), new ExportOptions { Settings = model.Settings });
}
