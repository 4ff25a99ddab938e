using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>A bundle of reference data, and the tensors that its graphs were given and gave.</summary>
internal sealed class KarloBundle : IDisposable
{
    private static readonly string[] Originals =
        ["prior.ckpt", "decoder.ckpt", "sr.ckpt", "clip_stats.th", "clip_state_dict.pt", "config.json", "bpe_tiny.txt.gz", "bpe.txt.gz"];

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, OrtValue> _known = [];
    private readonly Dictionary<string, InferenceSession> _sessions = [];
    private Bundle? _bundle;

    /// <param name="root">Folder of the reference data.</param>
    /// <param name="source">Folder of the checkpoint below it: the original's files wherever they lie, or a folder of diffusers.</param>
    public KarloBundle(string root, string source = "")
    {
        Root = root;
        var folder = Path.Combine(root, source);
        var isDiffusers = File.Exists(Path.Combine(folder, "model_index.json"));
        Files = isDiffusers ? [folder] :
        [
            .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => Originals.Contains(Path.GetFileName(file)) && !Path.GetRelativePath(folder, file).StartsWith("diffusers", StringComparison.Ordinal)),
        ];
    }

    public string Root { get; }

    /// <summary>What is exported.</summary>
    public string[] Files { get; }

    /// <summary>How its products are computed.</summary>
    public Precision Precision { get; init; }

    /// <summary>The bundle, exported when it is first needed.</summary>
    public Bundle Bundle => _bundle ??= Export("bundle", new ExportOptions { Precision = Precision });

    public UnclipGraphs Unclip => Bundle.Manifest.Unclip!;

    public Bundle Export(string name, ExportOptions options)
    {
        var output = Path.Combine(_folder.Path, name);
        BundleExporter.Export("karlo", Files, output, options);
        return Bundle.Open(output);
    }

    public Npy Read(string file) => Npy.Read(Path.Combine(Root, file + ".npy"));

    public float[] Floats(string file) => Read(file).Floats();

    public void Add<T>(string name, T[] values, params long[] shape)
        where T : unmanaged => _known[name] = OrtValue.CreateTensorValueFromMemory(values, shape);

    /// <summary>Adds an array of the reference.</summary>
    public void Add(string name, string file)
    {
        var npy = Read(file);
        long[] shape = [.. npy.Shape.Select(size => (long)size)];
        if (npy.Type == "<i8")
            Add(name, npy.Longs(), shape);
        else if (npy.Type == "|u1")
            Add(name, Array.ConvertAll(npy.Data, value => value != 0), shape);
        else
            Add(name, npy.Floats(), shape);
    }

    /// <summary>Adds the features of texts as the reference has them, all rows being conditional.</summary>
    public void AddText(string pooled = "txt_feat", string sequence = "txt_feat_seq", string mask = "mask")
    {
        Add("pooled", pooled);
        Add("sequence", sequence);
        Add("mask", mask);
        var rows = Read(mask).Shape[0];
        Add("conditional", [.. Enumerable.Repeat(true, rows)], rows);
    }

    /// <summary>Runs the graph of the prior or a stage that is run once, and the graph of a step.</summary>
    public float[] Predict(string? condition, string step)
    {
        if (condition is not null)
            Run(condition);
        Run(step);
        return Values<float>("prediction");
    }

    public float[] PredictPrior() => Predict(Unclip.Prior!.Condition, Unclip.Prior.File);

    public float[] PredictStage(int stage) => Predict(Unclip.Stages[stage].Condition, Unclip.Stages[stage].File);

    /// <summary>The values of a tensor.</summary>
    public float[] Floats() => Values<float>("prediction");

    public T[] Values<T>(string name)
        where T : unmanaged => _known[name].GetTensorDataAsSpan<T>().ToArray();

    public void Run(string file) => RunFile(Bundle.PathOf(file));

    /// <summary>
    /// Runs a graph with values inside it for more outputs, and returns them: of the nodes whose names begin so the last of an operator.
    /// </summary>
    public Dictionary<string, float[]> RunFor(string file, IReadOnlyDictionary<string, (string Start, string Op)> places)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Bundle.PathOf(file)));
        var values = places.ToDictionary(place => place.Key, place => model.Graph.Node.Last(
            node => node.Name.StartsWith(place.Value.Start, StringComparison.Ordinal) && place.Value.Op.Split('|').Contains(node.OpType)).Output[0]);
        var known = model.Graph.Output.Select(output => output.Name).ToHashSet();
        model.Graph.Output.AddRange(values.Values.Where(known.Add).Select(value => new ValueInfoProto { Name = value }));
        var copy = Bundle.PathOf(file) + ".states.onnx";
        File.WriteAllBytes(copy, model.ToByteArray());
        RunFile(copy);
        return values.ToDictionary(value => value.Key, value => Values<float>(value.Value));
    }

    public void Dispose()
    {
        foreach (var session in _sessions.Values)
            session.Dispose();
        _folder.Dispose();
    }

    private void RunFile(string path)
    {
        if (!_sessions.TryGetValue(path, out var session))
            _sessions.Add(path, session = new InferenceSession(path));
        using var options = new RunOptions();
        string[] names = [.. session.InputMetadata.Keys];
        foreach (var (name, value) in session.OutputNames.Zip(session.Run(options, names, [.. names.Select(name => _known[name])], session.OutputNames)))
            _known[name] = value;
    }
}
