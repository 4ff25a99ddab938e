using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dalle.ML.Bundles;

/// <summary>
/// The manifest <c>dalle.json</c> of a bundle: everything that the engine must know of a model beyond its graphs, so that it never
/// asks which family it runs. The format is documented in docs/bundle-format.md.
/// </summary>
/// <remarks><see cref="ManifestReader"/> reads it, and says what the JSON may leave out; a generated serializer writes it.</remarks>
internal sealed record Manifest
{
    /// <summary>The version of this layout that the code reads and writes.</summary>
    public const int CurrentFormat = 1;

    public required int Format { get; init; }

    public required string Name { get; init; }

    /// <summary>The exporter's name of the model family. Informative: the engine does not read it.</summary>
    public required string Family { get; init; }

    public string? Description { get; init; }

    public string? License { get; init; }

    /// <summary>Where the weights come from.</summary>
    public string? Provenance { get; init; }

    /// <summary>The precision that the transformer's products are computed in: fp32, fp16, int8 or int4.</summary>
    public required string Precision { get; init; }

    /// <summary>The images that are encoded and decoded; null where there is no codebook.</summary>
    public ImageFormat? Image { get; init; }

    public TextFormat? Text { get; init; }

    /// <summary>The encoder of families that keep the prompt apart from the image; else the prompt begins the decoder's stream.</summary>
    public TextEncoderGraph? TextEncoder { get; init; }

    public DecoderGraph? Decoder { get; init; }

    /// <summary>The transformer with its head for the text; null where the model does not complete text.</summary>
    public TextDecoderGraph? TextDecoder { get; init; }

    /// <summary>File of the graph from <c>pixels</c> [N,3,H,W] in 0..1 to <c>tokens</c> [N,T].</summary>
    public string? ImageEncoder { get; init; }

    /// <summary>File of the graph from <c>tokens</c> [N,T] to <c>pixels</c> [N,3,H,W] in 0..1.</summary>
    public string? ImageDecoder { get; init; }

    public ClipGraphs? Clip { get; init; }

    /// <summary>The networks of DALL·E 2; null in a bundle of DALL·E.</summary>
    public UnclipGraphs? Unclip { get; init; }

    /// <summary>The network that enlarges images.</summary>
    public UpscalerGraph? Upscaler { get; init; }

    /// <summary>The network whose features of images are compared by metrics such as FID.</summary>
    public FeatureGraph? Features { get; init; }

    public SamplingDefaults Sampling { get; init; } = new();

    /// <summary>File of the words that the model was trained on; see <c>Text/Vocabulary.cs</c>. It does not change what the model generates.</summary>
    public string? Words { get; init; }

    /// <summary>Size and hash of every file of the bundle but the manifest itself, by name relative to the folder.</summary>
    public required SortedDictionary<string, FileRecord> Files { get; init; }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="JsonException">The text is not a manifest.</exception>
    public static Manifest Parse(ReadOnlyMemory<byte> json) => ManifestReader.Read(json);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ManifestContext.Default.Manifest);
}

/// <summary>The images of a model and their grid of tokens, in raster order.</summary>
internal sealed record ImageFormat
{
    public required int Width { get; init; }

    public required int Height { get; init; }

    /// <summary>Width of the images that the image encoder takes, where it is another than that of the images that are decoded.</summary>
    public int? EncodedWidth { get; init; }

    /// <summary>Height of the images that the image encoder takes, where it is another than that of the images that are decoded.</summary>
    public int? EncodedHeight { get; init; }

    public required int Rows { get; init; }

    public required int Columns { get; init; }

    /// <summary>Number of entries of the codebook.</summary>
    [JsonPropertyName("vocabulary")]
    public required int CodebookSize { get; init; }

    /// <summary>How an image of another size is brought to this one before it is cropped about its centre.</summary>
    public ResampleFilter Resample { get; init; } = ResampleFilter.Bicubic;

    [JsonIgnore]
    public int Tokens => Rows * Columns;

    /// <summary>The size that an image is brought to before it is encoded.</summary>
    [JsonIgnore]
    public (int Width, int Height) Encoded => (EncodedWidth ?? Width, EncodedHeight ?? Height);
}

