using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Families;

internal static partial class DallePytorchFamily
{
    /// <summary>
    /// The image autoencoder (DiscreteVAE): convolutions that each halve the image, then residual blocks, and the reverse. The code of a
    /// place is the likeliest one.
    /// </summary>
    private sealed record DiscreteVae
    {
        private const int MaxLayers = 16;

        public required int ImageSize { get; init; }

        /// <summary>Number of times that the image is halved.</summary>
        public required int Layers { get; init; }

        /// <summary>Number of residual blocks.</summary>
        public required int Residuals { get; init; }

        /// <summary>Number of channels between pixels and codes.</summary>
        public required int Hidden { get; init; }

        public required int Codes { get; init; }

        /// <summary>Number of values of a code.</summary>
        public required int CodeLength { get; init; }

        /// <summary>What is subtracted from pixels in 0..1, by colour.</summary>
        public float[] Mean { get; init; } = [0.5f, 0.5f, 0.5f];

        /// <summary>What they are then divided by.</summary>
        public float[] Deviation { get; init; } = [0.5f, 0.5f, 0.5f];

        /// <summary>Side of the square of codes.</summary>
        public int Grid => ImageSize >> Layers;

        /// <exception cref="InvalidDataException">The weights are no such autoencoder's.</exception>
        public static DiscreteVae Infer(Checkpoint weights, Arguments arguments)
        {
            var layers = weights.Count("encoder.", ".0.weight");
            var codebook = weights.Shape("codebook.weight", rank: 2);
            var vae = new DiscreteVae
            {
                ImageSize = arguments.Number("image_size", 256),
                Layers = layers,
                Residuals = Enumerable.Range(layers, int.MaxValue - layers).TakeWhile(i => weights.Contains($"encoder.{i}.net.0.weight")).Count(),
                Hidden = weights.Shape("encoder.0.0.weight", rank: 4)[0],
                Codes = codebook[0],
                CodeLength = codebook[1],
            };
            if (layers > MaxLayers || vae.Grid << layers != vae.ImageSize)
                throw new InvalidDataException($"The autoencoder cannot halve images of {vae.ImageSize} pixels {layers} times.");
            return arguments.IsNone("normalization")
                ? vae with { Mean = [0, 0, 0], Deviation = [1, 1, 1] }
                : vae with { Mean = arguments.Colors("normalization.0", vae.Mean), Deviation = arguments.Colors("normalization.1", vae.Deviation) };
        }

        public ImageGraphs Write(BundleWriter bundle, Checkpoint weights) =>
            new(Square(ImageSize, Grid, Codes), Encoder(bundle, weights.Subtree("encoder.")), Decoder(bundle, weights));

        private string Encoder(BundleWriter bundle, Checkpoint weights)
        {
            const string File = "image_encoder.onnx";
            using var g = bundle.ImageGraph(File);
            var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
            var x = g.Node("Div", [g.Node("Sub", [pixels, ByColor(g, "mean", Mean)]), ByColor(g, "deviation", Deviation)]);
            for (var layer = 0; layer < Layers; layer++)
            {
                using var scope = g.Scope($"layer_{layer}");
                var from = layer == 0 ? Colors : Hidden;
                x = g.Relu(g.Convolution(x, weights.Read($"{layer}.0.weight", Hidden, from, 4, 4), weights.Read($"{layer}.0.bias", Hidden), stride: 2, padding: 1));
            }
            for (var block = 0; block < Residuals; block++)
                x = Residual(g, x, weights, Layers + block);
            x = Pointwise(g, x, weights, Layers + Residuals, Hidden, Codes);
            g.Node("Flatten", [g.Node("ArgMax", [x], ("axis", 1), ("keepdims", 0))], ["tokens"]);
            g.Output("tokens", DataType.Int64, "batch", Grid * Grid);
            g.Save();
            return File;
        }

        private string Decoder(BundleWriter bundle, Checkpoint weights)
        {
            const string File = "image_decoder.onnx";
            using var g = bundle.ImageGraph(File);
            var tokens = g.Input("tokens", DataType.Int64, "batch", Grid * Grid);
            var codes = g.Node("Gather", [g.Weight("codebook", weights.Read("codebook.weight", Codes, CodeLength)), tokens]);
            var x = g.Node("Reshape", [g.Node("Transpose", [codes], ("perm", new long[] { 0, 2, 1 })), g.Constant("grid", 0, CodeLength, Grid, Grid)]);

            weights = weights.Subtree("decoder.");
            var (next, channels) = (0, CodeLength);
            if (Residuals > 0)
            {
                x = Pointwise(g, x, weights, next++, CodeLength, Hidden);
                channels = Hidden;
            }
            for (var block = 0; block < Residuals; block++)
                x = Residual(g, x, weights, next++);
            for (var layer = 0; layer < Layers; layer++, next++, channels = Hidden)
            {
                using var scope = g.Scope($"layer_{layer}");
                x = g.Relu(Double(g, x, weights.Read($"{next}.0.weight", channels, Hidden, 4, 4), weights.Read($"{next}.0.bias", Hidden)));
            }
            x = Pointwise(g, x, weights, next, Hidden, Colors);
            x = g.Node("Add", [g.Node("Mul", [x, ByColor(g, "deviation", Deviation)]), ByColor(g, "mean", Mean)]);
            g.Node("Clip", [x, g.Scalar("black", 0f), g.Scalar("white", 1f)], ["pixels"]);
            g.Output("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
            g.Save();
            return File;
        }

        /// <summary>x + three convolutions of it.</summary>
        private string Residual(GraphBuilder g, string x, Checkpoint weights, int number)
        {
            using var scope = g.Scope($"residual_{number}");
            string Convolution(string y, int part, int kernel) => g.Convolution(y,
                weights.Read($"{number}.net.{part}.weight", Hidden, Hidden, kernel, kernel), weights.Read($"{number}.net.{part}.bias", Hidden), padding: kernel / 2);
            return g.Node("Add", [x, Convolution(g.Relu(Convolution(g.Relu(Convolution(x, 0, 3)), 2, 3)), 4, 1)]);
        }

        private static string Pointwise(GraphBuilder g, string x, Checkpoint weights, int number, int from, int to)
        {
            using var scope = g.Scope($"pointwise_{number}");
            return g.Convolution(x, weights.Read($"{number}.weight", to, from, 1, 1), weights.Read($"{number}.bias", to));
        }

        /// <summary>A transposed convolution to twice the size.</summary>
        private static string Double(GraphBuilder g, string x, Tensor weight, Tensor bias) =>
            g.Node("ConvTranspose", [x, g.Weight("weight", weight), g.Weight("bias", bias)],
                ("kernel_shape", new long[] { 4, 4 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));

        private static string ByColor(GraphBuilder g, string name, float[] values) => g.Weight(name, new Tensor(values, isHalf: false, Colors, 1, 1));
    }
}
