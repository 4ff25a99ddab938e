using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Onnx;

namespace Dalle.ML.Export;

/// <summary>Fills a folder with the files of a bundle, then describes them in its manifest.</summary>
internal sealed class BundleWriter(string folder)
{
    private readonly List<string> _files = [];

    /// <summary>Starts a graph; its weights go to a file of the same name beside it.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="precision">How its products are computed.</param>
    public GraphBuilder Graph(string file, Precision precision = Precision.Fp32) => new(PathOfGraph(file), precision);

    /// <summary>Starts a graph whose weights go to a file that it shares with others.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="precision">How its products are computed.</param>
    /// <param name="weights">The file of <see cref="Weights"/>.</param>
    public GraphBuilder Graph(string file, Precision precision, WeightsFile weights)
    {
        _files.Add(file);
        return new GraphBuilder(Path.Combine(folder, file), precision, shared: weights);
    }

    /// <summary>Starts a file of weights that several graphs share.</summary>
    /// <param name="file">Its name.</param>
    public WeightsFile Weights(string file)
    {
        _files.Add(file);
        return new WeightsFile(Path.Combine(folder, file));
    }

    /// <summary>Starts a graph between pixels and tokens, with 32-bit floats only: the OnnxTransformer of ML.NET does not support Float16.</summary>
    /// <param name="file">Its name.</param>
    public GraphBuilder ImageGraph(string file) => new(PathOfGraph(file), storesFloat16: false);

    /// <summary>Copies a file and returns its name in the bundle.</summary>
    public string Copy(string source, string? name = null) => Write(name ?? Path.GetFileName(source), File.ReadAllBytes(source));

    /// <summary>Writes a small file and returns its name.</summary>
    public string Write(string name, ReadOnlySpan<byte> content)
    {
        _files.Add(name);
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return name;
    }

    /// <summary>Copies the CLIP of another bundle into the folder <c>clip</c>.</summary>
    /// <exception cref="DalleBundleException">The other bundle is invalid, or has no CLIP.</exception>
    public ClipGraphs CopyClip(string other)
    {
        var bundle = Bundle.Open(ModelFolders.Find(other));
        var clip = bundle.Manifest.Clip ?? throw bundle.Error("it has no CLIP to copy. Export one with the family 'clip', or 'ru-clip' for Russian.");
        var take = new Copies(this, bundle, "clip/");
        return clip with
        {
            TextEncoder = take.Graph(clip.TextEncoder),
            ImageEncoder = take.Graph(clip.ImageEncoder),
            Text = clip.Text with
            {
                Tokenizer = clip.Text.Tokenizer with
                {
                    Vocabulary = take.File(clip.Text.Tokenizer.Vocabulary),
                    Merges = clip.Text.Tokenizer.Merges is { } merges ? take.File(merges) : null,
                },
            },
        };
    }

    /// <summary>Copies the upscaler of another bundle into the folder <c>upscaler</c>.</summary>
    /// <exception cref="DalleBundleException">The other bundle is invalid, or has no upscaler.</exception>
    public UpscalerGraph CopyUpscaler(string other)
    {
        var bundle = Bundle.Open(ModelFolders.Find(other));
        var upscaler = bundle.Manifest.Upscaler ?? throw bundle.Error("it has no upscaler to copy. Export one with the family 'real-esrgan'.");
        return upscaler with { File = new Copies(this, bundle, "upscaler/").Graph(upscaler.File) };
    }

    /// <summary>Writes the manifest, last: a folder without one is not a bundle.</summary>
    public void Finish(Manifest manifest)
    {
        var files = new SortedDictionary<string, FileRecord>(StringComparer.Ordinal);
        foreach (var file in _files)
            files.Add(file, Bundle.Describe(Path.Combine(folder, file)));
        File.WriteAllBytes(Path.Combine(folder, Bundle.ManifestName), (manifest with { Files = files }).ToJson());
    }

    private string PathOfGraph(string file)
    {
        _files.Add(file);
        _files.Add(Path.ChangeExtension(file, ".weights"));
        return Path.Combine(folder, file);
    }

    /// <summary>Files of another bundle, each copied once.</summary>
    private sealed class Copies(BundleWriter writer, Bundle other, string folder)
    {
        private readonly HashSet<string> _taken = [];

        public string File(string file)
        {
            if (_taken.Add(file))
                writer.Copy(other.PathOf(file), folder + file);
            return folder + file;
        }

        /// <summary>A graph with its weights.</summary>
        public string Graph(string file)
        {
            foreach (var weights in OnnxFile.Read(other.PathOf(file)).ExternalFiles.ToArray())
                File(Path.Combine(Path.GetDirectoryName(file) ?? "", weights).Replace('\\', '/'));
            return File(file);
        }
    }
}