/// <summary>The filters by which the model families shrink images, each widened by the scale factor against aliasing.</summary>
[JsonConverter(typeof(NameConverter<ResampleFilter>))]
internal enum ResampleFilter
{
    Bilinear,
    Bicubic,
    Lanczos,
}

/// <summary>How an image of other proportions is brought to a size.</summary>
[JsonConverter(typeof(NameConverter<Fit>))]
internal enum Fit
{
    /// <summary>The short side is brought to the size and the middle cut out.</summary>
    Crop,

    /// <summary>Both sides are brought to the size, whatever that does to the proportions.</summary>
    Squash,

    /// <summary>The largest square in the middle is cut out and brought to the size (ai-forever/ru-clip).</summary>
    Square,
}

/// <summary>How an image encoder sees an image that is not opaque.</summary>
[JsonConverter(typeof(NameConverter<Transparency>))]
internal enum Transparency
{
    /// <summary>The image on white.</summary>
    White,

    /// <summary>Its colours alone, after it is resampled; black where nothing is seen (openai/CLIP, by Pillow).</summary>
    Dropped,

    /// <summary>Its colours alone, as if it were opaque: the opacity is dropped before it is resampled (ai-forever/ru-clip).</summary>
    Ignored,
}

/// <summary>
/// From <c>ids</c> int64 [N,L] to what the decoder attends to, such as the cross-attention's keys and values. Each output is an input of
/// the decoder of the same name and shape, the same at every step.
/// </summary>
internal sealed record TextEncoderGraph
{
    public required string File { get; init; }

    public string Ids { get; init; } = "ids";

    /// <summary>Names of the outputs, float [N, …] each.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }
}

/// <summary>
/// The autoregressive transformer: a stream of ids with a key-value cache. It begins with the prompt's ids, or with <see cref="Start"/>
/// where a text encoder has the prompt; those of the image follow.
/// </summary>
/// <remarks>Graphs of other tools fit in by the names of what they take: a name that is absent is an input that the graph does not have.</remarks>
internal sealed record DecoderGraph
{
    public required string File { get; init; }

    /// <summary>Ids that begin the stream where there is a text encoder.</summary>
    public IReadOnlyList<int> Start { get; init; } = [];

    /// <summary>Id of image token 0 in the stream.</summary>
    public required int ImageIdOffset { get; init; }

    /// <summary>Name of the input of ids, int64 [batch, sequence].</summary>
    public string Ids { get; init; } = "ids";

    /// <summary>Name of the input that holds the number of positions including this call's, int32 [1].</summary>
    public string? TotalLength { get; init; }

    /// <summary>Name of the input of the places of the ids, int64 [batch, sequence].</summary>
    public string? Positions { get; init; }

    /// <summary>Name of the input that says which positions take part, int64 [batch, total], all of them ones.</summary>
    public string? AttentionMask { get; init; }

    /// <summary>Name of the output: float [batch, vocabulary] of the last position, or [batch, sequence, vocabulary].</summary>
    public string Logits { get; init; } = "logits";

    /// <summary>Place of image token 0 in the logits' vocabulary.</summary>
    public int LogitsOffset { get; init; }

    public required KeyValueCache Cache { get; init; }

    /// <summary>Other tensors carried from call to call.</summary>
    public RecurrentState? State { get; init; }
}

/// <summary>
/// The autoregressive transformer over the text: its logits are those of the text's ids. A text that is completed begins with <see cref="Prefix"/>,
/// which need not be that of <see cref="TextFormat"/>; places are counted as there.
/// </summary>
internal sealed record TextDecoderGraph
{
    public required DecoderGraph Graph { get; init; }

    /// <summary>Ids before the text.</summary>
    public int[] Prefix { get; init; } = [];

    /// <summary>Ids in place of an empty text.</summary>
    public int[] Empty { get; init; } = [];

    /// <summary>Whether an id of the padding ends the text, as <see cref="TextFormat.EosTokens"/> do.</summary>
    public bool EndsAtPadding { get; init; }
}

/// <summary>The memory layout of a key-value cache.</summary>
[JsonConverter(typeof(NameConverter<CacheKind>))]
internal enum CacheKind
{
    /// <summary>One buffer of full capacity is past and present at once.</summary>
    Shared,

