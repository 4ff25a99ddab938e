using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The UNet of Karlo (openai/guided-diffusion): levels of residual blocks on the way down and up, whose images residual blocks halve and
/// double. The decoder's attends to text and image embedding; those of super-resolution see the image to be enlarged and nothing else.
/// </summary>
internal sealed record KarloUnet
{
    private const int MaxSize = 8192;
    private const int MaxLevels = 16;

    /// <summary>Channels of the first convolution.</summary>
    public required int Channels { get; init; }

    /// <summary>Channels of each level, and whether its blocks attend.</summary>
    public required IReadOnlyList<(int Channels, bool Attends)> Levels { get; init; }

    /// <summary>Number of residual blocks of a level on the way down; there is one more on the way up.</summary>
    public required int Blocks { get; init; }

    /// <summary>Whether the middle attends.</summary>
    public bool AttendsInMiddle { get; init; }

    /// <summary>Whether the timestep gives factors too, not only what is added.</summary>
    public bool Scales { get; init; }

    /// <summary>Number of values of an attention head.</summary>
    public int HeadSize { get; init; } = 64;

    /// <summary>What it attends to; null where it sees neither text nor embedding.</summary>
    public KarloConditions? Conditions { get; init; }

    /// <summary>Whether it sees the image that it enlarges.</summary>
    public bool SeesLowResolution { get; init; }

    /// <summary>Channels of the prediction: three, or six with a variance.</summary>
    public required int Outputs { get; init; }

    private int TimeDim => 4 * Channels;

    private int Last => Levels.Count - 1;

    /// <summary>The blocks that attend, in order.</summary>
    private IEnumerable<(string Name, int Channels)> Attentions =>
    [
        .. Levels.SelectMany((level, i) => Enumerable.Range(0, Blocks).Where(_ => level.Attends).Select(block => ($"input_blocks.{1 + i * (Blocks + 1) + block}.1", level.Channels))),
        .. AttendsInMiddle ? [("middle_block.1", Levels[Last].Channels)] : Array.Empty<(string, int)>(),
        .. Levels.Reverse().SelectMany((level, i) => Enumerable.Range(0, Blocks + 1).Where(_ => level.Attends).Select(block => ($"output_blocks.{i * (Blocks + 1) + block}.1", level.Channels))),
    ];

    /// <param name="weights">The tensors of the network.</param>
    /// <param name="headSize">Number of values of an attention head.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such a UNet.</exception>
    public static KarloUnet Infer(Checkpoint weights, int headSize)
    {
        var blocks = weights.Count("output_blocks.", ".0.in_layers.0.weight");
        var attends = weights.Contains("middle_block.1.qkv.weight");
        // The last block of a level, but of the largest, enlarges; it comes after attention where there is any.
        var perLevel = 1 + Enumerable.Range(0, blocks).FirstOrDefault(
            block => weights.Contains($"output_blocks.{block}.1.in_layers.0.weight") || weights.Contains($"output_blocks.{block}.2.in_layers.0.weight"), blocks - 1);
        if (perLevel < 2 || blocks % perLevel != 0 || blocks / perLevel > MaxLevels)
            throw new InvalidDataException($"The UNet has {blocks} blocks on the way up, the first of them that enlarges is number {perLevel}: they do not make levels.");
        var levels = Enumerable.Range(0, blocks / perLevel).Select(level => (
            weights.Shape($"input_blocks.{1 + level * perLevel}.0.out_layers.3.weight", rank: 4)[0], weights.Contains($"input_blocks.{1 + level * perLevel}.1.qkv.weight"))).ToArray();
        var first = weights.Shape("input_blocks.0.0.weight", rank: 4);
        var unet = new KarloUnet
        {
            Channels = first[0],
            Levels = levels,
            Blocks = perLevel - 1,
            AttendsInMiddle = attends,
            Scales = weights.Shape("input_blocks.1.0.emb_layers.1.weight", rank: 2)[0] == 2 * levels[0].Item1,
            HeadSize = headSize,
            Conditions = weights.Contains("cf_param") ? KarloConditions.Infer(weights) : null,
            SeesLowResolution = first[1] == 2 * Colors,
            Outputs = weights.Shape("out.2.weight", rank: 4)[0],
        };
        unet.CheckChannels();
        return unet;
    }

    /// <exception cref="InvalidDataException">The UNet cannot make images of this size.</exception>
    public void Check(int size)
    {
        if (size < 1 || size > MaxSize || size % (1 << Last) != 0)
            throw new InvalidDataException($"The UNet halves its images {Last} times, and they are to have {size} pixels a side; that is no multiple of {1 << Last} up to {MaxSize}.");
    }

    private void CheckChannels()
    {
        if (Levels.Select(level => level.Channels).Append(Channels).FirstOrDefault(channels => channels == 0 || channels % KarloUnetLayers.Groups != 0, -1) is var uneven and >= 0)
            throw new InvalidDataException($"A level of the UNet has {uneven} channels, which are not {KarloUnetLayers.Groups} equal groups.");
        if (Attentions.Select(attention => attention.Channels % HeadSize == 0 ? 0 : attention.Channels).FirstOrDefault(channels => channels > 0) is > 0 and var odd)
            throw new InvalidDataException($"A level of the UNet has {odd} channels; attention heads of {HeadSize} do not fit into it. The weights do not tell their size: give the configuration that does (config.json with decoder.hparams.num_head_channels; of diffusers, decoder/config.json).");
        if (Outputs is not (Colors or 2 * Colors))
            throw new InvalidDataException($"The UNet has {Outputs} outputs; it must have 3 or 6.");
    }

