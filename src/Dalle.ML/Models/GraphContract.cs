namespace Dalle.ML.Models;

/// <summary>What the graphs of each role take and give, held against the files themselves before anything runs.</summary>
internal static class GraphContract
{
    // Numbers of element types in the ONNX standard.
    private const int Float = 1;
    private const int Int32 = 6;
    private const int Int64 = 7;

    /// <exception cref="DalleBundleException">A graph does not fit the manifest, or its weights lie outside the bundle.</exception>
    public static void Check(Bundle bundle)
    {
        var manifest = bundle.Manifest;
        var image = manifest.Image;
        if (manifest.ImageEncoder is { } encoder)
            Check(bundle, encoder, [new("pixels", Float, [null, 3, image.Height, image.Width])], [new("tokens", Int64, [null, image.Tokens])]);
        if (manifest.ImageDecoder is { } imageDecoder)
            Check(bundle, imageDecoder, [new("tokens", Int64, [null, image.Tokens])], [new("pixels", Float, [null, 3, image.Height, image.Width])]);
        if (manifest.Clip is { } clip)
        {
            OnnxValue[] embedding = [new("embedding", Float, [null, clip.Embedding])];
            Check(bundle, clip.TextEncoder, [new("ids", Int64, [null, clip.Text.Total])], embedding);
            Check(bundle, clip.ImageEncoder, [new("pixels", Float, [null, 3, clip.ImageSize, clip.ImageSize])], embedding);
        }
        if (manifest.Decoder is { } decoder)
        {
            var cache = decoder.Cache;
            var names = Enumerable.Range(0, cache.Layers).SelectMany(cache.Names).ToArray();
            long?[] shape = [null, cache.Heads, cache.Capacity, cache.HeadSize];
            Check(bundle, decoder.File,
                [new(decoder.Ids, Int64, [null, null]), new(decoder.TotalLength, Int32, [1]), .. names.Select(name => new OnnxValue(name.Past, Float, shape))],
                [new(decoder.Logits, Float, [null, image.Vocabulary]), .. names.Select(name => new OnnxValue(name.Present, Float, shape))]);
        }
    }

    private static void Check(Bundle bundle, string file, OnnxValue[] inputs, OnnxValue[] outputs)
    {
        OnnxFile graph;
        try
        {
            graph = OnnxFile.Read(bundle.PathOf(file));
        }
        catch (InvalidDataException exception)
        {
            throw bundle.Error($"the graph '{file}' cannot be read: {exception.Message}.", exception);
        }

        // Weights lie beside their graph, in files that the manifest vouches for.
        var folder = Path.GetDirectoryName(file) is { Length: > 0 } parent ? parent.Replace('\\', '/') + "/" : "";
        foreach (var external in graph.ExternalFiles.Where(external => !Bundle.IsSafeName(external) || !bundle.Manifest.Files.ContainsKey(folder + external)))
            throw bundle.Error($"the graph '{file}' reads its weights from '{external}', which is not one of the bundle's files.");

        Match("input", inputs, [.. graph.Inputs]);
        Match("output", outputs, [.. graph.Outputs]);

        void Match(string kind, OnnxValue[] expected, OnnxValue[] actual)
        {
            foreach (var value in expected)
            {
                var found = actual.FirstOrDefault(candidate => candidate.Name == value.Name)
                    ?? throw bundle.Error($"the graph '{file}' has no {kind} {value}. It has: {string.Join(", ", actual.AsEnumerable())}.");
                if (found.ElementType != value.ElementType)
                    throw bundle.Error($"the {kind} {found} of the graph '{file}' has element type {found.ElementType} (ONNX) where the manifest asks for {value.ElementType}.");
                var fits = found.Dimensions.Count == value.Dimensions.Count
                    && found.Dimensions.Zip(value.Dimensions).All(pair => pair.First is null || pair.Second is null || pair.First == pair.Second);
                if (!fits)
                    throw bundle.Error($"the {kind} {found} of the graph '{file}' does not have the shape {value} that the manifest states.");
            }
            if (kind == "input" && actual.FirstOrDefault(value => expected.All(known => known.Name != value.Name)) is { } unknown)
                throw bundle.Error($"the graph '{file}' has the input {unknown}, which the manifest does not account for.");
        }
    }
}
