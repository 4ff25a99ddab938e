using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>The families of codecs without a transformer: what is no checkpoint of theirs, and sizes that the weights do not tell.</summary>
public sealed class CodecFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_size_of_the_images_can_be_chosen()
    {
        using var dvae = DalleModel.Load(ExportRandom("openai-dvae", ("width", "40"), ("height", "64")));
        Assert.Equal((40, 64, 8, 5), (dvae.Info.ImageWidth, dvae.Info.ImageHeight, dvae.Info.TokenRows, dvae.Info.TokenColumns));
        Assert.Equal((false, true, true, false), (dvae.Info.CanGenerate, dvae.Info.CanEncode, dvae.Info.CanDecode, dvae.Info.HasClip));
        using var vqgan = DalleModel.Load(ExportRandom("taming-vqgan", ("resolution", "48")));
        Assert.Equal((48, 48, 3, 3), (vqgan.Info.ImageWidth, vqgan.Info.ImageHeight, vqgan.Info.TokenRows, vqgan.Info.TokenColumns));
    }

    [Theory]
    [InlineData("openai-dvae", "width", "100")]
    [InlineData("openai-dvae", "height", "-8")]
    [InlineData("openai-dvae", "height", "tall")]
    [InlineData("taming-vqgan", "resolution", "100")]
    [InlineData("taming-vqgan", "resolution", "0")]
    public void A_size_that_codes_do_not_fill_is_refused(string family, string setting, string value) =>
        Assert.Contains(setting, Assert.Throws<ArgumentException>(() => ExportRandom(family, (setting, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Parts_of_two_models_are_told_apart()
    {
        var encoder = Write("encoder", ("blocks.input.w", [8, 3, 7, 7]), ("blocks.group_1.block_1.res_path.conv_4.w", [8, 2, 1, 1]), ("blocks.output.conv.w", [9, 8, 1, 1]));
        var decoder = Write("decoder", ("blocks.input.w", [8, 9, 1, 1]), ("blocks.group_1.block_1.res_path.conv_4.w", [8, 2, 3, 3]), ("blocks.group_2.block_1.res_path.conv_4.w", [8, 2, 3, 3]));
        Refused("1 groups and the decoder 2", "openai-dvae", encoder, decoder);
        Refused("'blocks.output.conv.w'", "openai-dvae", decoder, encoder);
    }

    [Fact]
    public void What_is_no_vqgan_is_refused_by_what_it_lacks()
    {
        Refused("'decoder.conv_in.weight'", "taming-vqgan", Write("other", ("weight", [1])));
        Refused("'decoder.up.0.block.0'", "taming-vqgan", Write("levels", ("decoder.conv_in.weight", [64, 4, 3, 3]), ("quantize.embedding.weight", [16, 4])));
        Refused("multiple of 32", "taming-vqgan", Write("groups",
            ("decoder.conv_in.weight", [48, 4, 3, 3]), ("quantize.embedding.weight", [16, 4]), ("decoder.up.0.block.0.conv1.weight", [48, 48, 3, 3])));
    }

    [Fact]
    public void A_tensor_of_another_shape_is_named()
    {
        var file = Write("shape",
            ("state_dict.decoder.conv_in.weight", [64, 4, 3, 3]), ("state_dict.quantize.embedding.weight", [16, 4]), ("state_dict.post_quant_conv.weight", [5, 4, 1, 1]),
            ("state_dict.decoder.up.0.block.0.conv1.weight", [64, 64, 3, 3]));
        Refused("'state_dict.post_quant_conv.weight'", "taming-vqgan", file);
    }

    private string ExportRandom(string family, params (string Name, string Value)[] settings)
    {
        var output = Path.Combine(_folder.Path, family);
        BundleExporter.ExportRandom(family, "tiny", output, new ExportOptions { Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value) });
        return output;
    }

    private void Refused(string reason, string family, params string[] sources)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => BundleExporter.Export(family, sources, output)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    private string Write(string name, params (string Name, int[] Shape)[] tensors)
    {
        var path = Path.Combine(_folder.Path, name + ".safetensors");
        SafetensorsWriter.Write(path, tensors.ToDictionary(
            tensor => tensor.Name,
            tensor => new Tensor(new float[tensor.Shape.Aggregate(1, (product, size) => product * size)], isFloat16: false, tensor.Shape)));
        return path;
    }
}
