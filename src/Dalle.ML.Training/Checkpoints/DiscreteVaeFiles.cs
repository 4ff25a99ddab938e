using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>
/// A discrete VAE in the two forms that it has in files: that of its training, and that of the family <c>dalle</c>, in which space-to-depth
/// is part of the first convolution of the encoder and the comparison with the codebook is the last one.
/// </summary>
internal static class DiscreteVaeFiles
{
    // Far more than any has, so that names of a file are not counted without end.
    private const int MaxBlocks = 64;

    private static readonly string[] BlockTensors = ["a.weight", "a.bias", "b.weight", "b.bias"];

    // Tensors whose names are those of PyTorch's modules in one form, and tell what they are in the other.
    private static (string Trained, string Exported)[] EncoderNames(int blocks) =>
    [
        ("net.1.bias", "conv_in.bias"), ("net.3.weight", "down.weight"), ("net.3.bias", "down.bias"),
        .. from block in Enumerable.Range(0, blocks)
           from tensor in BlockTensors
           select ($"net.{4 + block}.{tensor}", $"res{block}.{tensor}"),
    ];

    /// <summary>Reads the result of stage 1.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public static DiscreteVaeNetwork ReadTrained(TrainingCheckpoint checkpoint, Device device)
    {
        var sizes = checkpoint.Sizes<DiscreteVaeSizes>();
        if (sizes.Quantiser is not (DiscreteVaeSizes.Vq or DiscreteVaeSizes.Gumbel))
            throw new InvalidDataException($"The discrete VAE has the unknown quantizer '{sizes.Quantiser}'.");
        if (sizes.Blocks is < 0 or > MaxBlocks)
            throw new InvalidDataException($"The discrete VAE has {sizes.Blocks} residual blocks; at most {MaxBlocks} are possible.");
        // Before a network of these sizes is made.
        checkpoint.CheckShape("model.book", sizes.Codes, sizes.Dim);
        checkpoint.CheckShape($"model.encoder.net.{OutputOf(sizes)}.bias", sizes.HasKeys ? sizes.Dim : sizes.Codes);
        checkpoint.CheckShape("model.encoder.net.3.bias", sizes.Width);
        checkpoint.CheckShape("model.decoder.net.1.a.weight", sizes.DecoderWidth, sizes.DecoderWidth, 3, 3);
        var network = Create(sizes, device);
        var parameters = checkpoint.Has("average.") ? "average." : "model.";
        checkpoint.Read(parameters, network.named_parameters().Select(p => (p.name, (Tensor)p.parameter)));
        checkpoint.Read("model.", network.named_buffers().Select(b => (b.name, b.buffer)));
        return network;
    }

    /// <summary>Reads one of a checkpoint of the family <c>dalle</c>.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public static DiscreteVaeNetwork ReadExported(Checkpoint file, DalleConfig config, Device device)
    {
        var network = Create(SizesOfExported(file, config), device);
        ReadExported(file, network);
        return network;
    }

    /// <summary>The sizes of one of a checkpoint of the family <c>dalle</c>, by its weights.</summary>
    /// <exception cref="InvalidDataException">They contradict each other.</exception>
    public static DiscreteVaeSizes SizesOfExported(Checkpoint file, DalleConfig config)
    {
        var (book, decoder) = (file.Shape("decoder.codebook.weight", rank: 2), file.Shape("decoder.net.1.a.weight", rank: 4));
        var encoder = file.Shape("encoder.conv_out.weight", rank: 4);
        var blocks = Enumerable.Range(0, MaxBlocks).TakeWhile(block => file.Contains($"encoder.res{block}.a.weight")).Count();
        if (decoder[1] != decoder[0] || encoder[0] != book[0])
            throw new InvalidDataException("The checkpoint's discrete VAE is of another architecture than that which can be trained.");
        var quantiser = config.Dvae.LogitLaplace ? DiscreteVaeSizes.Gumbel : DiscreteVaeSizes.Exported;
        return new(encoder[1], decoder[0], book[0], book[1], quantiser, blocks, config.Grid);
    }

