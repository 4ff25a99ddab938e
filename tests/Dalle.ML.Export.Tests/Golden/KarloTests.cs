using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Tests;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The networks of Karlo's own files, as whole bundles, against what its code made of the same weights.</summary>
[Trait("Category", "Golden")]
public sealed class KarloTests : IDisposable
{
    private readonly KarloBundle _bundle = new();

    private static string Root => GoldenFolder.Of("karlo");

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public void Networks_give_the_reference_predictions()
    {
        _bundle.Export(KarloBundle.Original(Root));
        _bundle.AddText(Root);

        _bundle.AddFile("x", Root, "prior/x");
        _bundle.AddFile("t", Root, "prior/t");
        _bundle.RunPrior();
        Near.Values(Read("prior/forward"), _bundle.Values("prediction"), "prior");

        _bundle.AddFile("x", Root, "decoder/x");
        _bundle.AddFile("t", Root, "decoder/t");
        _bundle.AddFile("embedding", Root, "decoder/y");
        _bundle.RunStage(0);
        Near.Values(Read("decoder/forward"), _bundle.Values("prediction"), "decoder");
    }

    private static float[] Read(string name) => Npy.Read(Path.Combine(Root, name + ".npy")).Floats();
}

/// <summary>A bundle of reference data, and its tensors by name.</summary>
internal sealed class KarloBundle : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, OrtValue> _known = [];
    private Bundle? _bundle;

    public Bundle Bundle => _bundle!;

    public UnclipGraphs Unclip => Bundle.Manifest.Unclip!;

    /// <summary>Karlo's own files in a folder, wherever they lie.</summary>
    public static string[] Original(string root) =>
        [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(file => !file.Contains("diffusers", StringComparison.Ordinal)
            && Path.GetFileName(file) is "prior.ckpt" or "decoder.ckpt" or "sr.ckpt" or "clip_stats.th" or "clip_state_dict.pt" or "config.json" or "bpe_tiny.txt.gz" or "bpe.txt.gz")];

    public void Export(params string[] files) => Export(files, new ExportOptions());

    public void Export(string[] files, ExportOptions options)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("karlo", files, output, options);
        _bundle = Bundle.Open(output);
    }

    public void Add<T>(string name, T[] values, params long[] shape)
        where T : unmanaged => _known[name] = OrtValue.CreateTensorValueFromMemory(values, shape);

    public void AddFile(string name, string root, string file)
    {
        var npy = Npy.Read(Path.Combine(root, file + ".npy"));
        long[] shape = [.. npy.Shape.Select(size => (long)size)];
        switch (npy.Type)
        {
            case "<i8": Add(name, npy.Longs(), shape); break;
            case "|u1": Add(name, Array.ConvertAll(npy.Data, value => value != 0), shape); break;
            default: Add(name, npy.Floats(), shape); break;
        }
    }

    /// <summary>Adds the features of texts as the reference has them, the first half of the rows being conditional.</summary>
    public void AddText(string root, string text = "txt_feat", string states = "txt_feat_seq", string mask = "mask")
    {
        AddFile("pooled", root, text);
        AddFile("sequence", root, states);
        AddFile("mask", root, mask);
        var rows = Npy.Read(Path.Combine(root, text + ".npy")).Shape[0];
        Add("conditional", [.. Enumerable.Range(0, rows).Select(row => row < rows / 2)], rows);
    }

    public void RunPrior()
    {
        Run(Unclip.Prior!.Condition);
        Run(Unclip.Prior.File);
    }

    public void RunStage(int stage, bool isLast = false)
    {
        Run(Unclip.Stages[stage].Condition);
        Run(isLast ? Unclip.Stages[stage].Last!.File : Unclip.Stages[stage].File);
    }

    public void Run(string? file)
    {
        if (file is null)
            return;
        using var session = new InferenceSession(Bundle.PathOf(file));
        using var options = new RunOptions();
        string[] names = [.. session.InputMetadata.Keys];
        foreach (var (name, value) in session.OutputNames.Zip(session.Run(options, names, [.. names.Select(name => _known[name])], session.OutputNames)))
            _known[name] = value;
    }

    public float[] Values(string name) => _known[name].GetTensorDataAsSpan<float>().ToArray();

    public bool[] Bools(string name) => _known[name].GetTensorDataAsSpan<bool>().ToArray();

    public void Dispose() => _folder.Dispose();
}
