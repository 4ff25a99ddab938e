using Dalle.ML.Bundles;
using Dalle.ML.Export;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Benchmarks;

/// <summary>A transformer that is measured. Nothing of it is loaded, or exported, before it is needed.</summary>
/// <param name="name">What its measurements begin with.</param>
/// <param name="bundle">Its bundle.</param>
/// <param name="device">Where it runs.</param>
/// <param name="samplesTokens">Whether its graph samples tokens, as it always does on a GPU.</param>
internal sealed class MeasuredDecoder(string name, Lazy<Bundle> bundle, DalleDevice device = default, bool samplesTokens = false) : IDisposable
{
    private readonly Lazy<DecoderSession> _session = new(() => new DecoderSession(bundle.Value, bundle.Value.Manifest.Decoder!, device, samplesTokens));

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

    /// <summary>Random weights of a family's geometry, exported once into the folder of build results.</summary>
    public static MeasuredDecoder Random(string family, string size, Precision precision, DalleDevice device = default) =>
        Exported(size, precision, device, (folder, options) => BundleExporter.ExportRandom(family, size, folder, options));

    /// <summary>Trained weights of our own family, exported for this run.</summary>
    public static MeasuredDecoder Trained(string checkpoint, Precision precision)
    {
        const string Name = "trained";
        if (Directory.Exists(FolderOf(Name, precision)))
            Directory.Delete(FolderOf(Name, precision), recursive: true);
        return Exported(Name, precision, default, (folder, options) => BundleExporter.Export("dalle", [checkpoint], folder, options));
    }

    public void Dispose()
    {
        if (_session.IsValueCreated)
            _session.Value.Dispose();
    }

    private static MeasuredDecoder Exported(string model, Precision precision, DalleDevice device, Action<string, ExportOptions> export)
    {
        var folder = FolderOf(model, precision);
        return new MeasuredDecoder($"{model} {precision}".ToLowerInvariant(), new(() =>
        {
            if (!Directory.Exists(folder))
                export(folder, new ExportOptions { Precision = precision });
            return Bundle.Open(folder);
        }), device);
    }

    private static string FolderOf(string model, Precision precision) =>
        Path.Combine(Arguments.RepositoryRoot(), "artifacts", "bench", $"{model}-{precision}".ToLowerInvariant());
}
