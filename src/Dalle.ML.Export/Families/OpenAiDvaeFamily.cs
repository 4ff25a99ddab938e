using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>The discrete VAE of DALL·E as OpenAI publishes it (openai/DALL-E): images to tokens and back, without a transformer.</summary>
internal static class OpenAiDvaeFamily
{
    private const string Name = "openai-dvae";
    private const int DefaultSide = 256;

    private static readonly Dictionary<string, OpenAiVae> Sizes = new()
    {
        ["published"] = new(8192, new(256, [256, 512, 1024, 2048], Blocks: 2), new(128, [2048, 1024, 512, 256], Blocks: 2)),
        ["tiny"] = new(64, new(16, [16, 16, 32, 32], Blocks: 1), new(12, [32, 32, 16, 16], Blocks: 1)),
    };

    public static ModelFamily Family { get; } = new(Name, "a folder with encoder.pkl and decoder.pkl, or these two files", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["width"] = $"Width of the images in pixels; {DefaultSide} by default.",
            ["height"] = $"Height of the images in pixels; {DefaultSide} by default.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var encoder = source.OpenModel(0, "blocks.input.w", "encoder.pkl", "encoder.pt", "encoder.safetensors");
        var decoder = source.OpenModel(1, "blocks.input.w", "decoder.pkl", "decoder.pt", "decoder.safetensors");
        var vae = source.Size is { } size ? Sizes[size] : OpenAiVae.Infer(encoder, decoder);
        var (rows, columns) = (Tokens("height"), Tokens("width"));
        var graphs = vae.Write(bundle, encoder, decoder, rows, columns);
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = Name,
            Family = Name,
            Precision = Precision.Fp32.Name(),
            Image = new ImageFormat
            {
                Width = columns * vae.Reduction,
                Height = rows * vae.Reduction,
                Rows = rows,
                Columns = columns,
                CodebookSize = vae.CodebookSize,
                Resample = ResampleFilter.Lanczos,
            },
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Files = [],
        };

        int Tokens(string side)
        {
            var pixels = source.Setting(side) ?? DefaultSide;
            return pixels > 0 && pixels % vae.Reduction == 0
                ? pixels / vae.Reduction
                : throw new ArgumentException($"The setting {side} is {pixels}; it must be a multiple of {vae.Reduction}.");
        }
    }
}
