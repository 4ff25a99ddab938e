using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>Where the graphs of all discrete VAEs begin and end: pixels and image tokens.</summary>
internal static class ImageLayers
{
    /// <summary>Channels of an image.</summary>
    public const int Colors = 3;

    /// <summary>Looks up the codebook [codebook size, channels] and returns planes [batch, channels, rows, columns].</summary>
    public static string LookUpTokens(this GraphBuilder g, Tensor codebook, int rows, int columns)
    {
        var tokens = g.Input("tokens", DataType.Int64, "batch", rows * columns);
        var entries = g.Node("Gather", [g.Weight("codebook", codebook), tokens]);
        var planes = g.Node("Transpose", [entries], ("perm", new long[] { 0, 2, 1 }));
        return g.Node("Reshape", [planes, g.Constant("grid", 0, codebook.Shape[1], rows, columns)]);
    }

    /// <summary>Ends an encoder: of logits [batch, codebook size, rows, columns], the likeliest codebook index of each place.</summary>
    public static void SaveTokens(this GraphBuilder g, string logits, int rows, int columns)
    {
        g.Node("Flatten", [g.Node("ArgMax", [logits], ("axis", 1), ("keepdims", 0))], ["tokens"]);
        g.Output("tokens", DataType.Int64, "batch", rows * columns);
        g.Save();
    }

    /// <summary>Ends a decoder: clips pixels to 0..1.</summary>
    public static void SavePixels(this GraphBuilder g, string x, int height, int width)
    {
        g.Node("Clip", [x, g.Scalar("black", 0f), g.Scalar("white", 1f)], ["pixels"]);
        g.Output("pixels", DataType.Float, "batch", Colors, height, width);
        g.Save();
    }

    /// <summary>Ends an upscaler, whose pixels are clipped after its tiles are put together.</summary>
    public static void SaveUpscaled(this GraphBuilder g, string x)
    {
        g.Node("Cast", [x], ["upscaled"], ("to", (long)DataType.Float));
        g.Output("upscaled", DataType.Float, "batch", Colors, "upscaled_height", "upscaled_width");
        g.Save();
    }
}

/// <summary>The files of an exported discrete VAE; the encoder is null where the checkpoint has none.</summary>
internal sealed record ImageGraphs(string? Encoder, string Decoder);
