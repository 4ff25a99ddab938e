using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Families;

/// <summary>A kind of checkpoint that can become a bundle.</summary>
/// <param name="Name">The word on the command line.</param>
/// <param name="Source">Description of its checkpoint: files and folders.</param>
/// <param name="Export">Writes graphs and tokenizer files, and describes them but for the files' hashes.</param>
internal sealed record ModelFamily(string Name, string Source, Func<ExportSource, BundleWriter, Manifest> Export)
{
    /// <summary>Names of published geometries that can be exported with random weights.</summary>
    public IReadOnlyList<string> Sizes { get; init; } = [];

    /// <summary>Settings that the weights do not tell, each with what it means and its default.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>All of them, in the order in which they are listed.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        DalleFamily.Family, UnclipFamily.Family, MinDalleFamily.Family, DalleMiniFamily.Family, RuDalleFamily.Family, KakaoMinDalleFamily.Family, DallePytorchFamily.Family,
        Dalle2PytorchFamily.Family, KarloFamily.Family, OpenAiDvaeFamily.Family, TamingVqganFamily.Family, ClipFamily.Family,
        RuClipFamily.Family, RealEsrganFamily.Family, InceptionFamily.Family, DalleClassifierFamily.Family,
    ];
}
