namespace Dalle.ML.Bundles;

/// <summary>Checks a manifest: sizes within bounds, names inside the folder, every file accounted for.</summary>
internal sealed partial class ManifestValidator
{
    // Far above every published model, and low enough that no product of sizes overflows.
    private const int MaxNameLength = 200;
    private const int MaxImageSide = 8192;
    internal const int MaxGridSide = 256;
    internal const int MaxVocabulary = 1 << 22;
    internal const int MaxTextLength = 1 << 14;
    private const int MaxCleaningSteps = 16;
    private const int MaxLayers = 1024;
    private const int MaxHeads = 1024;
    private const int MaxHeadSize = 4096;
    private const int MaxUpscaling = 16;
    internal const int MaxTileSide = 4096;
    private const int MaxEmbedding = 1 << 16;
    private const int MaxTemplates = 100;
    private const int MaxTemplate = 1000;
    private const int MaxStates = 4 * MaxLayers;
    private const int MaxStateAxes = 4;
    private const long MaxCacheBytesPerRow = 8L << 30;

    private static readonly string[] Precisions = ["fp32", "fp16", "int8", "int4"];

    private readonly Bundle _bundle;
    private readonly Manifest _manifest;
    private readonly HashSet<string> _named = [];

    private ManifestValidator(Bundle bundle) => (_bundle, _manifest) = (bundle, bundle.Manifest);

    /// <returns>The files that the manifest gives a part; the others are weights that graphs name.</returns>
    /// <exception cref="DalleBundleException">A rule is broken.</exception>
    public static IReadOnlySet<string> Check(Bundle bundle)
    {
        var validator = new ManifestValidator(bundle);
        validator.Check();
        return validator._named;
    }

    private void Check()
    {
        var manifest = _manifest;
        if (manifest.Format != Manifest.CurrentFormat)
            throw Error($"its format is {manifest.Format}; this version of Dalle.ML reads format {Manifest.CurrentFormat}. Export the model again.");
        if (string.IsNullOrWhiteSpace(manifest.Name))
            throw Error("'name' is empty.");
        ShortEnough("name", manifest.Name);
        ShortEnough("family", manifest.Family);
        if (!Precisions.Contains(manifest.Precision))
            throw Error($"'precision' is '{manifest.Precision}'; it must be one of {string.Join(", ", Precisions)}.");

        if (manifest.Image is { } image)
        {
            InRange("image.width", image.Width, 1, MaxImageSide);
            InRange("image.height", image.Height, 1, MaxImageSide);
            InRange("image.encodedWidth", image.Encoded.Width, 1, MaxImageSide);
            InRange("image.encodedHeight", image.Encoded.Height, 1, MaxImageSide);
            InRange("image.rows", image.Rows, 1, MaxGridSide);
            InRange("image.columns", image.Columns, 1, MaxGridSide);
            InRange("image.vocabulary", image.CodebookSize, 2, MaxVocabulary);
        }
        else if (manifest is not { Decoder: null, ImageEncoder: null, ImageDecoder: null })
        {
            throw Error("'image' is missing: the graphs of a codebook need it.");
        }

        foreach (var (name, record) in manifest.Files)
        {
            if (record is null || record.Size < 1)
                throw Error($"the file '{name}' has no size: a bundle has no empty files.");
        }
        foreach (var name in manifest.Files.Keys.Where(name => !Bundle.IsSafeName(name) || name == Bundle.ManifestName))
            throw Error($"the file name '{name}' is not allowed: all files must be inside the bundle's folder.");

        if (manifest.Text is { } text)
            CheckText("text", text);
        if (manifest.TextEncoder is { } textEncoder)
        {
            Graph("textEncoder.file", textEncoder.File);
            if (manifest.Text is null || manifest.Decoder is null || manifest.Decoder.Start.Count == 0)
                throw Error("'textEncoder' needs 'text', and a 'decoder' with 'start'.");
            if (textEncoder.Outputs.Count == 0 || textEncoder.Outputs.Distinct().Count() < textEncoder.Outputs.Count)
                throw Error("'textEncoder.outputs' is empty or names an output twice.");
        }
        if (manifest.Decoder is { } decoder)
            CheckDecoder("decoder", decoder, ImagePositions(decoder, manifest.Text ?? throw Error("'decoder' needs 'text'.")));
        if (manifest.TextDecoder is { } textDecoder)
            CheckTextDecoder(textDecoder);
        Graph("imageEncoder", manifest.ImageEncoder);
        Graph("imageDecoder", manifest.ImageDecoder);
        if (manifest.Clip is { } clip)
            CheckClip(clip);
        if (manifest.Unclip is { } unclip)
            CheckUnclip(unclip);
        if (manifest.Upscaler is { } upscaler)
            CheckUpscaler(upscaler);
        if (manifest.Features is { } features)
            CheckFeatures(features);
        CheckSampling(manifest.Sampling);
        Listed("words", manifest.Words);
        if (manifest is { Decoder: null, ImageEncoder: null, ImageDecoder: null, Clip: null, Unclip: null, Upscaler: null, Features: null })
            throw Error("it names no graph.");
    }

