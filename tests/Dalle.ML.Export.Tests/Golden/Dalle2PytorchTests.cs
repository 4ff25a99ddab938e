using System.Text.Json;
using System.Text.RegularExpressions;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// The networks of DALLE2-pytorch, of every generation and variant, against what its own code made of the same weights. Samplers are
/// compared where they are (tests/Dalle.ML.Tests).
/// </summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchTests : IDisposable
{
    private static readonly string[] Files = ["prior_model.pth", "model.pth", "decoder_model.pth", "decoder_trainer.pth"];

    private readonly TemporaryFolder _folder = new();
    private readonly List<IDisposable> _open = [];

    public void Dispose()
    {
        _open.ForEach(item => item.Dispose());
        _folder.Dispose();
    }

    public static IEnumerable<TheoryDataRow<string>> Networks() => GoldenFolder.Files("dalle2-pytorch", "forward.npy");

    [Theory]
    [MemberData(nameof(Networks))]
    public void Networks_give_the_reference_predictions(string forward)
    {
        var network = Network(Folder(forward), averaged: true);
        network.Compare("forward", conditional: true);
        network.Compare("forward_null", conditional: false);
        network.Compare("forward_self_cond", conditional: true, selfCondition: "self_cond");
        network.Compare("forward_no_encodings", conditional: true, hidesText: true);
        network.CompareGuided("forward_guided", scale: network.IsPrior ? 1.5f : 2);
        network.CompareHiddenStates();
        if (File.Exists(Path.Combine(Folder(forward), "forward_online.npy")))
            Network(Folder(forward), averaged: false).Compare("forward_online", conditional: true);
    }

    [Theory]
    [InlineData("prior_laion_v1.0.2_depth12", "decoder_laion_v1.0.2", true)]
    [InlineData("prior_laion_v0.15.4_depth24", "decoder_laion_v0.15.4", false)]
    [InlineData("prior_example_v1.15.6", "decoder_example_v1.15.6", false)]
    public void Published_geometries_are_read_from_shapes(string prior, string decoder, bool isRandomSize)
    {
        const int SequenceLength = 77;
        using var priorShapes = Shapes($"fullsize_{prior}.json").Subtree("net.");
        using var unetShapes = Shapes($"fullsize_{decoder}.json").Subtree("unets.0.");
        var priorNetwork = Dalle2Prior.Infer(priorShapes, Dalle2Generation.OfPrior(priorShapes), SequenceLength, seesText: true, selfConditions: false);
        var unet = Dalle2Unet.Infer(unetShapes, Dalle2Generation.OfUnet(unetShapes), new UnetOptions());
        Assert.Equal((priorNetwork.Generation, priorNetwork.Dim), (unet.Generation, unet.Embedding));
        if (isRandomSize)
        {
            var size = Dalle2Sizes.All["laion"];
            Assert.Equal(size.Prior, priorNetwork);
            Assert.Equivalent(size.Unets[0], unet, strict: true);
        }
    }

    private static ShapesCheckpoint Shapes(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of("dalle2-pytorch"), file)));
        return new ShapesCheckpoint(json.RootElement.GetProperty("tensors").EnumerateArray().ToDictionary(
            tensor => tensor.GetProperty("name").GetString()!,
            tensor => tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray()));
    }

    private static string Folder(string forward) => Path.GetDirectoryName(Path.Combine(GoldenFolder.Root, forward))!;

    private GoldenNetwork Network(string folder, bool averaged)
    {
        var names = averaged ? Files : ["prior_trainer.pth", .. Files];
        var file = new[] { folder, Path.GetDirectoryName(folder)! }.SelectMany(place => names.Select(name => Path.Combine(place, name))).First(File.Exists);
        var checkpoint = Checkpoint.Open(file);
        _open.Add(checkpoint);
        var output = Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(output);
        var bundle = new BundleWriter(output);
        var values = new[] { Path.ChangeExtension(file, ".json"), Path.Combine(Path.GetDirectoryName(file)!, "prior_config.json"), Path.Combine(Path.GetDirectoryName(file)!, "decoder_config.json"), Path.Combine(Path.GetDirectoryName(file)!, "config.json") }
            .Where(File.Exists).Select(JsonSettings.Read).First();
        var data = new GoldenInputs(folder);
        if (Dalle2Weights.Prior(checkpoint, averaged) is { } prior)
        {
            var settings = Dalle2Configuration.Of(values, "prior");
            var network = Dalle2Prior.Infer(prior, Dalle2Generation.OfPrior(prior), data.TextLength, settings.Flag("condition_on_text_encodings", true), settings.Network("net").Flag("self_cond"));
            var graphs = network.Write(bundle, prior, data.TextLength, Precision.Fp32);
            return new GoldenNetwork(data, Path.Combine(output, graphs.Condition), Path.Combine(output, graphs.Step), IsPrior: true);
        }
        var stage = Path.GetFileName(folder) == "unet2" ? 1 : 0;
        var weights = Dalle2Weights.Unet(checkpoint, stage, averaged)!;
        var decoder = Dalle2Configuration.Of(values, "decoder");
        var unet = Dalle2Graphs.Unet(weights, Dalle2Generation.OfUnet(weights), decoder, stage);
        var (condition, step) = unet.Write(bundle, "stage", weights, data.Read("x")!.Shape[3], data.TextLength, Precision.Fp32);
        return new GoldenNetwork(data, condition is null ? null : Path.Combine(output, condition), Path.Combine(output, step), IsPrior: false);
    }
}

