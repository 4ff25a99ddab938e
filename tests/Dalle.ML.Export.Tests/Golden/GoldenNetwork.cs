using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The arrays of a network's reference, in its folder or those around it.</summary>
internal sealed record GoldenInputs(string Folder)
{
    public int TextLength => (Read("text_encodings") ?? Read("clip/text_encodings"))?.Shape[1] ?? 0;

    /// <summary>The folder and those around it, up to the family's.</summary>
    public IEnumerable<string> Folders
    {
        get
        {
            for (var folder = Folder; folder != GoldenFolder.Root; folder = Path.GetDirectoryName(folder)!)
                yield return folder;
        }
    }

    public Npy? Read(string name) => Folders.Select(folder => Path.Combine(folder, name + ".npy")).Where(File.Exists).Select(Npy.Read).FirstOrDefault();

    public bool[] Mask(Npy text) => (Read("mask") ?? Read("text_mask")) is { } mask
        ? [.. mask.Data.Select(value => value != 0)]
        : [.. text.Floats().Chunk(text.Shape[2]).Select(row => row.Any(value => value != 0))];
}

/// <summary>One call of a network.</summary>
/// <param name="X">The values of all rows.</param>
/// <param name="Times">For each row the timestep.</param>
internal sealed record GoldenCall(float[] X, long[] Times)
{
    public float[]? SelfCondition { get; init; }

    public float[]? LowResolution { get; init; }

    public long[]? LowResolutionLevels { get; init; }

    public bool HidesText { get; init; }
}

/// <summary>A network of DALLE2-pytorch's reference data as its exporter writes and describes it.</summary>
internal sealed class GoldenNetwork : IDisposable
{
    private static readonly string[] Files = ["prior_model.pth", "model.pth", "decoder_model.pth", "decoder_trainer.pth"];

    private readonly TemporaryFolder _bundle = new();
    private readonly Dictionary<string, InferenceSession> _sessions = [];
    private readonly string? _condition;
    private readonly string _step;
    private readonly long[] _shape;

    /// <param name="folder">Folder of arrays; the checkpoint lies there or in one around it.</param>
    /// <param name="stage">Number of the UNet, from 0, where it is a decoder's.</param>
    /// <param name="averaged">Whether the weights are the moving average.</param>
    public GoldenNetwork(string folder, int stage, bool averaged = true)
    {
        Data = new GoldenInputs(folder);
        var names = averaged ? Files : ["prior_trainer.pth", .. Files];
        var file = Data.Folders.SelectMany(place => names.Select(name => Path.Combine(place, name))).First(File.Exists);
        var beside = Path.GetDirectoryName(file)!;
        var configurations = new[] { Path.ChangeExtension(file, ".json"), Path.Combine(beside, "prior_config.json"), Path.Combine(beside, "decoder_config.json"), Path.Combine(beside, "config.json") };
        Configuration = JsonSettings.Read(configurations.First(File.Exists));

        using var checkpoint = Checkpoint.Open(file);
        using var source = new ExportSource([file], size: null, new ExportOptions());
        var writer = new BundleWriter(_bundle.Path);
        if (Dalle2Weights.Prior(checkpoint, averaged) is { } prior)
        {
            Settings = Dalle2Configuration.Of(Configuration, "prior");
            var network = Dalle2Prior.Infer(
                prior, Dalle2Generation.OfPrior(prior), Data.TextLength, Settings.Flag("condition_on_text_encodings", true), Settings.Network("net").Flag("self_cond"));
            Prior = Dalle2Graphs.Prior(source, writer, network, prior, Settings, Data.TextLength);
            (_condition, _step, _shape) = (Prior.Condition, Prior.File, [network.Dim]);
            Rules = Prior.Diffusion;
            return;
        }
        Settings = Dalle2Configuration.Of(Configuration, "decoder");
        var weights = Dalle2Weights.Unet(checkpoint, stage, averaged)!;
        var unet = Dalle2Graphs.Unet(weights, Dalle2Generation.OfUnet(weights), Settings, stage);
        Stage = Dalle2Graphs.Stage(source, writer, unet, weights, Settings, stage, Dalle2Weights.Unets(checkpoint), Data.TextLength);
        (_condition, _step, _shape) = (Stage.Condition, Stage.File, [3, Stage.Size, Stage.Size]);
        Rules = Stage.Diffusion;
    }

    public GoldenInputs Data { get; }

    /// <summary>The whole configuration.</summary>
    public IReadOnlyDictionary<string, object?> Configuration { get; }

    /// <summary>The part of it that is the prior's or the decoder's.</summary>
    public ModelConfiguration Settings { get; }

    public DiffusionPriorGraphs? Prior { get; }