    /// <summary>Present is past followed by this call's positions, as other tools export it.</summary>
    Concat,
}

/// <summary>Element types of a key-value cache.</summary>
[JsonConverter(typeof(NameConverter<CacheType>))]
internal enum CacheType
{
    Float32,
    Float16,
}

/// <summary>Shape and tensor names of the key-value cache: [batch, heads, positions, head size] each.</summary>
internal sealed record KeyValueCache
{
    private const string Layer = "{layer}";

    public CacheKind Kind { get; init; }

    public CacheType Type { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>Number of positions that a buffer holds.</summary>
    public required int Capacity { get; init; }

    public string PastKey { get; init; } = "past_key_{layer}";

    public string PastValue { get; init; } = "past_value_{layer}";

    public string PresentKey { get; init; } = "present_key_{layer}";

    public string PresentValue { get; init; } = "present_value_{layer}";

    /// <summary>Bytes of one number.</summary>
    [JsonIgnore]
    public int ElementSize => Type == CacheType.Float16 ? 2 : 4;

    /// <summary>Bytes of all layers' keys and values for one sequence.</summary>
    [JsonIgnore]
    public long BytesPerRow => 2L * Layers * Heads * Capacity * HeadSize * ElementSize;

    /// <summary>The names of all layers' tensors: past and present, of each layer first of the keys and then of the values.</summary>
    [JsonIgnore]
    public IEnumerable<(string Past, string Present)> AllNames => Enumerable.Range(0, Layers).SelectMany(Names);

    /// <summary>The names of a layer's tensors.</summary>
    public IEnumerable<(string Past, string Present)> Names(int layer)
    {
        var number = layer.ToString(CultureInfo.InvariantCulture);
        yield return (PastKey.Replace(Layer, number, StringComparison.Ordinal), PresentKey.Replace(Layer, number, StringComparison.Ordinal));
        yield return (PastValue.Replace(Layer, number, StringComparison.Ordinal), PresentValue.Replace(Layer, number, StringComparison.Ordinal));
    }
}

/// <summary>
/// Tensors of a fixed size that a call takes and gives anew, float [batch, …], zero at the beginning: for example the last row of hidden
/// states in front of each layer where tokens are shifted (lucidrains/DALLE-pytorch).
/// </summary>
internal sealed record RecurrentState
{
    private const string Index = "{index}";

    public required int Count { get; init; }

    /// <summary>Dimensions behind that of the batch.</summary>
    public required IReadOnlyList<int> Shape { get; init; }

    public string Past { get; init; } = "past_state_{index}";

    public string Present { get; init; } = "present_state_{index}";

    [JsonIgnore]
    public IEnumerable<(string Past, string Present)> Names => Enumerable.Range(0, Count)
        .Select(index => index.ToString(CultureInfo.InvariantCulture))
        .Select(index => (Past.Replace(Index, index, StringComparison.Ordinal), Present.Replace(Index, index, StringComparison.Ordinal)));
}

/// <summary>The two encoders of CLIP, to unit vectors of the same space.</summary>
internal sealed record ClipGraphs
{
    /// <summary>What a template has in place of the text.</summary>
    public const string Placeholder = "{}";

    /// <summary>File of the graph from <c>ids</c> int64 [N,L] to <c>embedding</c> [N,D].</summary>
    public required string TextEncoder { get; init; }

    /// <summary>File of the graph from <c>pixels</c> [N,3,S,S] in 0..1 to <c>embedding</c> [N,D].</summary>
    public required string ImageEncoder { get; init; }

    public required TextFormat Text { get; init; }

    /// <summary>Number of values of an embedding.</summary>
    [JsonPropertyName("embedding")]
    public required int EmbeddingDimension { get; init; }

    /// <summary>Side of the square image that the image tower takes, in pixels.</summary>
    public required int ImageSize { get; init; }

    public ResampleFilter Resample { get; init; } = ResampleFilter.Bicubic;

    /// <summary>How an image of other proportions is brought to <see cref="ImageSize"/>.</summary>
    public Fit Fit { get; init; }

    public Transparency Transparency { get; init; }

    /// <summary>Score = scale × cosine.</summary>
    public required float Scale { get; init; }