/// <summary>The inputs of a network's reference, in its folder or those around it.</summary>
internal sealed record GoldenInputs(string Folder)
{
    public int TextLength => (Read("text_encodings") ?? Read("clip/text_encodings"))?.Shape[1] ?? 0;

    public int Rows => Read("x")!.Shape[0];

    public Npy? Read(string name) => new[] { Folder, Path.GetDirectoryName(Folder)!, Path.GetDirectoryName(Path.GetDirectoryName(Folder)!)! }
        .Select(folder => Path.Combine(folder, name + ".npy")).Where(File.Exists).Select(Npy.Read).FirstOrDefault();

    public bool[] Mask(Npy text) => (Read("mask") ?? Read("text_mask")) is { } mask
        ? [.. mask.Data.Select(value => value != 0)]
        : [.. text.Floats().Chunk(text.Shape[2]).Select(row => row.Any(value => value != 0))];
}

/// <summary>The two graphs of a network.</summary>
internal sealed record GoldenNetwork(GoldenInputs Data, string? Condition, string Step, bool IsPrior)
{
    public void Compare(string name, bool conditional, string? selfCondition = null, bool hidesText = false)
    {
        if (File.Exists(Path.Combine(Data.Folder, name + ".npy")))
            Near.Values(Data.Read(name)!.Floats(), Run(conditional, selfCondition, hidesText), name);
    }

    public void CompareGuided(string name, float scale)
    {
        if (!File.Exists(Path.Combine(Data.Folder, name + ".npy")))
            return;
        var (with, without) = (Run(conditional: true), Run(conditional: false));
        Near.Values(Data.Read(name)!.Floats(), [.. with.Zip(without, (c, u) => u + scale * (c - u))], name);
    }

    // Where the graph of a step has what layers of the reference gave. Scopes are modules; of several nodes that begin so the last is
    // meant.
    private static readonly (string Name, string Node, string Op)[] Places =
    [
        (@"inter_init_conv", "init_conv/", "Concat|Conv"), (@"inter_init_resnet", "init_resnet_block/", "Add"),
        (@"inter_down(\d+)_pre", "downs.$1.0/", "Conv"), (@"inter_down(\d+)_init", "downs.$1.1/", "Add"),
        (@"inter_down(\d+)_attn", "downs.$1.3/", "Reshape"), (@"inter_down(\d+)_post", "downs.$1.4/", "Conv"),
        (@"inter_mid(\d)", "mid_block$1/", "Add"), (@"inter_mid_attn", "mid_attn/", "Reshape"),
        (@"inter_up(\d+)_attn", "ups.$1.2/", "Reshape"), (@"inter_up(\d+)_up", "ups.$1.3/", "ConvTranspose|DepthToSpace|Conv"),
        (@"inter_final", "final_resnet_block/", "Add"), (@"inter_time_hiddens", "time/", "Gelu"),
        (@"inter_layer(\d+)_attn", "layer_$1/attention/", "LayerNormalization"), (@"inter_layer(\d+)_ff", "layer_$1/feed_forward/", "MatMul"),
        (@"inter_final_norm", "final_norm/", "LayerNormalization"), (@"inter_tokens", "tokens/", "Concat"),
        (@"inter_(norm_cond|norm_mid_cond)", "$1/", "Concat|LayerNormalization"),
    ];