    private void CheckText(string key, TextFormat format)
    {
        InRange(key + ".length", format.Length, 1, MaxTextLength);
        InRange(key + ".vocabulary", format.Vocabulary, 1, MaxVocabulary);
        var paddingIds = format.Padding == Padding.PerPosition ? format.Length : 1;
        InRange(key + ".paddingId", format.PaddingId, 0, format.Vocabulary - paddingIds);
        Ids(key + ".prefix", format.Prefix, MaxTextLength);
        Ids(key + ".start", format.BosTokens, format.Length);
        Ids(key + ".end", format.EosTokens, format.Length - format.BosTokens.Length);
        Ids(key + ".blankId", format.PadAliasId is { } blank ? [blank] : [], 1);
        InRange(key + ".cleaning.length", format.Cleaning.Length, 0, MaxCleaningSteps);
        CheckTokenizer(key + ".tokenizer", format.Tokenizer);

        void Ids(string ids, int[] values, int most)
        {
            InRange(ids + ".length", values.Length, 0, most);
            foreach (var id in values)
                InRange(ids, id, 0, format.Vocabulary - 1);
        }
    }

    private void CheckTokenizer(string key, TokenizerFiles files)
    {
        Listed(key + ".vocabulary", files.Vocabulary);
        Listed(key + ".merges", files.Merges);
        var (needsMerges, takesMerges) = (files.Kind is not (TokenizerKind.ClipBpe or TokenizerKind.YouTokenToMe), files.Kind is not TokenizerKind.YouTokenToMe);
        if (needsMerges && files.Merges is null)
            throw Error($"'{key}.merges' is missing: a tokenizer of this kind has its merges in a separate file.");
        if (!takesMerges && files.Merges is not null)
            throw Error($"'{key}.merges' is '{files.Merges}': a tokenizer of this kind has its merges in its vocabulary file.");
    }

    /// <summary>The last image token is sampled but never fed back.</summary>
    private int ImagePositions(DecoderGraph graph, TextFormat format) =>
        (_manifest.TextEncoder is null ? format.Total : graph.Start.Count) + _manifest.Image!.Tokens - 1;

    private void CheckTextDecoder(TextDecoderGraph decoder)
    {
        if (_manifest is not { Text: { } format, Decoder: not null, TextEncoder: null })
            throw Error("'textDecoder' needs 'text' and 'decoder', and no 'textEncoder'.");
        foreach (var (key, ids) in new[] { ("prefix", decoder.Prefix), ("empty", decoder.Empty) })
        {
            InRange($"textDecoder.{key}.length", ids.Length, 0, format.Length);
            foreach (var id in ids)
                InRange($"textDecoder.{key}", id, 0, format.Vocabulary - 1);
        }
        CheckDecoder("textDecoder.graph", decoder.Graph, Math.Max(format.Prefix.Length, decoder.Prefix.Length) + format.Length);
    }

    private void CheckDecoder(string key, DecoderGraph graph, int positions)
    {
        Graph(key + ".file", graph.File);
        InRange(key + ".imageIdOffset", graph.ImageIdOffset, 0, MaxVocabulary);
        InRange(key + ".logitsOffset", graph.LogitsOffset, 0, MaxVocabulary);
        foreach (var id in graph.Start)
            InRange(key + ".start", id, 0, MaxVocabulary);
        InRange(key + ".cache.layers", graph.Cache.Layers, 1, MaxLayers);
        InRange(key + ".cache.heads", graph.Cache.Heads, 1, MaxHeads);
        InRange(key + ".cache.headSize", graph.Cache.HeadSize, 1, MaxHeadSize);
        InRange(key + ".cache.capacity", graph.Cache.Capacity, positions, MaxTextLength + MaxGridSide * MaxGridSide);
        if (graph.Cache.BytesPerRow > MaxCacheBytesPerRow)
            throw Error($"'{key}.cache' takes {graph.Cache.BytesPerRow >> 20} MiB a sequence; at most {MaxCacheBytesPerRow >> 20} are allowed.");
        AllDiffer(key + ".cache", "{layer}", graph.Cache.AllNames);
        if (graph.State is { } state)
        {
            InRange(key + ".state.count", state.Count, 1, MaxStates);
            foreach (var size in state.Shape)
                InRange(key + ".state.shape", size, 1, MaxTextLength);
            var bytes = state.Shape.Aggregate((Int128)sizeof(float) * state.Count, (product, size) => product * size);
            if (state.Shape.Count > MaxStateAxes || bytes > MaxCacheBytesPerRow)
                throw Error($"'{key}.state' takes {bytes >> 20} MiB a sequence; at most {MaxCacheBytesPerRow >> 20} are allowed.");
            AllDiffer(key + ".state", "{index}", state.Names);
        }
    }

