using Dalle.ML.Export.Architectures;
using Dalle.ML.Training.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Training.Networks;

/// <summary>Sizes of a transformer.</summary>
/// <param name="Layers">Number of layers.</param>
/// <param name="Dim">Channels.</param>
/// <param name="Heads">Heads of a layer's attention.</param>
/// <param name="Vocab">Number of text tokens without padding.</param>
/// <param name="TextLen">Number of text positions.</param>
/// <param name="ImageVocab">Number of image tokens that there are.</param>
/// <param name="Grid">Image tokens along a side.</param>
/// <param name="Attention"><c>full</c> or <c>sparse</c>.</param>
/// <param name="CodeDim">Channels of the codebook that embeddings share, as the Python recipes have it; 0 of those that can be trained here.</param>
internal sealed record TransformerSizes(int Layers, int Dim, int Heads, int Vocab, int TextLen, int ImageVocab, int Grid, string Attention, int CodeDim = 0);

/// <summary>DALL·E's transformer over text and then image tokens; position i of a text has the id vocab + i where it is padding.</summary>
internal sealed class TransformerNetwork : Module
{
    // Far below every score, and not infinite: a row of infinities would be no number in bfloat16.
    private const float Hidden = -1e4f;

    private readonly EmbeddingTable _text, _textPositions, _image, _rows, _columns;
    private readonly Block[] _blocks;
    private readonly Normalization _norm;
    private readonly LinearLayer _textHead, _imageHead;
    private readonly Tensor _masks;

    public TransformerNetwork(WeightInitializer weights, TransformerSizes sizes, Device device)
        : base("Transformer")
    {
        Sizes = sizes;
        var textIds = sizes.Vocab + sizes.TextLen;
        register_module("text_emb", _text = new(weights, textIds, sizes.Dim));
        register_module("text_pos", _textPositions = new(weights, sizes.TextLen, sizes.Dim));
        register_module("image_emb", _image = new(weights, sizes.ImageVocab, sizes.Dim));
        register_module("row_emb", _rows = new(weights, sizes.Grid, sizes.Dim));
        register_module("col_emb", _columns = new(weights, sizes.Grid, sizes.Dim));
        _blocks = [.. Enumerable.Range(0, sizes.Layers).Select(_ => new Block(weights, sizes.Dim, sizes.Heads, sizes.Layers))];
        register_module("blocks", ModuleList<Module>([.. _blocks]));
        register_module("ln", _norm = new(weights, sizes.Dim));
        register_module("text_head", _textHead = Head(textIds));
        register_module("image_head", _imageHead = Head(sizes.ImageVocab));
        _masks = MakeMasks(sizes).to(device);

        LinearLayer Head(int to) => new(weights.Normal(Block.Deviation, to, sizes.Dim), weights.Constant(0, to));
    }

    public TransformerSizes Sizes { get; }

    /// <summary>Nats per image token and per text token.</summary>
    /// <param name="text">(B, text).</param>
    /// <param name="image">(B, grid²).</param>
    public (Tensor Image, Tensor Text) Losses(Tensor text, Tensor image)
    {
        var x = Run(text, image.narrow(1, 0, image.shape[1] - 1));
        return (
            Loss(_imageHead.forward(x.narrow(1, Sizes.TextLen - 1, image.shape[1])), image),
            Loss(_textHead.forward(x.narrow(1, 0, Sizes.TextLen - 1)), text.narrow(1, 1, Sizes.TextLen - 1)));
    }

    /// <summary>Samples the image tokens of texts.</summary>
    public Tensor Sample(Tensor text, double temperature, Generator random)
    {
        var image = zeros([text.shape[0], 0], ScalarType.Int64, text.device);
        while (image.shape[1] < Sizes.Grid * Sizes.Grid)
        {
            var x = Run(text, image);
            var logits = _imageHead.forward(x.narrow(1, x.shape[1] - 1, 1).squeeze(1)).to(ScalarType.Float32);
            image = cat([image, logits.Over(temperature).softmax(-1).multinomial(1, generator: random)], 1);
        }
        return image;
    }

    /// <summary>The states of all positions of a text and the beginning of an image, (B, T, C).</summary>
    private Tensor Run(Tensor text, Tensor image)
    {
        var positions = _rows.Weight.unsqueeze(1).Plus(_columns.Weight).flatten(0, 1).narrow(0, 0, image.shape[1]);
        var x = cat([_text.forward(text).Plus(_textPositions.Weight), _image.forward(image).Plus(positions)], 1);
        for (var i = 0; i < _blocks.Length; i++)
            x = _blocks[i].Run(x, _masks[Math.Min(i, _masks.shape[0] - 1)].narrow(0, 0, x.shape[1]).narrow(1, 0, x.shape[1]));
        return _norm.forward(x);
    }

    private static Tensor Loss(Tensor logits, Tensor ids) =>
        functional.cross_entropy(logits.to(ScalarType.Float32).flatten(0, 1), ids.flatten());

    /// <summary>What is added to the scores of each layer, (L, T, T); (1, T, T) where all layers attend to all before.</summary>
    private static Tensor MakeMasks(TransformerSizes sizes)
    {
        var length = sizes.TextLen + sizes.Grid * sizes.Grid;
        var sparse = new SparseAttention(sizes.TextLen, sizes.Grid);
        var layers = sizes.Attention == "sparse" ? sizes.Layers : 1;
        var values = new float[layers, length, length];
        for (var layer = 0; layer < layers; layer++)
        {
            for (var query = 0; query < length; query++)
            {
                for (var key = 0; key < length; key++)
                {
                    var sees = key <= query && (sizes.Attention != "sparse" || sparse.Sees(SparseAttention.PatternOf(layer, sizes.Layers), query, key));
                    values[layer, query, key] = sees ? 0 : Hidden;
                }
            }
        }
        return tensor(values);
    }
}
