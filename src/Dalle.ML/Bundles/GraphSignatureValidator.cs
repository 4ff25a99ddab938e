using Dalle.ML.Onnx;

namespace Dalle.ML.Bundles;

/// <summary>Compares the inputs and outputs of each graph with the manifest before anything runs.</summary>
internal static partial class GraphSignatureValidator
{
    // Numbers of element types in the ONNX standard.
    private const int Float = 1;
    private const int Int32 = 6;
    private const int Int64 = 7;
    private const int Bool = 9;
    private const int Half = 10;

    private const long MaxContextBytes = 1L << 30;

    /// <exception cref="DalleBundleException">A graph does not fit the manifest, or its weights lie outside the bundle.</exception>
    public static void Check(Bundle bundle)
    {
        var manifest = bundle.Manifest;
        if (manifest.Image is { } image)
        {
            OnnxValue tokens = new("tokens", Int64, [null, image.Tokens]);
            if (manifest.ImageEncoder is { } encoder)
                Check(bundle, encoder, [new("pixels", Float, [null, 3, image.Encoded.Height, image.Encoded.Width])], [tokens]);
            if (manifest.ImageDecoder is { } imageDecoder)
                Check(bundle, imageDecoder, [tokens], [new("pixels", Float, [null, 3, image.Height, image.Width])]);
        }
        if (manifest.Clip is { } clip)
        {
            OnnxValue[] embedding = [new("embedding", Float, [null, clip.EmbeddingDimension])];
            OnnxValue[] raw = clip.Templates is null ? [] : [new("features", Float, [null, clip.EmbeddingDimension])];
            Check(bundle, clip.TextEncoder, [new("ids", Int64, [null, clip.Text.Total])], [.. embedding, .. raw]);
            Check(bundle, clip.ImageEncoder, [new("pixels", Float, [null, 3, clip.ImageSize, clip.ImageSize])], embedding);
        }
        if (manifest.Upscaler is { } upscaler)
            Check(bundle, upscaler.File, [new("pixels", Float, [null, 3, null, null])], [new("upscaled", Float, [null, 3, null, null])]);
        if (manifest.Features is { } features)
        {
            Check(
                bundle, features.File, [new("pixels", Float, [null, 3, features.ImageSize, features.ImageSize])],
                [new("features", Float, [null, features.Dimension]), new("logits", Float, [null, features.Classes])]);
        }
        OnnxValue[] context = [];
        if (manifest.TextEncoder is { } textEncoder && manifest.Text is { } text)
        {
            var outputs = Read(bundle, textEncoder.File).Outputs;
            context = [.. textEncoder.Outputs.Select(name => outputs.FirstOrDefault(output => output.Name == name)
                ?? throw bundle.Error($"the graph '{textEncoder.File}' has no output {name}. It has: {string.Join(", ", outputs)}."))];
            Check(bundle, textEncoder.File, [new(textEncoder.Ids, Int64, [null, text.Length])], []);
        }
        if (manifest.Decoder is { } decoder)
            CheckDecoder(bundle, decoder, context, manifest.Image!.CodebookSize);
        if (manifest.TextDecoder is { } textDecoder)
            CheckDecoder(bundle, textDecoder.Graph, [], manifest.Text!.Vocabulary, givesAll: true);
        if (manifest.Unclip is { } unclip)
            CheckUnclip(bundle, unclip);
    }

