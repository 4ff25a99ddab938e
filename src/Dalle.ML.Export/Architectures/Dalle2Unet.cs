using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The UNet of DALLE2-pytorch: levels of residual blocks on the way down and up, told the timestep and the image embedding, and in the
/// middle the text. What does not depend on the step is a graph of its own.
/// </summary>
internal sealed record Dalle2Unet
{
    private const int CombinerGroups = 8;
    private const int MaxSize = 8192;

    public required Dalle2Generation Generation { get; init; }

    /// <summary>Channels of the first level.</summary>
    public required int Dim { get; init; }

    /// <summary>Channels of what blocks attend to.</summary>
    public required int CondDim { get; init; }

    /// <summary>Channels of each level.</summary>
    public required UnetLevel[] Levels { get; init; }

    public required int Heads { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>Sizes of the first convolutions; a single one is no part of a list in the checkpoint if <see cref="EmbedsOnce"/>.</summary>
    public required int[] Kernels { get; init; }

    public bool EmbedsOnce { get; init; }

    public required int LastKernel { get; init; }

    public int TimeTokens { get; init; } = 2;

    public int ImageTokens { get; init; } = 4;

    /// <summary>Number of values of an image embedding; null where none is seen.</summary>
    public int? Embedding { get; init; }

    public bool AddsEmbeddingToTime { get; init; }

    /// <summary>Channels of a hidden state of the text; null where no text is seen.</summary>
    public int? TextWidth { get; init; }

    /// <summary>Number of tokens of the text.</summary>
    public int TextLength { get; init; }

    /// <summary>Whether it makes the image of the stage before larger.</summary>
    public bool SeesLowResolution { get; init; }

    /// <summary>Whether it is told how noisy that image is.</summary>
    public bool SeesNoiseLevel { get; init; }

    public bool SelfConditions { get; init; }

    /// <summary>Whether the image is halved at the beginning of a level, not at its end.</summary>
    public bool IsMemoryEfficient { get; init; }

    /// <summary>Sizes of the convolutions that halve the image, where there are several.</summary>
    public int[]? DownKernels { get; init; }

    public bool UpsamplesNearest { get; init; }

    /// <summary>Whether the last block sees the images of all levels on the way up.</summary>
    public bool CombinesLevels { get; init; }

    /// <summary>Channels of the prediction: three, or six with a variance.</summary>
    public required int Outputs { get; init; }

    public bool IsCosineSelf { get; init; }

    public bool IsCosineCross { get; init; }

    public bool StandardizesWeights { get; init; }

    /// <summary>Whether what is passed across is multiplied by √½.</summary>
    public bool ScalesSkips { get; init; }

    private bool HasCondition => Embedding is not null || TextWidth is not null;

    private int Inputs => Colors * (1 + (SeesLowResolution ? 1 : 0) + (SelfConditions ? 1 : 0));

    private int TimeDim => 4 * Dim;

    /// <param name="weights">The tensors of the network.</param>
    /// <param name="generation">Its arithmetic.</param>
    /// <param name="options">What the weights do not tell.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such a UNet.</exception>
    public static Dalle2Unet Infer(Checkpoint weights, Dalle2Generation generation, UnetOptions options)
    {
        var isMemoryEfficient = weights.Contains("init_resnet_block.block1.project.weight");
        var hasOneConvolution = weights.Contains("init_conv.weight");
        int[] KernelsOf(string name) => [.. Enumerable.Range(0, weights.Count(name + ".convs.", ".weight")).Select(i => weights.Shape($"{name}.convs.{i}.weight", rank: 4)[2])];
        var timeDim = weights.Shape("null_image_hiddens", rank: 2)[1];
        var (dim, condDim) = (timeDim / 4, weights.Shape("norm_cond.weight", rank: 1)[0]);
        if (dim == 0 || condDim == 0)
            throw new InvalidDataException("The UNet has no channels ('null_image_hiddens', 'norm_cond.weight').");
        var levels = weights.Count("ups.", ".0.block1.project.weight");
        if (levels == 0)
            throw new InvalidDataException("The UNet has no levels ('ups.0.0.block1.project.weight').");
        if (weights.Contains("to_image_hiddens.0.weight") && !weights.Contains("image_to_tokens.0.weight"))
            throw new InvalidDataException("The UNet takes the image embedding as its tokens without a product ('image_embed_dim' is 'cond_dim'), which its own package cannot run either.");
        var last = weights.Shape("to_out.weight", rank: 4);
        var headSize = weights.Shape("mid_attn.fn.fn.null_kv", rank: 2)[1];
        if (headSize == 0)
            throw new InvalidDataException("The UNet's heads have no channels ('mid_attn.fn.fn.null_kv').");
        if (options.Groups.Count != 1 && options.Groups.Count != levels)
            throw new InvalidDataException($"The UNet has {levels} levels, its configuration 'resnet_groups' for {options.Groups.Count}.");
        var down = $"downs.0.{(isMemoryEfficient ? 0 : 4)}";
        return new Dalle2Unet
        {
            Generation = generation,
            Dim = dim,
            CondDim = condDim,
            Levels = [.. Enumerable.Range(0, levels).Select(level => new UnetLevel(
                weights.Shape($"ups.{levels - 1 - level}.0.block1.project.weight", rank: 4)[0],
                weights.Count($"downs.{level}.2.", ".block1.project.weight"),
                weights.Contains($"downs.{level}.3.fn.to_qkv.weight") ? UnetAttention.Linear : weights.Contains($"downs.{level}.3.fn.fn.to_q.weight") ? UnetAttention.Full : UnetAttention.None,
                options.Groups.Count == 1 ? options.Groups[0] : options.Groups[level]))],
            Heads = weights.Shape("mid_attn.fn.fn.to_q.weight", rank: 2)[0] / headSize,
            HeadSize = headSize,
            Kernels = hasOneConvolution ? [weights.Shape("init_conv.weight", rank: 4)[2]] : KernelsOf("init_conv"),
            EmbedsOnce = hasOneConvolution,
            LastKernel = last[2],
            TimeTokens = weights.Shape("to_time_tokens.0.weight", rank: 2)[0] / condDim,
            ImageTokens = weights.Shape("null_image_embed", rank: 3)[1],
            Embedding = weights.Contains("image_to_tokens.0.weight") ? weights.Shape("image_to_tokens.0.weight", rank: 2)[1] : null,
            AddsEmbeddingToTime = weights.Contains("to_image_hiddens.0.weight"),
            TextWidth = weights.Contains("text_to_cond.weight") ? weights.Shape("text_to_cond.weight", rank: 2)[1] : null,
            TextLength = weights.Shape("null_text_embed", rank: 3)[1],
            SeesLowResolution = options.SeesLowResolution,
            SeesNoiseLevel = weights.Contains("to_lowres_noise_cond.1.weight"),
            SelfConditions = options.SelfConditions,
            IsMemoryEfficient = isMemoryEfficient,
            DownKernels = weights.Contains(down + ".convs.0.weight") ? KernelsOf(down) : null,
            UpsamplesNearest = weights.Contains("ups.0.3.1.weight"),
            CombinesLevels = weights.Contains("upsample_combiner.fmap_convs.0.project.weight"),
            Outputs = last[0],
            IsCosineSelf = options.IsCosineSelf,
            IsCosineCross = options.IsCosineCross,
            StandardizesWeights = options.StandardizesWeights,
            ScalesSkips = options.ScalesSkips,
        };
    }

    /// <summary>Checks the sizes before anything is allocated.</summary>
    /// <param name="size">Side of the images.</param>
    /// <exception cref="InvalidDataException">They do not go together.</exception>
    public void Check(int size)
    {
        var halvings = Levels.Length - (IsMemoryEfficient ? 0 : 1);
        if (halvings > 16 || size > MaxSize || size % (1 << halvings) != 0)
            throw new InvalidDataException($"The UNet halves its images {halvings} times, and its configuration gives them {size} pixels a side; that is no multiple of {1L << halvings} up to {MaxSize}.");
        if (Dim < 4 || HeadSize < 1 || Heads < 1 || TimeTokens < 1 || Outputs is not (Colors or 2 * Colors))
            throw new InvalidDataException($"The UNet has {Dim} channels, {Heads} heads of {HeadSize} and {Outputs} outputs; it must have at least 4 channels, heads, and 3 or 6 outputs.");
        if (Levels.FirstOrDefault(level => level.Groups < 1 || level.Channels % level.Groups != 0) is { } uneven)
            throw new InvalidDataException($"A level of the UNet has {uneven.Channels} channels, which are not {uneven.Groups} equal groups ('resnet_groups').");
    }

    /// <summary>Writes the graph of an image embedding and text, if it sees either, and that of a step.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="name">Name of the stage in it.</param>
    /// <param name="weights">The tensors of the network.</param>
    /// <param name="size">Side of its images.</param>
    /// <param name="sequenceLength">Number of hidden states of a text.</param>
    /// <param name="precision">How products are computed.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string? Condition, string Step) Write(BundleWriter bundle, string name, Checkpoint weights, int size, int sequenceLength, Precision precision) =>
        (HasCondition ? WriteCondition(bundle, $"{name}_condition.onnx", weights, sequenceLength, precision) : null, WriteStep(bundle, $"{name}.onnx", weights, size, precision));

    private string WriteCondition(BundleWriter bundle, string file, Checkpoint weights, int sequenceLength, Precision precision)
    {
        using var g = bundle.Graph(file, precision);
        var row = g.Input("conditional", DataType.Bool, "batch");
        var conditional = g.Node("Reshape", [row, g.Constant("row", -1, 1, 1)]);
        List<string> context = [];
        if (Embedding is { } embedding)
        {
            var z = g.Cast(g.Input("embedding", DataType.Float, "batch", embedding), DataType.Float, g.Type);
            if (AddsEmbeddingToTime)
            {
                var hidden = g.Node("Gelu", [g.Linear(z, weights, "to_image_hiddens.0", embedding, TimeDim)]);
                g.Node("Where", [g.Node("Unsqueeze", [row, g.Constant("column", 1)]), hidden, g.Weight("null_hiddens", weights.Read("null_image_hiddens", 1, TimeDim))], ["image_hiddens"]);
                g.Output("image_hiddens", g.Type, "batch", TimeDim);
            }
            var tokens = g.Node("Reshape", [g.Linear(z, weights, "image_to_tokens.0", embedding, ImageTokens * CondDim), g.Constant("tokens", 0, ImageTokens, CondDim)]);
            context.Add(g.Node("Where", [conditional, tokens, g.Weight("null_image", weights.Read("null_image_embed", 1, ImageTokens, CondDim))]));
            Output("context", "norm_cond", ImageTokens);
        }
        if (TextWidth is { } width)
            context.Add(Text(g, weights, conditional, sequenceLength, width));
        Output("mid_context", "norm_mid_cond", (Embedding is null ? 0 : ImageTokens) + (TextWidth is null ? 0 : TextLength));
        g.Save();
        return file;

        void Output(string name, string norm, int count)
        {
            var tokens = context.Count == 1 ? context[0] : g.Node("Concat", [.. context], ("axis", 1));
            g.Node("Identity", [g.LayerNorm(tokens, weights.Read(norm + ".weight", CondDim), weights.Read(norm + ".bias", CondDim))], [name]);
            g.Output(name, g.Type, "batch", count, CondDim);
        }
    }

    /// <summary>The tokens of the text [batch, length, channels], learned ones where there is none.</summary>
    private string Text(GraphBuilder g, Checkpoint weights, string conditional, int sequenceLength, int width)
    {
        var text = g.Cast(g.Input("sequence", DataType.Float, "batch", sequenceLength, width), DataType.Float, g.Type);
        var mask = g.Input("mask", DataType.Bool, "batch", sequenceLength);
        var length = Math.Min(sequenceLength, TextLength);
        if (length < sequenceLength)
        {
            string Cut(string value) => g.Node("Slice", [value, g.Constant("start", 0), g.Constant("end", length), g.Constant("axis", 1)]);
            (text, mask) = (Cut(text), Cut(mask));
        }
        var learned = weights.Read("null_text_embed", 1, TextLength, CondDim).Reshape(TextLength, CondDim);
        var shown = g.Node("And", [g.Node("Unsqueeze", [mask, g.Constant("channel", 2)]), conditional]);
        text = g.Node("Where", [shown, g.Linear(text, weights, "text_to_cond", width, CondDim), g.Weight("null_text", learned.Rows(..length))]);
        return length == TextLength ? text : g.Node("Concat", [text, g.Rows(learned.Rows(length..), g.Batch(text))], ("axis", 1));
    }

    private string WriteStep(BundleWriter bundle, string file, Checkpoint weights, int size, Precision precision)
    {
        using var g = bundle.Graph(file, precision);
        string Image(string name) => g.Cast(g.Input(name, DataType.Float, "batch", Colors, size, size), DataType.Float, g.Type);
        List<string> images = [Image("x")];
        var batch = g.Batch(images[0]);
        var t = g.Input("t", DataType.Int64, "batch");
        if (SelfConditions)
            images.Add(Image("self_condition"));
        var lowResolution = SeesLowResolution ? Image("low_res") : null;
        if (lowResolution is not null)
            images.Add(lowResolution);

        var (time, hidden) = Time(g, weights, t);
        var tokens = g.Node("Reshape", [g.Linear(hidden, weights, "to_time_tokens.0", TimeDim, TimeTokens * CondDim), g.Constant("tokens", 0, TimeTokens, CondDim)]);
        string Context(string name, string norm, int count)
        {
            using var scope = g.Scope(norm);
            var normed = g.LayerNorm(tokens, weights.Read(norm + ".weight", CondDim), weights.Read(norm + ".bias", CondDim));
            return count == 0 ? normed : g.Node("Concat", [normed, g.Input(name, g.Type, "batch", count, CondDim)], ("axis", 1));
        }
        var (imageCount, textCount) = (Embedding is null ? 0 : ImageTokens, TextWidth is null ? 0 : TextLength);
        var layers = new Dalle2UnetLayers(g, this, batch, g.Swish(time), Context("context", "norm_cond", imageCount));
        var middle = layers with { Context = Context("mid_context", "norm_mid_cond", imageCount + textCount) };

        var x = images.Count == 1 ? images[0] : g.Node("Concat", [.. images], ("axis", 1));
        if (EmbedsOnce)
        {
            using var scope = g.Scope("init_conv");
            x = layers.Convolution(x, weights, "init_conv", Inputs, Dim, Kernels[0]);
        }
        else
        {
            x = layers.CrossEmbed(x, weights, "init_conv", Inputs, Dim, Kernels, stride: 1);
        }
        x = Body(g, layers, middle, weights, x, size);
        if (lowResolution is not null && Generation.EndsWithLowResolution)
            x = g.Node("Concat", [x, lowResolution], ("axis", 1));
        var width = Dim + (lowResolution is not null && Generation.EndsWithLowResolution ? Colors : 0);
        g.Finish(layers.Convolution(x, weights, "to_out", width, Outputs, LastKernel), "batch", Outputs, size, size);
        return file;
    }

    /// <summary>The embedding that tells blocks the timestep, and the hidden states that tokens are made of.</summary>
    private (string Time, string Hidden) Time(GraphBuilder g, Checkpoint weights, string t)
    {
        using var scope = g.Scope("time");
        var hidden = g.Node("Gelu", [g.Linear(g.Sinusoid(t, Dim), weights, "to_time_hiddens.1", Dim, TimeDim)]);
        var time = g.Linear(hidden, weights, "to_time_cond.0", TimeDim, TimeDim);
        if (SeesNoiseLevel)
        {
            var level = g.Node("Gelu", [g.Linear(g.Sinusoid(g.Input("low_res_level", DataType.Int64, "batch"), Dim), weights, "to_lowres_noise_cond.1", Dim, TimeDim)]);
            time = g.Node("Add", [time, g.Linear(level, weights, "to_lowres_noise_cond.3", TimeDim, TimeDim)]);
        }
        if (Embedding is not null && AddsEmbeddingToTime)
            time = g.Node("Add", [time, g.Input("image_hiddens", g.Type, "batch", TimeDim)]);
        return (time, hidden);
    }

    private string Body(GraphBuilder g, Dalle2UnetLayers layers, Dalle2UnetLayers middle, Checkpoint weights, string x, int size)
    {
        var first = x;
        var groups = Levels[0].Groups;
        if (IsMemoryEfficient)
            x = layers.ResnetBlock(x, weights, "init_resnet_block", Dim, Dim, groups, size, attends: false);
        var (channels, side) = (Dim, size);
        var skips = new Stack<string>();
        var widths = new int[Levels.Length];
        for (var i = 0; i < Levels.Length; i++)
        {
            var (level, isLast) = (Levels[i], i == Levels.Length - 1);
            if (IsMemoryEfficient)
                (x, channels, side) = (layers.Down(x, weights, $"downs.{i}.0", channels, level.Channels), level.Channels, side / 2);
            widths[i] = channels;
            x = layers.ResnetBlock(x, weights, $"downs.{i}.1", channels, channels, level.Groups, side, attends: false);
            for (var block = 0; block < level.Blocks; block++)
                skips.Push(x = layers.ResnetBlock(x, weights, $"downs.{i}.2.{block}", channels, channels, level.Groups, side, attends: i > 0));
            skips.Push(x = layers.SelfAttention(x, weights, $"downs.{i}.3", channels, side, level.Attention));
            if (isLast || IsMemoryEfficient)
            {
                using var scope = g.Scope($"downs.{i}.4");
                x = layers.Convolution(x, weights, $"downs.{i}.4", channels, level.Channels, 1);
            }
            else
                (x, side) = (layers.Down(x, weights, $"downs.{i}.4", channels, level.Channels), side / 2);
            channels = level.Channels;
        }

        x = middle.ResnetBlock(x, weights, "mid_block1", channels, channels, Levels[^1].Groups, side, attends: true);
        x = middle.SelfAttention(x, weights, "mid_attn", channels, side, UnetAttention.Full);
        x = middle.ResnetBlock(x, weights, "mid_block2", channels, channels, Levels[^1].Groups, side, attends: true);

        string Skip(string value)
        {
            var skip = skips.Pop();
            return g.Node("Concat", [value, ScalesSkips ? g.Node("Mul", [skip, g.Scalar("scale", 1 / MathF.Sqrt(2))]) : skip], ("axis", 1));
        }
        var combined = new List<(string Value, int Channels, int Side)>();
        for (var i = 0; i < Levels.Length; i++)
        {
            var number = Levels.Length - 1 - i;
            var (level, isLast) = (Levels[number], number == 0);
            var from = level.Channels + widths[number];
            channels = level.Channels;
            x = layers.ResnetBlock(Skip(x), weights, $"ups.{i}.0", from, channels, level.Groups, side, attends: !isLast);
            for (var block = 0; block < level.Blocks; block++)
                x = layers.ResnetBlock(Skip(x), weights, $"ups.{i}.1.{block}", from, channels, level.Groups, side, attends: !isLast);
            x = layers.SelfAttention(x, weights, $"ups.{i}.2", channels, side, level.Attention);
            combined.Add((x, channels, side));
            var to = isLast ? Dim : Levels[number - 1].Channels;
            if (!isLast || IsMemoryEfficient)
                (x, side) = (layers.Up(x, weights, $"ups.{i}.3", channels, to), side * 2);
            channels = isLast && !IsMemoryEfficient ? channels : to;
        }
        if (CombinesLevels)
        {
            string[] parts = [.. combined.Select((level, i) => layers.Block(
                layers.Enlarge(level.Value, level.Side, size), weights, $"upsample_combiner.fmap_convs.{i}", level.Channels, Dim, CombinerGroups, standardizes: false))];
            x = g.Node("Concat", [x, .. parts], ("axis", 1));
            channels += parts.Length * Dim;
        }
        x = g.Node("Concat", [x, first], ("axis", 1));
        return layers.ResnetBlock(x, weights, "final_resnet_block", channels + Dim, Dim, groups, size, attends: false);
    }
}

/// <summary>A level of a UNet.</summary>
/// <param name="Channels">Channels behind it.</param>
/// <param name="Blocks">Number of blocks that attend, besides the first.</param>
/// <param name="Attention">How its places attend to each other.</param>
/// <param name="Groups">Groups of its norms.</param>
internal sealed record UnetLevel(int Channels, int Blocks, UnetAttention Attention, int Groups = 8);

/// <summary>The settings of a UNet that its weights do not tell.</summary>
internal sealed record UnetOptions
{
    /// <summary>Groups of the norms, of every level or of each.</summary>
    public IReadOnlyList<int> Groups { get; init; } = [8];

    public bool SeesLowResolution { get; init; }

    public bool SelfConditions { get; init; }

    public bool IsCosineSelf { get; init; }

    public bool IsCosineCross { get; init; }

    public bool StandardizesWeights { get; init; }

    public bool ScalesSkips { get; init; }
}
