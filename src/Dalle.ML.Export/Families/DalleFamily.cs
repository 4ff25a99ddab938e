using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Graph;
using Dalle.ML.Models;
using static Dalle.ML.Export.Graph.TensorProto.Types;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Our own models, trained by the recipes under <c>onnx/training</c>: a folder with <c>config.json</c>, byte-level BPE files and
/// <c>transformer</c>, <c>dvae</c> and <c>clip</c> as safetensors. The transformer is DALL·E's (Ramesh et al. 2021, section 2): text and
/// image in one causal stream, padding ids of their own, image positions as the sum of a row and a column embedding.
/// </summary>
internal static class DalleFamily
{
    public static Manifest Export(string source, BundleWriter bundle)
    {
        var config = Config.Read(Path.Combine(source, "config.json"));
        using var transformer = Checkpoint.Open(Path.Combine(source, config.Transformer.File));
        using var dvae = Checkpoint.Open(Path.Combine(source, config.Dvae.File));
        using var clip = Checkpoint.Open(Path.Combine(source, config.Clip.File));

        bundle.Copy(Path.Combine(source, "vocab.json"));
        bundle.Copy(Path.Combine(source, "merges.txt"));
        var text = new TextFormat
        {
            Tokenizer = new TokenizerFiles
            {
                Kind = TokenizerKind.ByteLevelBpe,
                Vocabulary = "vocab.json",
                Merges = "merges.txt",
                Lowercase = config.Text.Lowercase,
            },
            Length = config.Text.Length,
            Padding = Padding.PerPosition,
            PaddingId = config.Text.VocabSize,
        };
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = config.Name,
            Family = "dalle",
            Precision = "fp32",
            Image = new ImageFormat
            {
                Width = config.ImageSize,
                Height = config.ImageSize,
                Rows = config.Grid,
                Columns = config.Grid,
                Vocabulary = config.ImageVocab,
            },
            Text = text,
            Decoder = Decoder(bundle, transformer, config),
            ImageEncoder = ImageEncoder(bundle, dvae, config),
            ImageDecoder = ImageDecoder(bundle, dvae, config),
            Clip = new ClipGraphs
            {
                TextEncoder = ClipText(bundle, clip, config),
                ImageEncoder = ClipImage(bundle, clip, config),
                Text = text,
                Embedding = config.Clip.Embedding,
                ImageSize = config.ImageSize,
                Scale = MathF.Min(MathF.Exp(clip.Read("logit_scale").Values[0]), 100),
            },
            Sampling = new SamplingDefaults { Temperature = 0.6f, Guidance = 2, Candidates = 8 },
            Files = [],
        };
    }

    private static DecoderGraph Decoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        var (layers, heads, dim) = (config.Transformer.Layers, config.Transformer.Heads, config.Transformer.Dim);
        var graph = new DecoderGraph
        {
            File = "decoder.onnx",
            ImageIdOffset = weights.Read("text_emb.weight").Shape[0],
            Cache = new KeyValueCache
            {
                Layers = layers,
                Heads = heads,
                HeadSize = dim / heads,
                Capacity = config.Text.Length + config.Grid * config.Grid,
            },
        };
        using var g = bundle.Graph(graph.File);
        var ids = g.Input(graph.Ids, DataType.Int64, "batch", "sequence");
        var totalLength = g.Input(graph.TotalLength, DataType.Int32, 1);
        Dimension[] cache = ["batch", heads, graph.Cache.Capacity, dim / heads];

        // The ids of one call are the last of totalLength positions, in every row alike.
        var shape = g.Node("Shape", [ids]);
        var batch = g.Node("Slice", [shape, g.Constant("zero", 0), g.Constant("one", 1)]);
        var sequence = g.Node("Gather", [shape, g.Scalar("sequence_axis", 1L)]);
        var end = g.Node("Squeeze", [g.Node("Cast", [totalLength], ("to", (long)DataType.Int64))]);
        var positions = g.Node("Range", [g.Node("Sub", [end, sequence]), end, g.Scalar("step", 1L)]);
        var lastIndex = g.Node("Expand", [g.Node("Sub", [totalLength, g.Scalar("last", 1)]), batch]);

        string x;
        using (g.Scope("embedding"))
        {
            var tokens = g.Weight("token", Tensor.Concat(weights.Read("text_emb.weight"), weights.Read("image_emb.weight")));
            var places = g.Weight("position", Tensor.Concat(weights.Read("text_pos.weight"), ImagePositions(weights)));
            x = g.Node("Add", [g.Node("Gather", [tokens, ids]), g.Node("Gather", [places, positions])]);
        }

        for (var layer = 0; layer < layers; layer++)
        {
            Tensor Read(string name) => weights.Read($"blocks.{layer}.{name}");
            using var scope = g.Scope($"layer_{layer}");
            var names = graph.Cache.Names(layer).ToArray();
            foreach (var (past, present) in names)
            {
                g.Input(past, DataType.Float, cache);
                g.Output(present, DataType.Float, cache);
            }
            using (g.Scope("attention"))
            {
                var qkv = g.Linear(g.LayerNorm(x, Read("ln1.weight"), Read("ln1.bias")), Read("qkv.weight"), Read("qkv.bias"));
                var attended = g.Contrib("GroupQueryAttention", [qkv, "", "", names[0].Past, names[1].Past, lastIndex, totalLength],
                    [g.Unique("attended"), names[0].Present, names[1].Present], ("num_heads", heads), ("kv_num_heads", heads));
                x = g.Node("Add", [x, g.Linear(attended, Read("proj.weight"), Read("proj.bias"))]);
            }
            using (g.Scope("mlp"))
                x = Mlp(g, x, Read);
        }

        using (g.Scope("head"))
        {
            var last = g.Node("Gather", [x, g.Scalar("last_position", -1L)], ("axis", 1));
            var normed = g.LayerNorm(last, weights.Read("ln.weight"), weights.Read("ln.bias"));
            var product = g.Node("MatMul", [normed, g.Weight("weight", weights.Read("image_head.weight").Transpose(1, 0))]);
            g.Node("Add", [product, g.Weight("bias", weights.Read("image_head.bias"))], [graph.Logits]);
        }
        g.Output(graph.Logits, DataType.Float, "batch", config.ImageVocab);
        g.Save();
        return graph;
    }

    /// <summary>The position embedding of image token i: that of its row plus that of its column.</summary>
    private static Tensor ImagePositions(Checkpoint weights)
    {
        var (row, column) = (weights.Read("row_emb.weight"), weights.Read("col_emb.weight"));
        var (rows, columns, dim) = (row.Shape[0], column.Shape[0], row.Shape[1]);
        var sum = new float[rows * columns * dim];
        for (var i = 0; i < sum.Length; i++)
            sum[i] = row.Values[i / (columns * dim) * dim + i % dim] + column.Values[i % (columns * dim)];
        return new Tensor(sum, isHalf: false, rows * columns, dim);
    }

    private static string Mlp(GraphBuilder g, string x, Func<string, Tensor> read)
    {
        var hidden = g.Linear(g.LayerNorm(x, read("ln2.weight"), read("ln2.bias")), read("fc1.weight"), read("fc1.bias"));
        return g.Node("Add", [x, g.Linear(g.Node("Gelu", [hidden]), read("fc2.weight"), read("fc2.bias"))]);
    }

    /// <summary>Nearest code of every patch: the last convolution's outputs are, up to a constant, the negative squared distances.</summary>
    private static string ImageEncoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        using var g = bundle.Graph("image_encoder.onnx");
        Tensor Read(string name) => weights.Read("encoder." + name);
        var x = g.Input("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        x = g.Node("Sub", [g.Node("Mul", [x, g.Scalar("two", 2f)]), g.Scalar("one", 1f)]);
        using (g.Scope("conv_in"))
            x = g.Relu(g.Convolution(x, Read("conv_in.weight"), Read("conv_in.bias"), stride: 4, padding: 4));
        using (g.Scope("down"))
            x = g.Convolution(x, Read("down.weight"), Read("down.bias"), stride: 2, padding: 1);
        for (var i = 0; weights.Contains($"encoder.res{i}.a.weight"); i++)
            x = Residual(g, x, $"res{i}", Read);
        using (g.Scope("conv_out"))
            x = g.Convolution(g.Relu(x), Read("conv_out.weight"), Read("conv_out.bias"));
        var nearest = g.Node("ArgMax", [x], ("axis", 1), ("keepdims", 0));
        g.Node("Flatten", [nearest], ["tokens"]);
        g.Output("tokens", DataType.Int64, "batch", config.Grid * config.Grid);
        g.Save();
        return "image_encoder.onnx";
    }

    private static string ImageDecoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        using var g = bundle.Graph("image_decoder.onnx");
        Tensor Read(string name) => weights.Read("decoder." + name);
        string Convolution(string x, string name, int padding)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, Read(name + ".weight"), Read(name + ".bias"), padding: padding);
        }

        var tokens = g.Input("tokens", DataType.Int64, "batch", config.Grid * config.Grid);
        var codes = g.Node("Gather", [g.Weight("codebook", Read("codebook.weight")), tokens]);
        var planes = g.Node("Transpose", [codes], ("perm", new long[] { 0, 2, 1 }));
        var x = g.Node("Reshape", [planes, g.Constant("grid", 0, config.Dvae.CodeDim, config.Grid, config.Grid)]);
        x = Convolution(x, "net.0", padding: 1);
        x = Residual(g, x, "net.1", Read);
        x = Residual(g, x, "net.2", Read);
        x = Residual(g, x, "net.3", Read);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.5", padding: 0), 2);
        x = Residual(g, x, "net.7", Read);
        x = Residual(g, x, "net.8", Read);
        x = g.PixelShuffle(Convolution(g.Relu(x), "net.10", padding: 1), 4);
        x = g.Node("Add", [x, g.Scalar("half", 0.5f)]);
        g.Node("Clip", [x, g.Scalar("black", 0f), g.Scalar("white", 1f)], ["pixels"]);
        g.Output("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        g.Save();
        return "image_decoder.onnx";
    }

    private static string ClipText(BundleWriter bundle, Checkpoint weights, Config config)
    {
        const int Heads = 4;
        using var g = bundle.Graph("clip_text.onnx");
        Tensor Read(string name) => weights.Read("text." + name);
        var ids = g.Input("ids", DataType.Int64, "batch", config.Text.Length);
        var x = g.Node("Add", [g.Node("Gather", [g.Weight("token", Read("text_emb.weight")), ids]), g.Weight("position", Read("text_pos.weight"))]);
        for (var layer = 0; weights.Contains($"text.blocks.{layer}.qkv.weight"); layer++)
        {
            Tensor ReadLayer(string name) => Read($"blocks.{layer}.{name}");
            using var scope = g.Scope($"layer_{layer}");
            using (g.Scope("attention"))
            {
                var qkv = g.Linear(g.LayerNorm(x, ReadLayer("ln1.weight"), ReadLayer("ln1.bias")), ReadLayer("qkv.weight"), ReadLayer("qkv.bias"));
                string[] parts = [g.Unique("query"), g.Unique("key"), g.Unique("value")];
                g.Node("Split", [qkv], parts, ("axis", -1), ("num_outputs", 3));
                var attended = g.Contrib("MultiHeadAttention", parts, attributes: ("num_heads", Heads));
                x = g.Node("Add", [x, g.Linear(attended, ReadLayer("proj.weight"), ReadLayer("proj.bias"))]);
            }
            using (g.Scope("mlp"))
                x = Mlp(g, x, ReadLayer);
        }
        var mean = g.Node("ReduceMean", [g.LayerNorm(x, Read("ln.weight"), Read("ln.bias")), g.Constant("positions", 1)], ("keepdims", 0));
        return Embedding(g, g.Linear(mean, Read("proj.weight"), Read("proj.bias")), config, "clip_text.onnx");
    }

    private static string ClipImage(BundleWriter bundle, Checkpoint weights, Config config)
    {
        using var g = bundle.Graph("clip_image.onnx");
        Tensor Read(string name) => weights.Read("image." + name);
        string Convolution(string x, string name, Tensor weight, int stride, int padding)
        {
            using var scope = g.Scope(name);
            return g.Convolution(x, weight, Read(name + ".bias"), stride, padding);
        }

        var x = g.Input("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        x = g.Relu(Convolution(x, "net.1", Read("net.1.weight").UnfoldPixelUnshuffle(4), stride: 4, padding: 4));
        x = Convolution(x, "net.3", Read("net.3.weight"), stride: 2, padding: 1);
        x = g.Relu(Residual(g, x, "net.4", Read));
        x = Convolution(x, "net.6", Read("net.6.weight"), stride: 2, padding: 1);
        x = g.Relu(Residual(g, x, "net.7", Read));
        return Embedding(g, g.Linear(g.Node("Flatten", [x]), Read("proj.weight"), Read("proj.bias")), config, "clip_image.onnx");
    }

    /// <summary>x + b(relu(a(relu(x)))), both convolutions 3 × 3.</summary>
    private static string Residual(GraphBuilder g, string x, string name, Func<string, Tensor> read)
    {
        using var scope = g.Scope(name);
        var path = g.Convolution(g.Relu(x), read(name + ".a.weight"), read(name + ".a.bias"), padding: 1);
        path = g.Convolution(g.Relu(path), read(name + ".b.weight"), read(name + ".b.bias"), padding: 1);
        return g.Node("Add", [x, path]);
    }

    private static string Embedding(GraphBuilder g, string x, Config config, string file)
    {
        g.Node("LpNormalization", [x], ["embedding"], ("axis", -1), ("p", 2));
        g.Output("embedding", DataType.Float, "batch", config.Clip.Embedding);
        g.Save();
        return file;
    }

    /// <summary>The part of <c>config.json</c> that the weights alone do not tell.</summary>
    private sealed record Config(
        string Name, int ImageSize, int Grid, int ImageVocab, Config.TextPart Text, Config.TransformerPart Transformer, Config.DvaePart Dvae, Config.ClipPart Clip)
    {
        private static readonly JsonSerializerOptions Json = new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            RespectRequiredConstructorParameters = true,
            RespectNullableAnnotations = true,
        };

        public static Config Read(string path)
        {
            try
            {
                var config = JsonSerializer.Deserialize<Config>(File.ReadAllBytes(path), Json) ?? throw new JsonException("it is null");
                var isSound = config is { ImageSize: > 0, Grid: > 0, ImageVocab: > 1, Text.Length: > 0, Transformer: { Layers: > 0, Heads: > 0 } }
                    && config.Transformer.Dim % config.Transformer.Heads == 0;
                return isSound ? config : throw new JsonException("a size is missing or not positive, or dim is not a multiple of heads");
            }
            catch (JsonException exception)
            {
                throw new InvalidDataException($"'{path}' is not the configuration of a model of the family 'dalle': {exception.Message}", exception);
            }
        }

        public sealed record TextPart(bool Lowercase, int VocabSize, int Length);

        public sealed record TransformerPart(string File, int Layers, int Dim, int Heads);

        public sealed record DvaePart(string File, int CodeDim);

        public sealed record ClipPart(string File, int Embedding);
    }
}
