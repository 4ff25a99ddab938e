using System.Text.Json;
using System.Text.Json.Serialization;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Our own models, trained by the recipes under <c>onnx/training</c>: a folder with <c>config.json</c>, byte-level BPE files and
/// <c>transformer</c>, <c>dvae</c> and <c>clip</c> as safetensors. The transformer is DALL·E's (Ramesh et al. 2021, section 2): text and
/// image in one causal stream, padding ids of their own, image positions as the sum of a row and a column embedding; with its sparse
/// attention if the configuration says so.
/// </summary>
internal static class DalleFamily
{
    private static readonly LayerNames Names = new()
    {
        Attention = layer => $"blocks.{layer}.",
        Mlp = layer => $"blocks.{layer}.",
        AttentionNorm = "ln1",
        Qkv = "qkv",
        Output = "proj",
        MlpNorm = "ln2",
        Up = "fc1",
        Down = "fc2",
    };

    // The paper's, two of the shape of GPTs of their size, to measure speed with, and one to try things out with.
    private static readonly Dictionary<string, Config> Sizes = new()
    {
        ["paper"] = Config.Random("paper", grid: 32, textLength: 256, layers: 64, dim: 3968, heads: 62, isSparse: true),
        ["12x512"] = Config.Random("12x512", grid: 16, textLength: 64, layers: 12, dim: 512, heads: 8),
        ["24x1024"] = Config.Random("24x1024", grid: 16, textLength: 64, layers: 24, dim: 1024, heads: 16),
        ["tiny"] = Config.Random("tiny", grid: 8, textLength: 32, layers: 4, dim: 64, heads: 4, isSparse: true),
    };