    private static void CheckDecoder(Bundle bundle, DecoderGraph decoder, OnnxValue[] context, int vocabulary, bool givesAll = false)
    {
        var cache = decoder.Cache;
        var type = cache.Type == CacheType.Float16 ? Half : Float;
        long?[] shape = [null, cache.Heads, cache.Kind == CacheKind.Shared ? cache.Capacity : null, cache.HeadSize];
        long?[] state = [null, .. (decoder.State?.Shape ?? []).Select(size => (long?)size)];
        List<OnnxValue> inputs = [new(decoder.Ids, Int64, [null, null]), .. context];
        List<OnnxValue> outputs = [];
        if (decoder.TotalLength is { } totalLength)
            inputs.Add(new(totalLength, Int32, [1]));
        foreach (var name in new[] { decoder.Positions, decoder.AttentionMask }.OfType<string>())
            inputs.Add(new(name, Int64, [null, null]));
        foreach (var (past, present) in cache.AllNames)
        {
            inputs.Add(new(past, type, shape));
            outputs.Add(new(present, type, shape));
        }
        foreach (var (past, present) in decoder.State?.Names ?? [])
        {
            inputs.Add(new(past, type, state));
            outputs.Add(new(present, type, state));
        }
        var graph = Check(bundle, decoder.File, [.. inputs], [.. outputs]);

        // Buffers are allocated by the sizes that the graph declares, so it must declare them.
        var sized = context.Select(value => value.Name).Concat(decoder.State?.Names.Select(name => name.Past) ?? []);
        if (graph.Inputs.FirstOrDefault(input => sized.Contains(input.Name) && input.Dimensions.Skip(1).Any(size => size is null)) is { } open)
            throw bundle.Error($"the input {open} of the graph '{decoder.File}' does not declare all sizes after the batch size.");
        var logits = graph.Outputs.FirstOrDefault(output => output.Name == decoder.Logits)
            ?? throw bundle.Error($"the graph '{decoder.File}' has no output '{decoder.Logits}'. It has: {string.Join(", ", graph.Outputs)}.");
        var least = decoder.LogitsOffset + vocabulary;
        var most = logits.Dimensions.Count == 2 && decoder.LogitsOffset == 0 ? least : ManifestValidator.MaxVocabulary;
        if (givesAll && logits.Dimensions.Count != 3)
            throw bundle.Error($"the output {logits} of the graph '{decoder.File}' is not float [batch, sequence, {least} or more]: the logits of all positions are needed.");
        if (logits.ElementType != Float || logits.Dimensions.Count is not (2 or 3) || !(logits.Dimensions[^1] >= least && logits.Dimensions[^1] <= most))
        {
            throw bundle.Error($"the output {logits} of the graph '{decoder.File}' is neither float [batch, {least}], as the manifest states, "
                + $"nor [batch, sequence, {least} or more].");
        }
        if (context.FirstOrDefault(IsLarge) is { } large)
            throw bundle.Error($"the input {large} of the graph '{decoder.File}' takes more than {MaxContextBytes >> 20} MiB per sequence.");
    }

    private static bool IsLarge(OnnxValue value) =>
        value.Dimensions.Skip(1).Aggregate((Int128)sizeof(float), (product, size) => product * size!.Value) > MaxContextBytes;

    private static OnnxFile Read(Bundle bundle, string file)
    {
        try
        {
            return OnnxFile.Read(bundle.PathOf(file));
        }
        catch (InvalidDataException exception)
        {
            throw bundle.Error($"the graph '{file}' cannot be read: {exception.Message}.", exception);
        }
    }

    private static OnnxFile Check(Bundle bundle, string file, OnnxValue[] inputs, OnnxValue[] outputs)
    {
        var graph = Read(bundle, file);

        // Weights are beside their graph, in files listed in the manifest.
        var folder = Path.GetDirectoryName(file) is { Length: > 0 } parent ? parent.Replace('\\', '/') + "/" : "";
        foreach (var external in graph.ExternalFiles.Where(external => !Bundle.IsSafeName(external) || !bundle.Manifest.Files.ContainsKey(folder + external)))
            throw bundle.Error($"the graph '{file}' reads its weights from '{external}', which is not one of the bundle's files.");

        Match("input", inputs, [.. graph.Inputs]);
        Match("output", outputs, [.. graph.Outputs]);
        return graph;

        void Match(string kind, OnnxValue[] expected, OnnxValue[] actual)
        {
            foreach (var value in expected)
            {
                var found = actual.FirstOrDefault(candidate => candidate.Name == value.Name)
                    ?? throw bundle.Error($"the graph '{file}' has no {kind} {value}. It has: {string.Join(", ", actual.AsEnumerable())}.");
                if (found.ElementType != value.ElementType)
                    throw bundle.Error($"the {kind} {found} of the graph '{file}' has element type {found.ElementType} (ONNX); the manifest requires {value.ElementType}.");
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
