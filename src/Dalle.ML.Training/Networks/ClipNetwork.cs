using Dalle.ML.Training.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Networks;

/// <summary>Sizes of a CLIP.</summary>
/// <param name="Width">Channels of the image tower.</param>
/// <param name="TextWidth">Channels of the text tower.</param>
/// <param name="Heads">Heads of a layer of the text tower.</param>
/// <param name="Layers">Layers of the text tower.</param>
/// <param name="Dim">Dimension of the embeddings.</param>
/// <param name="Vocab">Number of text tokens without padding.</param>
/// <param name="TextLen">Number of text positions.</param>
/// <param name="Side">Pixels along a side of the images.</param>
internal sealed record ClipSizes(int Width, int TextWidth, int Heads, int Layers, int Dim, int Vocab, int TextLen, int Side = 64);

/// <summary>CLIP: convolutions for the image, a transformer whose positions all see each other for the text.</summary>
internal sealed class ClipNetwork : Module
{
    /// <summary>The heads that an exported text tower has.</summary>
    public const int Heads = 4;

    /// <summary>Pixels along the side of what the image tower's last layer takes as one.</summary>
    public const int PixelsPerCell = 16;

    private const double MaxScale = 100;

    private readonly ImageTower _image;
    private readonly TextTower _text;
    private readonly Parameter _scale;

    public ClipNetwork(WeightInitializer weights, ClipSizes sizes)
        : base("Clip")
    {
        Sizes = sizes;
        register_module("image", _image = new(weights, sizes.Width, sizes.Dim, sizes.Side / PixelsPerCell));
        register_module("text", _text = new(weights, sizes));
        register_parameter("logit_scale", _scale = weights.Constant(Math.Log(10)));
    }

    public ClipSizes Sizes { get; }

    /// <summary>What the similarity is multiplied by.</summary>
    public Tensor Scale => _scale.exp().Clamped(0, MaxScale);

    /// <summary>Pixels in 0 to 1 -> unit vectors, (N, D).</summary>
    public Tensor EmbedImages(Tensor pixels) => _image.forward(pixels);

    /// <summary>Ids, (N, T) -> unit vectors, (N, D).</summary>
    public Tensor EmbedTexts(Tensor text) => _text.forward(text);

    private sealed class ImageTower : Module<Tensor, Tensor>
    {
        private readonly Layers _net;
        private readonly LinearLayer _projection;

        public ImageTower(WeightInitializer weights, int width, int dim, int cells)
            : base("ImageTower")
        {
            var inputs = 2 * width * cells * cells;
            register_module("net", _net = new(
                Function.Unshuffle(4), new Convolution(weights, 48, width, kernel: 3, padding: 1), Function.Relu(),
                new Convolution(weights, width, width, kernel: 4, stride: 2, padding: 1), new ResidualBlock(weights, width), Function.Relu(),
                new Convolution(weights, width, 2 * width, kernel: 4, stride: 2, padding: 1), new ResidualBlock(weights, 2 * width), Function.Relu()));
            register_module("proj", _projection = new(weights.Uniform(inputs, dim, inputs), weights.Uniform(inputs, dim)));
        }

        public override Tensor forward(Tensor pixels) => Unit(_projection.forward(_net.forward(pixels).flatten(1)));
    }

    private sealed class TextTower : Module<Tensor, Tensor>
    {
        private readonly EmbeddingTable _text, _positions;
        private readonly Block[] _blocks;
        private readonly Normalization _norm;
        private readonly LinearLayer _projection;

        public TextTower(WeightInitializer weights, ClipSizes sizes)
            : base("TextTower")
        {
            var width = sizes.TextWidth;
            register_module("text_emb", _text = new(weights, sizes.Vocab + sizes.TextLen, width));
            register_module("text_pos", _positions = new(weights, sizes.TextLen, width));
            _blocks = [.. Enumerable.Range(0, sizes.Layers).Select(_ => new Block(weights, width, sizes.Heads, sizes.Layers))];
            register_module("blocks", ModuleList<Module>([.. _blocks]));
            register_module("ln", _norm = new(weights, width));
            // As small as the recipes have it: "proj.weight" counts as one before a shortcut's sum there.
            var deviation = Block.Deviation / Math.Sqrt(2 * sizes.Layers);
            register_module("proj", _projection = new(weights.Normal(deviation, sizes.Dim, width), weights.Constant(0, sizes.Dim)));
        }

        public override Tensor forward(Tensor text) =>
            Unit(_projection.forward(_norm.forward(_blocks.Aggregate(_text.forward(text).Plus(_positions.Weight), (x, block) => block.forward(x))).mean([1])));
    }

    private static Tensor Unit(Tensor x) => functional.normalize(x.to(ScalarType.Float32), dim: 1);
}