    public DiffusionStage? Stage { get; }

    public DiffusionRules Rules { get; }

    /// <summary>The factor that brings x to an embedding.</summary>
    public float Deviation => Prior?.Statistics is { } file ? MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(_bundle.Path, file)))[^1] : 1;

    /// <summary>The call that is in the folder.</summary>
    public GoldenCall Call() => new(Data.Read("x")!.Floats(), Data.Read("t")!.Longs())
    {
        LowResolution = Data.Read("lowres_cond_img")?.Floats(),
        LowResolutionLevels = Data.Read("lowres_noise_level")?.Longs(),
    };

    public float[] Predict(GoldenCall call, bool conditional) => Run(call, conditional, _step)["prediction"].GetTensorDataAsSpan<float>().ToArray();

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
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(_bundle.Path, _step)));
        var nodes = files.ToDictionary(file => file, file =>
        {
            var (name, node, op) = Places.First(place => Regex.IsMatch(file, $"^{place.Name}$"));
            var start = Regex.Replace(file, $"^{name}$", node);
            return model.Graph.Node.Last(item => item.Name.StartsWith(start, StringComparison.Ordinal) && op.Split('|').Contains(item.OpType)).Output[0];
        });
        model.Graph.Output.AddRange(nodes.Values.Distinct().Where(value => model.Graph.Output.All(output => output.Name != value)).Select(value => new ValueInfoProto { Name = value }));
        var copy = Path.ChangeExtension(_step, ".states.onnx");
        File.WriteAllBytes(Path.Combine(_bundle.Path, copy), model.ToByteArray());
        var values = Run(Call(), conditional: true, copy);
        Assert.All(files, file =>
        {
            var expected = Data.Read(file)!;
            var actual = values[nodes[file]].GetTensorDataAsSpan<float>();
            if (Prior is null)
            {
                Near.Values(expected.Floats(), actual[..expected.Floats().Length], file);
                return;
            }
            var places = actual.Length / expected.Shape[0] / expected.Shape[2];
            float[] last = [.. expected.Floats().Chunk(expected.Shape[1] * expected.Shape[2]).SelectMany(row => row[^(places * expected.Shape[2])..])];
            Near.Values(last, actual, file);
        });
    }

    public void Dispose()
    {
        foreach (var session in _sessions.Values)
            session.Dispose();
        _bundle.Dispose();
    }

    private Dictionary<string, OrtValue> Run(GoldenCall call, bool conditional, string step)
    {
        var rows = call.Times.Length;
        var known = new Dictionary<string, OrtValue>();
        void Add<T>(string name, T[] values, params long[] shape)
            where T : unmanaged => known[name] = OrtValue.CreateTensorValueFromMemory(values, shape);

        // A chain may have fewer rows than the arrays.
        void AddFile(string name, params string[] files)
        {
            if (files.Select(Data.Read).FirstOrDefault(file => file is not null) is { } npy)
                Add(name, npy.Floats()[..(npy.Floats().Length / npy.Shape[0] * rows)], [rows, .. npy.Shape[1..].Select(size => (long)size)]);
        }
        Add("x", call.X, [rows, .. _shape]);
        Add("t", call.Times, rows);
        Add("conditional", Enumerable.Repeat(conditional, rows).ToArray(), rows);
        Add("self_condition", call.SelfCondition ?? new float[call.X.Length], [rows, .. _shape]);
        AddFile("pooled", "text_embed", "clip/text_embed");
        AddFile("embedding", "image_embed");
        if (call.LowResolution is { } image)
            Add("low_res", image, [rows, .. _shape]);
        if (call.LowResolutionLevels is { } levels)
            Add("low_res_level", levels, rows);
        if ((Data.Read("text_encodings") ?? Data.Read("clip/text_encodings")) is { } text)
        {
            AddFile("sequence", "text_encodings", "clip/text_encodings");
            Add("mask", call.HidesText ? new bool[rows * text.Shape[1]] : Data.Mask(text)[..(rows * text.Shape[1])], rows, text.Shape[1]);
        }
        if (_condition is not null)
            Run(_condition, known);
        Run(step, known);
        return known;
    }

    private void Run(string graph, Dictionary<string, OrtValue> known)
    {
        if (!_sessions.TryGetValue(graph, out var session))
            _sessions.Add(graph, session = new InferenceSession(Path.Combine(_bundle.Path, graph)));
        using var options = new RunOptions();
        string[] names = [.. session.InputMetadata.Keys];
        foreach (var (name, value) in session.OutputNames.Zip(session.Run(options, names, [.. names.Select(name => known[name])], session.OutputNames)))
            known[name] = value;
    }
}