    /// <summary>Reads one of a checkpoint of the family <c>dalle</c> into a network of its sizes.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed or of other sizes.</exception>
    public static void ReadExported(Checkpoint file, DiscreteVaeNetwork network)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var (w, d) = (network.Sizes.Width, network.Sizes.DecoderWidth / 2);
        var tensors = network.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        foreach (var (trained, exported) in EncoderNames(network.Sizes.Blocks))
            file.ReadInto("encoder." + exported, tensors["encoder." + trained]);
        var first = empty(w / 2, 3, 12, 12);
        file.ReadInto("encoder.conv_in.weight", first);
        tensors["encoder.net.1.weight"].copy_(first.view(w / 2, 3, 3, 4, 3, 4).permute(0, 1, 3, 5, 2, 4).reshape(w / 2, 48, 3, 3));
        file.ReadInto("encoder.conv_out.weight", tensors[$"encoder.net.{OutputOf(network.Sizes)}.weight"]);
        file.ReadInto("encoder.conv_out.bias", tensors[$"encoder.net.{OutputOf(network.Sizes)}.bias"]);
        file.ReadInto("decoder.codebook.weight", tensors["book"]);
        const string Last = "decoder.net.10.";
        foreach (var (name, tensor) in tensors.Where(t => t.Key.StartsWith("decoder.", StringComparison.Ordinal)))
        {
            // Of the likelihood, files have the means alone; scales begin anew.
            if (name.StartsWith(Last, StringComparison.Ordinal))
                file.ReadInto(name, tensor.zero_().narrow(0, 0, 48));
            else
                file.ReadInto(name, tensor);
        }
    }

    /// <summary>
    /// Writes one for the family <c>dalle</c>, in halves but for the last layer of the encoder, which would pick other tokens.
    /// </summary>
    public static void WriteExported(string path, DiscreteVaeNetwork network)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var sizes = network.Sizes;
        var tensors = network.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        var (weight, bias) = (tensors[$"encoder.net.{OutputOf(sizes)}.weight"], tensors[$"encoder.net.{OutputOf(sizes)}.bias"]);
        if (network.Keys is { } keys)
        {
            // The negative squared distance to each key, up to what all of them share.
            bias = keys.matmul(bias).Times(2) - (keys * keys).sum(1);
            weight = keys.matmul(weight.flatten(1)).Times(2).view(sizes.Codes, sizes.Width, 1, 1);
        }
        var first = tensors["encoder.net.1.weight"].contiguous().view(-1, 3, 4, 4, 3, 3).permute(0, 1, 4, 2, 5, 3).reshape(-1, 3, 12, 12);
        SafetensorsWriter.Write(path,
        [
            ("encoder.conv_in.weight", Half(first)),
            .. EncoderNames(sizes.Blocks).Select(names => ("encoder." + names.Exported, Half(tensors["encoder." + names.Trained]))),
            ("encoder.conv_out.weight", weight),
            ("encoder.conv_out.bias", bias),
            ("decoder.codebook.weight", Half(tensors["book"])),
            .. tensors.Where(t => t.Key.StartsWith("decoder.", StringComparison.Ordinal)).Select(t => (
                t.Key, Half(t.Key.StartsWith("decoder.net.10.", StringComparison.Ordinal) ? t.Value.narrow(0, 0, 48) : t.Value))),
        ]);

        static Tensor Half(Tensor tensor) => tensor.to(ScalarType.Float16);
    }

    // The number of the encoder's last layer.
    private static int OutputOf(DiscreteVaeSizes sizes) => 5 + sizes.Blocks;

    private static DiscreteVaeNetwork Create(DiscreteVaeSizes sizes, Device device)
    {
        using var random = new Generator(0);
        var network = new DiscreteVaeNetwork(new(random, device), sizes);
        foreach (var parameter in network.parameters())
            parameter.requires_grad = false;
        return network;
    }
}