    /// <summary>Writes the graph of an image embedding and a text, if it sees them.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="file">The graph's file.</param>
    /// <param name="weights">The tensors of the network.</param>
    /// <param name="textLength">Number of places of a text.</param>
    /// <param name="precision">How products are computed.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public string WriteCondition(BundleWriter bundle, string file, Checkpoint weights, int textLength, Precision precision)
    {
        using var g = bundle.Graph(file, precision);
        var conditions = Conditions!;
        var (time, context) = conditions.Build(g, weights, TimeDim, textLength);
        g.Node("Identity", [time], ["time_addition"]);
        g.Output("time_addition", g.Type, "batch", TimeDim);
        foreach (var (number, (name, channels)) in Attentions.Index())
        {
            using var scope = g.Scope(name);
            var heads = channels / HeadSize;
            var weight = weights.Read(name + ".encoder_kv.weight", 2 * channels, conditions.Width, 1).Reshape(2 * channels, conditions.Width);
            var both = g.Linear(context, weight.SplitHeads(heads, 2), weights.Read(name + ".encoder_kv.bias", 2 * channels).SplitHeads(heads, 2));
            g.Node("Split", [both], [$"key_{number}", $"value_{number}"], ("axis", -1), ("num_outputs", 2));
            foreach (var part in new[] { "key", "value" })
                g.Output($"{part}_{number}", g.Type, "batch", conditions.Tokens + textLength, channels);
        }
        g.Save();
        return file;
    }

    /// <summary>Writes the graph of a step.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="file">The graph's file.</param>
    /// <param name="weights">The tensors of the network.</param>
    /// <param name="size">Side of its images.</param>
    /// <param name="textLength">Number of places of a text, if it sees one.</param>
    /// <param name="precision">How products are computed.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public string WriteStep(BundleWriter bundle, string file, Checkpoint weights, int size, int textLength, Precision precision)
    {
        using var g = bundle.Graph(file, precision);
        string Image(string name) => g.Cast(g.Input(name, DataType.Float, "batch", Colors, size, size), DataType.Float, g.Type);
        var x = Image("x");
        if (SeesLowResolution)
            x = g.Node("Concat", [x, Image("low_res")], ("axis", 1));
        var time = g.TimeEmbedding(g.Input("t", DataType.Int64, "batch"), weights, Channels, TimeDim);
        if (Conditions is not null)
            time = g.Node("Add", [time, g.Input("time_addition", g.Type, "batch", TimeDim)]);
        var layers = new KarloUnetLayers(g, weights, g.Swish(time), TimeDim, Scales, HeadSize)
        {
            Context = Conditions is null ? null : new KarloContext(g.Input("mask", DataType.Bool, "batch", textLength), Conditions.Tokens, textLength),
        };
        using (g.Scope("input_blocks.0.0"))
            x = layers.Convolution(x, "input_blocks.0.0", SeesLowResolution ? 2 * Colors : Colors, Channels);
        x = Body(layers, x, size);
        g.Finish(layers.Convolution(layers.NormSwish(x, "out.0", Levels[0].Channels), "out.2", Levels[0].Channels, Outputs), "batch", Outputs, size, size);
        return file;
    }

    private string Body(KarloUnetLayers layers, string x, int side)
    {
        var channels = Channels;
        var skips = new Stack<(string Value, int Channels)>([(x, channels)]);
        var number = 0;
        for (var i = 0; i <= Last; i++)
        {
            for (var block = 0; block < Blocks; block++)
            {
                x = layers.Block(x, $"input_blocks.{++number}", channels, Levels[i].Channels, Levels[i].Attends, side);
                skips.Push((x, channels = Levels[i].Channels));
            }
            if (i == Last)
                break;
            x = layers.ResidualBlock(x, $"input_blocks.{++number}.0", channels, channels, Resampling.Half);
            skips.Push((x, channels));
            side /= 2;
        }

        x = layers.Block(x, "middle_block", channels, channels, AttendsInMiddle, side);
        x = layers.ResidualBlock(x, $"middle_block.{(AttendsInMiddle ? 2 : 1)}", channels, channels);

        number = 0;
        for (var i = Last; i >= 0; i--)
        {
            for (var block = 0; block <= Blocks; block++, number++)
            {
                var skip = skips.Pop();
                x = layers.G.Node("Concat", [x, skip.Value], ("axis", 1));
                x = layers.Block(x, $"output_blocks.{number}", channels + skip.Channels, channels = Levels[i].Channels, Levels[i].Attends, side);
            }
            if (i == 0)
                break;
            x = layers.ResidualBlock(x, $"output_blocks.{number - 1}.{(Levels[i].Attends ? 2 : 1)}", channels, channels, Resampling.Double);
            side *= 2;
        }
        return x;
    }
}
