using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The small network of xinntao/Real-ESRGAN (SRVGGNetCompact): convolutions at the image's size, and a pixel shuffle whose result is added to the
/// image with each pixel made a square.
/// </summary>
internal sealed record CompactUpscaler
{
    public int Features { get; init; } = 64;

    /// <summary>Number of convolutions between the first and the last.</summary>
    public int Convolutions { get; init; } = 32;

    public int Factor { get; init; } = 4;

    /// <exception cref="InvalidDataException">It is none, or has another nonlinearity than PReLU: the others have no weights that would tell.</exception>
    public static CompactUpscaler Infer(Checkpoint weights)
    {
        var last = weights.Names.Where(name => name.StartsWith("body.", StringComparison.Ordinal) && name.EndsWith(".bias", StringComparison.Ordinal))
            .Select(name => int.TryParse(name["body.".Length..^".bias".Length], out var number) ? number : 0).DefaultIfEmpty().Max();
        var channels = weights.Shape($"body.{last}.bias", rank: 1)[0];
        var factor = (int)Math.Round(Math.Sqrt(channels / (double)Colors));
        if (last % 2 != 0 || factor < 1 || channels != Colors * factor * factor)
            throw new InvalidDataException($"The upscaler's last convolution, 'body.{last}', gives {channels} channels; three times a square are expected of SRVGGNetCompact.");
        if (last > 0 && !weights.Contains("body.1.weight"))
            throw new InvalidDataException("The upscaler has no 'body.1.weight'. Only SRVGGNetCompact with PReLU is read: of other nonlinearities nothing in the file tells which.");
        return new() { Features = weights.Shape("body.0.bias", rank: 1)[0], Convolutions = last / 2 - 1, Factor = factor };
    }

    /// <summary>Writes the graph and returns its name.</summary>
    /// <param name="bundle">Where to.</param>
    /// <param name="read">Reads a weight of a name and a shape.</param>
    /// <param name="precision">How products are computed.</param>
    public string Write(BundleWriter bundle, Func<string, int[], Tensor> read, Precision precision)
    {
        const string File = "upscaler.onnx";
        using var g = bundle.Graph(File, precision);
        var pixels = g.Cast(g.Input("pixels", DataType.Float, "batch", Colors, "height", "width"), DataType.Float, g.Type);
        var x = pixels;
        for (var i = 0; i <= Convolutions + 1; i++)
        {
            using var scope = g.Scope($"body.{2 * i}");
            var (from, to) = (i == 0 ? Colors : Features, i <= Convolutions ? Features : Colors * Factor * Factor);
            x = g.Convolution(x, read($"body.{2 * i}.weight", [to, from, 3, 3]), read($"body.{2 * i}.bias", [to]), padding: 1);
            if (i <= Convolutions)
                x = g.Node("PRelu", [x, g.Weight("slope", read($"body.{2 * i + 1}.weight", [Features]).Reshape(Features, 1, 1))]);
        }
        g.SaveUpscaled(g.Node("Add", [g.PixelShuffle(x, Factor), g.Enlarge(pixels, Factor)]));
        return File;
    }
}