    public static ModelFamily Family { get; } = new("dalle", "a folder with config.json, vocab.json, merges.txt and safetensors", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string> { ["heads"] = "Number of attention heads; by default that in config.json (transformer.heads), or the size's." },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var config = source.Size is { } size ? Sizes[size] : Config.Read(source.Find(0, "config.json"));
        var heads = AttentionHeads.Of(config.Transformer.Dim, source.Setting("heads") ?? config.Transformer.Heads);
        ModelSizes.Check(config.Text.Length, config.Grid);
        var transformer = source.OpenModel(0, "text_emb.weight", config.Transformer.File);
        var dvae = source.OpenModel(1, "decoder.codebook.weight", config.Dvae.File);
        if (source.Size is null)
            config = config with { Dvae = config.Dvae.Infer(dvae) };

        var text = new TextFormat
        {
            Tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle),
            Cleaning = config.Text.Lowercase ? [TextCleaning.Lowercase] : [],
            Vocabulary = config.Text.VocabSize + config.Text.Length,
            Length = config.Text.Length,
            Padding = Padding.PerPosition,
            PaddingId = config.Text.VocabSize,
        };
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = config.Name,
            Family = "dalle",
            Precision = source.Precision.Name(),
            Image = new ImageFormat
            {
                Width = config.ImageSize,
                Height = config.ImageSize,
                Rows = config.Grid,
                Columns = config.Grid,
                CodebookSize = config.ImageVocab,
            },
            Text = text,
            Decoder = Transformer(transformer, config, heads).Write(bundle, transformer, source.Precision),
            ImageEncoder = ImageEncoder(bundle, dvae, config),
            ImageDecoder = ImageDecoder(bundle, dvae, config),
            Clip = config.Clip is { } clip ? Clip(source, bundle, clip, config, text) : null,
            Sampling = new SamplingDefaults { Temperature = 0.5f, Guidance = 1.2f, Candidates = 8 },
            Files = [],
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.ByteLevelBpe,
        Vocabulary = bundle.Copy(source.Find(0, "vocab.json")),
        Merges = bundle.Copy(source.Find(0, "merges.txt")),
    };

    private static ClipGraphs Clip(ExportSource source, BundleWriter bundle, Config.ClipPart part, Config config, TextFormat text)
    {
        var clip = source.OpenModel(2, "logit_scale", part.File);
        return new ClipGraphs
        {
            TextEncoder = ClipText(bundle, clip, config, part.Embedding),
            ImageEncoder = ClipImage(bundle, clip, config, part.Embedding),
            Text = text,
            EmbeddingDimension = part.Embedding,
            ImageSize = config.ImageSize,
            Scale = MathF.Min(MathF.Exp(clip.Read("logit_scale").Values[0]), 100),
        };
    }

    private static GptDecoder Transformer(Checkpoint weights, Config config, AttentionHeads heads)
    {
        var (layers, dim) = (config.Transformer.Layers, config.Transformer.Dim);
        var textIds = config.Text.VocabSize + config.Text.Length;
        var sparse = config.Transformer.SparseAttention ? new SparseAttention(config.Text.Length, config.Grid) : null;
        return new GptDecoder
        {
            Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = heads, Names = Names },
            TextIds = textIds,
            TextLength = config.Text.Length,
            Grid = config.Grid,
            CodebookSize = config.ImageVocab,
            Tokens = () => Tensor.Concat(weights.Read("text_emb.weight", textIds, dim), weights.Read("image_emb.weight", config.ImageVocab, dim)),
            Positions = () => Tensor.Concat(
                weights.Read("text_pos.weight", config.Text.Length, dim),
                Layers.GridPositions(weights.Read("row_emb.weight", config.Grid, dim), weights.Read("col_emb.weight", config.Grid, dim))),
            Mask = layer => sparse?.Mask(layer, layers),
            FinalNorms = ["ln"],
            Head = () => (weights.Read("image_head.weight", config.ImageVocab, dim), weights.Read("image_head.bias", config.ImageVocab)),
        };
    }

    /// <summary>Nearest code of every patch: the last convolution's outputs are, up to a constant, the negative squared distances.</summary>
    private static string ImageEncoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        using var g = bundle.ImageGraph("image_encoder.onnx");
        var width = config.Dvae.Width;
        weights = weights.Subtree("encoder.");
        var x = g.Input("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        x = g.Node("Sub", [g.Node("Mul", [x, g.Scalar("two", 2f)]), g.Scalar("one", 1f)]);
        using (g.Scope("conv_in"))
        {
            var weight = weights.Read("conv_in.weight", width / 2, 3, 12, 12);
            x = g.Relu(g.Convolution(x, weight, weights.Read("conv_in.bias", width / 2), stride: 4, padding: 4));
        }
        using (g.Scope("down"))
            x = g.Convolution(x, weights.Read("down.weight", width, width / 2, 4, 4), weights.Read("down.bias", width), stride: 2, padding: 1);
        for (var i = 0; i < config.Dvae.EncoderBlocks; i++)
            x = Residual(g, x, $"res{i}", weights, width);
        using (g.Scope("conv_out"))
        {
            var weight = weights.Read("conv_out.weight", config.ImageVocab, width, 1, 1);
            x = g.Convolution(g.Relu(x), weight, weights.Read("conv_out.bias", config.ImageVocab));
        }
        var nearest = g.Node("ArgMax", [x], ("axis", 1), ("keepdims", 0));
        g.Node("Flatten", [nearest], ["tokens"]);
        g.Output("tokens", DataType.Int64, "batch", config.Grid * config.Grid);
        g.Save();
        return "image_encoder.onnx";
    }

    private static string ImageDecoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        using var g = bundle.ImageGraph("image_decoder.onnx");
        weights = weights.Subtree("decoder.");
        var (width, codeDim) = (config.Dvae.Width, config.Dvae.CodeDim);
        string Convolution(string x, string name, int from, int to, int kernel)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, weights.Read(name + ".weight", to, from, kernel, kernel), weights.Read(name + ".bias", to), padding: kernel / 2);
        }

        var tokens = g.Input("tokens", DataType.Int64, "batch", config.Grid * config.Grid);
        var codes = g.Node("Gather", [g.Weight("codebook", weights.Read("codebook.weight", config.ImageVocab, codeDim)), tokens]);
        var planes = g.Node("Transpose", [codes], ("perm", new long[] { 0, 2, 1 }));
        var x = g.Node("Reshape", [planes, g.Constant("grid", 0, codeDim, config.Grid, config.Grid)]);
        x = Convolution(x, "net.0", from: codeDim, to: width, kernel: 3);
        x = Residual(g, x, "net.1", weights, width);
        x = Residual(g, x, "net.2", weights, width);
        x = Residual(g, x, "net.3", weights, width);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.5", from: width, to: 2 * width, kernel: 1), 2);
        x = Residual(g, x, "net.7", weights, width / 2);
        x = Residual(g, x, "net.8", weights, width / 2);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.10", from: width / 2, to: 3 * 4 * 4, kernel: 3), 4);
        x = g.Node("Add", [x, g.Scalar("half", 0.5f)]);
        if (config.Dvae.LogitLaplace)
            x = g.Node("Div", [g.Node("Sub", [g.Node("Sigmoid", [x]), g.Scalar("margin", 0.1f)]), g.Scalar("range", 0.8f)]);
        g.Node("Clip", [x, g.Scalar("black", 0f), g.Scalar("white", 1f)], ["pixels"]);
        g.Output("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        g.Save();
        return "image_decoder.onnx";
    }

    private static string ClipText(BundleWriter bundle, Checkpoint weights, Config config, int embedding)
    {
        const int Heads = 4;
        using var g = bundle.Graph("clip_text.onnx");
        weights = weights.Subtree("text.");
        var dim = weights.Shape("text_emb.weight")[1];
        var ids = g.Input("ids", DataType.Int64, "batch", config.Text.Length);
        var x = g.Node("Add", [g.Node("Gather", [g.Weight("token", weights.Read("text_emb.weight")), ids]), g.Weight("position", weights.Read("text_pos.weight"))]);
        var layers = new TransformerLayers
        {
            Count = weights.Count("blocks.", ".qkv.weight"),
            Dim = dim,
            Heads = AttentionHeads.Of(dim, Heads) with { IsPadded = false },
            Names = Names,
        };
        x = layers.Run(g, x, weights, (_, qkv) => g.SelfAttention(qkv, Heads));
        var mean = g.Node("ReduceMean", [g.LayerNorm(x, weights.Read("ln.weight"), weights.Read("ln.bias")), g.Constant("positions", 1)], ("keepdims", 0));
        return Embedding(g, g.Linear(mean, weights.Read("proj.weight"), weights.Read("proj.bias")), embedding, "clip_text.onnx");
    }

    private static string ClipImage(BundleWriter bundle, Checkpoint weights, Config config, int embedding)
    {
        using var g = bundle.Graph("clip_image.onnx");
        weights = weights.Subtree("image.");
        string Convolution(string x, string name, Tensor weight, int stride, int padding)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, weight, weights.Read(name + ".bias"), stride, padding);
        }

        var x = g.Input("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        x = g.Relu(Convolution(x, "net.1", weights.Read("net.1.weight").UnfoldPixelUnshuffle(4), stride: 4, padding: 4));
        x = Convolution(x, "net.3", weights.Read("net.3.weight"), stride: 2, padding: 1);
        x = g.Relu(Residual(g, x, "net.4", weights, weights.Shape("net.3.bias")[0]));
        x = Convolution(x, "net.6", weights.Read("net.6.weight"), stride: 2, padding: 1);
        x = g.Relu(Residual(g, x, "net.7", weights, weights.Shape("net.6.bias")[0]));
        return Embedding(g, g.Linear(g.Node("Flatten", [x]), weights.Read("proj.weight"), weights.Read("proj.bias")), embedding, "clip_image.onnx");
    }

    /// <summary>x + b(relu(a(relu(x)))), both convolutions 3 × 3.</summary>
    private static string Residual(GraphBuilder g, string x, string name, Checkpoint weights, int width)
    {
        using var scope = g.Scope(name);
        string Convolution(string x, string layer) => g.Convolution(
            g.Relu(x), weights.Read($"{name}.{layer}.weight", width, width, 3, 3), weights.Read($"{name}.{layer}.bias", width), padding: 1);
        return g.Node("Add", [x, Convolution(Convolution(x, "a"), "b")]);
    }

    private static string Embedding(GraphBuilder g, string x, int embedding, string file)
    {
        g.Node("LpNormalization", [x], ["embedding"], ("axis", -1), ("p", 2));
        g.Output("embedding", DataType.Float, "batch", embedding);
        g.Save();
        return file;
    }

    /// <summary>The part of <c>config.json</c> that the weights alone do not tell.</summary>
    private sealed record Config(
        string Name, int ImageSize, int Grid, int ImageVocab,
        Config.TextPart Text, Config.TransformerPart Transformer, Config.DvaePart Dvae, Config.ClipPart? Clip = null)
    {
        private static readonly JsonSerializerOptions Json = new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            RespectRequiredConstructorParameters = true,
            RespectNullableAnnotations = true,
        };

        /// <summary>With DALL·E's vocabularies.</summary>
        public static Config Random(string name, int grid, int textLength, int layers, int dim, int heads, bool isSparse = false) => new(
            name, ImageSize: 8 * grid, grid, ImageVocab: 8192, new TextPart(Lowercase: true, VocabSize: 16384, textLength),
            new TransformerPart("transformer", layers, dim, heads, isSparse), new DvaePart("dvae", CodeDim: 32) { Width = 128, EncoderBlocks = 3 });

        public static Config Read(string path)
        {
            try
            {
                var config = JsonSerializer.Deserialize<Config>(File.ReadAllBytes(path), Json) ?? throw new JsonException("it is null");
                if (config is not { ImageSize: > 0, ImageVocab: > 1, Text.VocabSize: > 0, Transformer.Layers: > 0 })
                    throw new JsonException("a size is missing or not positive");
                return config;
            }
            catch (JsonException exception)
            {
                throw new InvalidDataException($"'{path}' is not the configuration of a model of the family 'dalle': {exception.Message}", exception);
            }
        }

        public sealed record TextPart(bool Lowercase, int VocabSize, int Length);

        public sealed record TransformerPart(string File, int Layers, int Dim, int Heads, bool SparseAttention = false);

        /// <summary>The decoder may give the means of DALL·E's logit-Laplace likelihood (Ramesh et al. 2021, appendix A.3).</summary>
        public sealed record DvaePart(string File, int CodeDim, bool LogitLaplace = false)
        {
            /// <summary>Channels at the size of the grid.</summary>
            [JsonIgnore]
            public int Width { get; init; }

            [JsonIgnore]
            public int EncoderBlocks { get; init; }

            public DvaePart Infer(Checkpoint weights) => this with
            {
                Width = weights.Shape("decoder.net.0.bias")[0],
                EncoderBlocks = Enumerable.Range(0, weights.Names.Count).TakeWhile(block => weights.Contains($"encoder.res{block}.a.weight")).Count(),
            };
        }

        public sealed record ClipPart(string File, int Embedding);
    }
}