    /// <summary>
    /// Phrases with <see cref="Placeholder"/> for the text, whose mean features a text is ranked by; the text encoder gives these as another output,
    /// <c>features</c> [N,D]. Null where a text is taken as it is.
    /// </summary>
    public IReadOnlyList<string>? Templates { get; init; }
}

/// <summary>
/// A network that enlarges images of any size, from <c>pixels</c> [N,3,H,W] in 0..1 to <c>upscaled</c> [N,3,factor·H,factor·W], and how an image is
/// cut into tiles for it.
/// </summary>
internal sealed record UpscalerGraph
{
    public required string File { get; init; }

    /// <summary>Sides of the result as multiples of the image's.</summary>
    public required int Factor { get; init; }

    /// <summary>The sides of the network's input are multiples of this number.</summary>
    public int Multiple { get; init; } = 1;

    public TileEdges Edges { get; init; }

    /// <summary>Side of the part of a tile whose result is used, in pixels; 0 takes the whole image at once.</summary>
    public required int TileSize { get; init; }

    /// <summary>Pixels on each side of a tile that the network sees in addition.</summary>
    public required int Overlap { get; init; }

    /// <summary>Number of pixels by which the image is mirrored beyond its edges, as <see cref="TileEdges"/> tells.</summary>
    public int Mirror { get; init; }

    /// <summary>Whether colours are cut to bytes and not rounded.</summary>
    public bool Truncates { get; init; }
}

/// <summary>What a network sees where a tile reaches beyond the image.</summary>
[JsonConverter(typeof(NameConverter<TileEdges>))]
internal enum TileEdges
{
    /// <summary>Nothing: the tile is smaller there. An image is mirrored beyond its right and lower edge, at the pixels there (xinntao/Real-ESRGAN).</summary>
    Clipped,

    /// <summary>The pixel at the edge again and again. Before, an image is mirrored beyond all its edges, which are there twice (ai-forever/ru-dalle).</summary>
    Repeated,
}

/// <summary>
/// A network that judges images, such as Inception: from <c>pixels</c> [N,3,S,S] in 0..1 to <c>features</c> [N,D] and <c>logits</c> [N,C] of classes.
/// </summary>
internal sealed record FeatureGraph
{
    public required string File { get; init; }

    /// <summary>Side of the square image that it takes, in pixels.</summary>
    public required int ImageSize { get; init; }

    public FeatureResize Resize { get; init; }

    /// <summary>Number of features.</summary>
    public required int Dimension { get; init; }

    /// <summary>Number of classes.</summary>
    public required int Classes { get; init; }
}

/// <summary>How an image is brought to the size of a network that judges images, whatever that does to its proportions. FIDs differ by it.</summary>
[JsonConverter(typeof(NameConverter<FeatureResize>))]
internal enum FeatureResize
{
    /// <summary>Between the centres of the two nearest pixels on each axis, also where the image shrinks (pytorch-fid).</summary>
    Bilinear,

    /// <summary>As <see cref="Bilinear"/>, but between the pixels' upper left corners (TensorFlow 1, torch-fidelity).</summary>
    CornerBilinear,

    /// <summary>By a cubic that widens where the image shrinks, without rounding to bytes (clean-fid).</summary>
    AntialiasedBicubic,
}

/// <summary>The defaults where the caller gives no sampling options.</summary>
internal sealed record SamplingDefaults
{
    public float Temperature { get; init; } = 1;

    /// <summary>Weight s of classifier-free guidance, u + s (c − u).</summary>
    public float Guidance { get; init; } = 1;

    /// <summary>0 keeps all.</summary>
    public int TopK { get; init; }

    public float TopP { get; init; } = 1;

    /// <summary>Candidates generated for each image, where the bundle has CLIP.</summary>
    public int Candidates { get; init; } = 1;
}

internal sealed record FileRecord
{
    public required long Size { get; init; }

    public required string Sha256 { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    NewLine = "\n",
    AllowDuplicateProperties = false,
    WriteIndented = true)]
[JsonSerializable(typeof(Manifest))]
internal sealed partial class ManifestContext : JsonSerializerContext;

/// <summary>Names in camel case; numbers, which could name nothing, are refused.</summary>
internal sealed class NameConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;
