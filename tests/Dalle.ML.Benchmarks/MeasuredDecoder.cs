using Dalle.ML.Export;
using Dalle.ML.Models;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Benchmarks;

/// <summary>A transformer that is measured. Nothing of it is loaded, or exported, before it is needed.</summary>
/// <param name="name">What its measurements begin with.</param>
/// <param name="bundle">Its bundle.</param>
/// <param name="device">Where it runs.</param>
internal sealed class MeasuredDecoder(string name, Lazy<Bundle> bundle, DalleDevice device = default) : IDisposable
{
    private const string Own = "dalle";
    private const string Mini = "min-dalle";

    private readonly Lazy<DecoderSession> _session = new(() => new DecoderSession(bundle.Value, bundle.Value.Manifest.Decoder!, device));

    public string Name => name;

    public Bundle Bundle => bundle.Value;

    public DecoderSession Session => _session.Value;

    public ImageFormat Image => Bundle.Manifest.Image!;

    public DecoderGraph Graph => Bundle.Manifest.Decoder!;

    /// <summary>What the stream begins with: the prompt, unless a text encoder has it; what that gives makes no difference to the time.</summary>
    public long[] PromptIds => Bundle.Manifest.TextEncoder is null
        ? new PromptTokenizer(Bundle, Bundle.Manifest.Text!).Encode(BuiltInModel.Prompt)
        : [.. Graph.Start];

    /// <summary>What every step multiplies with.</summary>
    public MultipliedWeights Weights => OnnxGraphs.MultipliedWeights(Bundle.PathOf(Graph.File));

    /// <summary>Random weights of a geometry of our own family, exported once into the folder of build results.</summary>
    public static MeasuredDecoder Random(string size, Precision precision) =>
        Exported(size, precision, (folder, options) => BundleExporter.ExportRandom(Own, size, folder, options));

    /// <summary>Random weights of the size of DALL·E mini, exported likewise.</summary>
    public static MeasuredDecoder RandomMini(Precision precision) =>
        Exported("mini", precision, (folder, options) => BundleExporter.ExportRandom(Mini, "mini", folder, options));

    /// <summary>Trained weights of our own family, exported likewise.</summary>
    public static MeasuredDecoder Trained(string checkpoint, Precision precision) =>
        Exported(Path.GetFileName(checkpoint), precision, (folder, options) => BundleExporter.Export(Own, [checkpoint], folder, options));

    public void Dispose()
    {
        if (_session.IsValueCreated)
            _session.Value.Dispose();
    }

    private static MeasuredDecoder Exported(string model, Precision precision, Action<string, ExportOptions> export)
    {
        var folder = Path.Combine(Arguments.RepositoryRoot(), "artifacts", "bench", $"{model}-{precision}".ToLowerInvariant());
        return new MeasuredDecoder($"{model} {precision}".ToLowerInvariant(), new(() =>
        {
            if (!Directory.Exists(folder))
                export(folder, new ExportOptions { Precision = precision });
            return Bundle.Open(folder);
        }));
    }
}