    // A table of the graph, not a value of it; every layer's attention follows from it.
    private const string PositionBias = "inter_rel_pos_bias";

    /// <summary>Compares what the layers of a step give: of a UNet the first example, of a prior the places that a step adds.</summary>
    public void CompareHiddenStates()
    {
        string[] files = [.. Directory.EnumerateFiles(Data.Folder, "inter_*.npy").Select(file => Path.GetFileNameWithoutExtension(file)).Where(file => file != PositionBias)];
        if (files.Length == 0)
            return;
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Step));
        var nodes = files.ToDictionary(file => file, file =>
        {
            var (name, node, op) = Places.First(place => Regex.IsMatch(file, $"^{place.Name}$"));
            var start = Regex.Replace(file, $"^{name}$", node);
            return model.Graph.Node.Last(item => item.Name.StartsWith(start, StringComparison.Ordinal) && op.Split('|').Contains(item.OpType)).Output[0];
        });
        model.Graph.Output.AddRange(nodes.Values.Distinct().Where(value => model.Graph.Output.All(output => output.Name != value)).Select(value => new ValueInfoProto { Name = value }));
        var copy = Path.ChangeExtension(Step, ".states.onnx");
        File.WriteAllBytes(copy, model.ToByteArray());
        var values = (this with { Step = copy }).RunAll(conditional: true, selfCondition: null, hidesText: false);
        Assert.All(files, file =>
        {
            var expected = Data.Read(file)!;
            var actual = values[nodes[file]].GetTensorDataAsSpan<float>();
            if (!IsPrior)
            {
                Near.Values(expected.Floats(), actual[..expected.Floats().Length], file);
                return;
            }
            var places = actual.Length / expected.Shape[0] / expected.Shape[2];
            float[] last = [.. expected.Floats().Chunk(expected.Shape[1] * expected.Shape[2]).SelectMany(row => row[^(places * expected.Shape[2])..])];
            Near.Values(last, actual, file);
        });
    }

    private float[] Run(bool conditional, string? selfCondition = null, bool hidesText = false) =>
        RunAll(conditional, selfCondition, hidesText)["prediction"].GetTensorDataAsSpan<float>().ToArray();

    private Dictionary<string, OrtValue> RunAll(bool conditional, string? selfCondition, bool hidesText)
    {
        var known = new Dictionary<string, OrtValue>();
        void Add<T>(string name, T[] values, params long[] shape)
            where T : unmanaged => known[name] = OrtValue.CreateTensorValueFromMemory(values, shape);
        void AddFile(string name, params string[] files)
        {
            if (files.Select(Data.Read).FirstOrDefault(file => file is not null) is { } npy)
                Add(name, npy.Floats(), [.. npy.Shape.Select(size => (long)size)]);
        }
        var x = Data.Read("x")!;
        Add("x", x.Floats(), [.. x.Shape.Select(size => (long)size)]);
        Add("t", Data.Read("t")!.Longs(), Data.Rows);
        Add("conditional", Enumerable.Repeat(conditional, Data.Rows).ToArray(), Data.Rows);
        AddFile("pooled", "text_embed", "clip/text_embed");
        AddFile("embedding", "image_embed");
        AddFile("low_res", "lowres_cond_img");
        if (Data.Read("lowres_noise_level") is { } level)
            Add("low_res_level", level.Longs(), Data.Rows);
        if ((Data.Read("text_encodings") ?? Data.Read("clip/text_encodings")) is { } text)
        {
            Add("sequence", text.Floats(), [.. text.Shape.Select(size => (long)size)]);
            Add("mask", hidesText ? new bool[text.Shape[0] * text.Shape[1]] : Data.Mask(text), text.Shape[0], text.Shape[1]);
        }
        if (selfCondition is null)
            Add("self_condition", new float[x.Floats().Length], [.. x.Shape.Select(size => (long)size)]);
        else
            AddFile("self_condition", selfCondition);
        if (Condition is not null)
            Run(Condition, known);
        Run(Step, known);
        return known;
    }

    private static void Run(string graph, Dictionary<string, OrtValue> known)
    {
        using var session = new InferenceSession(graph);
        using var options = new RunOptions();
        string[] names = [.. session.InputMetadata.Keys];
        var outputs = session.Run(options, names, [.. names.Select(name => known[name])], session.OutputNames);
        foreach (var (name, value) in session.OutputNames.Zip(outputs))
            known[name] = value;
    }
}