    private void AllDiffer(string key, string placeholder, IEnumerable<(string Past, string Present)> names)
    {
        var all = names.SelectMany(name => new[] { name.Past, name.Present }).ToArray();
        if (all.Distinct().Count() < all.Length)
            throw Error($"the names in '{key}' are not all different: each needs '{placeholder}'.");
    }

    private void Graph(string key, string? file)
    {
        Listed(key, file);
        // ONNX Runtime recognizes its other format, which is not checked here, by the name.
        if (file is not null && !file.EndsWith(".onnx", StringComparison.Ordinal))
            throw Error($"'{key}' is '{file}'; the name of a graph must end in .onnx.");
    }

    private void CheckClip(ClipGraphs graphs)
    {
        Graph("clip.textEncoder", graphs.TextEncoder);
        Graph("clip.imageEncoder", graphs.ImageEncoder);
        CheckText("clip.text", graphs.Text);
        InRange("clip.embedding", graphs.EmbeddingDimension, 1, MaxEmbedding);
        InRange("clip.imageSize", graphs.ImageSize, 1, MaxImageSide);
        if (!float.IsFinite(graphs.Scale) || graphs.Scale <= 0)
            throw Error($"'clip.scale' is {graphs.Scale}; it must be a positive number.");
        if (graphs.Templates is not { } templates)
            return;
        if (templates.Count is 0 or > MaxTemplates)
            throw Error($"'clip.templates' has {templates.Count} phrases; it must have 1 to {MaxTemplates}.");
        if (!templates.All(template => template is { Length: <= MaxTemplate } && template.Split(ClipGraphs.Placeholder).Length == 2))
            throw Error($"each of 'clip.templates' must have {ClipGraphs.Placeholder} once, for the text, and {MaxTemplate} characters at most.");
    }

    private void CheckUpscaler(UpscalerGraph graph)
    {
        Graph("upscaler.file", graph.File);
        InRange("upscaler.factor", graph.Factor, 1, MaxUpscaling);
        InRange("upscaler.multiple", graph.Multiple, 1, MaxUpscaling);
        InRange("upscaler.tileSize", graph.TileSize, graph.Edges == TileEdges.Clipped ? 0 : 1, MaxTileSide);
        InRange("upscaler.overlap", graph.Overlap, 0, MaxTileSide);
        InRange("upscaler.mirror", graph.Mirror, 0, MaxTileSide);
        var (size, overlap) = graph.Edges == TileEdges.Clipped ? (graph.TileSize, graph.Overlap) : (graph.TileSize + 2 * graph.Overlap, 0);
        if (size % graph.Multiple != 0 || overlap % graph.Multiple != 0)
            throw Error($"the tiles of 'upscaler' are not multiples of its 'multiple', {graph.Multiple}: change 'tileSize' or 'overlap'.");
    }

    private void CheckFeatures(FeatureGraph graph)
    {
        Graph("features.file", graph.File);
        InRange("features.imageSize", graph.ImageSize, 1, MaxImageSide);
        InRange("features.dimension", graph.Dimension, 1, MaxEmbedding);
        InRange("features.classes", graph.Classes, 2, MaxEmbedding);
    }

    private void CheckSampling(SamplingDefaults sampling)
    {
        if (!float.IsFinite(sampling.Temperature) || sampling.Temperature < 0 || !float.IsFinite(sampling.Guidance) || sampling.TopP is not (> 0 and <= 1))
            throw Error("'sampling' holds a temperature, guidance or top-p out of range.");
        InRange("sampling.topK", sampling.TopK, 0, MaxVocabulary);
        InRange("sampling.candidates", sampling.Candidates, 1, 512);
    }

    private void Listed(string key, string? file)
    {
        if (file is null)
            return;
        if (!_manifest.Files.ContainsKey(file))
            throw Error($"'{key}' names the file '{file}', which is not among the manifest's 'files'.");
        _named.Add(file);
    }

    private void ShortEnough(string key, string text)
    {
        if (text.Length > MaxNameLength)
            throw Error($"'{key}' has {text.Length} characters; at most {MaxNameLength} are allowed.");
    }

    private void InRange(string key, int value, int least, int most)
    {
        if (value < least || value > most)
            throw Error($"'{key}' is {value}; it must lie between {least} and {most}.");
    }

    private DalleBundleException Error(string message) => _bundle.Error($"in '{Bundle.ManifestName}', {message}");
}
