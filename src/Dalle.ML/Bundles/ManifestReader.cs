using System.Text.Json;

namespace Dalle.ML.Bundles;

/// <summary>
/// Reads the records of a manifest from its JSON. A generated serializer would do so without these lines, but is set up at the first manifest of a process,
/// for a quarter of the time to the first image of the tool.
/// </summary>
internal static class ManifestReader
{
    /// <exception cref="JsonException">It is not a manifest; the message says where and why.</exception>
    public static Manifest Read(ReadOnlyMemory<byte> json) => ManifestObject.Read(json, Manifest);

    private static Manifest Manifest(ManifestObject json) => new()
    {
        Format = json.Int("format"),
        Name = json.Text("name"),
        Family = json.Text("family"),
        Description = json.OptionalText("description"),
        License = json.OptionalText("license"),
        Provenance = json.OptionalText("provenance"),
        Precision = json.Text("precision"),
        Image = json.OptionalObject("image", Image),
        Text = json.OptionalObject("text", Text),
        TextEncoder = json.OptionalObject("textEncoder", TextEncoder),
        Decoder = json.OptionalObject("decoder", Decoder),
        TextDecoder = json.OptionalObject("textDecoder", TextDecoder),
        ImageEncoder = json.OptionalText("imageEncoder"),
        ImageDecoder = json.OptionalText("imageDecoder"),
        Clip = json.OptionalObject("clip", Clip),
        Unclip = json.OptionalObject("unclip", Unclip),
        Upscaler = json.OptionalObject("upscaler", Upscaler),
        Features = json.OptionalObject("features", Features),
        Sampling = json.Object("sampling", Sampling, () => new()),
        Words = json.OptionalText("words"),
        Files = json.Map("files", File),
    };

    private static ImageFormat Image(ManifestObject json) => new()
    {
        Width = json.Int("width"),
        Height = json.Int("height"),
        EncodedWidth = json.OptionalInt("encodedWidth"),
        EncodedHeight = json.OptionalInt("encodedHeight"),
        Rows = json.Int("rows"),
        Columns = json.Int("columns"),
        CodebookSize = json.Int("vocabulary"),
        Resample = json.Choice("resample", ResampleFilter.Bicubic),
    };

    private static TextFormat Text(ManifestObject json) => new()
    {
        Tokenizer = json.Object("tokenizer", Tokenizer),
        Cleaning = json.Choices<TextCleaning>("cleaning"),
        Vocabulary = json.Int("vocabulary"),
        Length = json.Int("length"),
        Prefix = json.Ints("prefix", []),
        BosTokens = json.Ints("start", []),
        EosTokens = json.Ints("end", []),
        KeepEnd = json.Bool("keepEnd"),
        Padding = json.Choice<Padding>("padding"),
        PaddingId = json.Int("paddingId"),
        PadAliasId = json.OptionalInt("blankId"),
        Unconditional = json.Choice("unconditional", UnconditionalPrompt.Empty),
    };

    private static TokenizerFiles Tokenizer(ManifestObject json) => new()
    {
        Kind = json.Choice<TokenizerKind>("kind"),
        Vocabulary = json.Text("vocabulary"),
        Merges = json.OptionalText("merges"),
    };

    private static TextEncoderGraph TextEncoder(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Ids = json.Text("ids", "ids"),
        Outputs = json.Texts("outputs"),
    };

    private static DecoderGraph Decoder(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Start = json.Ints("start", []),
        ImageIdOffset = json.Int("imageIdOffset"),
        Ids = json.Text("ids", "ids"),
        TotalLength = json.OptionalText("totalLength"),
        Positions = json.OptionalText("positions"),
        AttentionMask = json.OptionalText("attentionMask"),
        Logits = json.Text("logits", "logits"),
        LogitsOffset = json.Int("logitsOffset", 0),
        Cache = json.Object("cache", Cache),
        State = json.OptionalObject("state", State),
    };

    private static TextDecoderGraph TextDecoder(ManifestObject json) => new()
    {
        Graph = json.Object("graph", Decoder),
        Prefix = json.Ints("prefix", []),
        Empty = json.Ints("empty", []),
        EndsAtPadding = json.Bool("endsAtPadding"),
    };

    private static KeyValueCache Cache(ManifestObject json) => new()
    {
        Kind = json.Choice("kind", CacheKind.Shared),
        Type = json.Choice("type", CacheType.Float32),
        Layers = json.Int("layers"),
        Heads = json.Int("heads"),
        HeadSize = json.Int("headSize"),
        Capacity = json.Int("capacity"),
        PastKey = json.Text("pastKey", "past_key_{layer}"),
        PastValue = json.Text("pastValue", "past_value_{layer}"),
        PresentKey = json.Text("presentKey", "present_key_{layer}"),
        PresentValue = json.Text("presentValue", "present_value_{layer}"),
    };

    private static RecurrentState State(ManifestObject json) => new()
    {
        Count = json.Int("count"),
        Shape = json.Ints("shape"),
        Past = json.Text("past", "past_state_{index}"),
        Present = json.Text("present", "present_state_{index}"),
    };

    private static ClipGraphs Clip(ManifestObject json) => new()
    {
        TextEncoder = json.Text("textEncoder"),
        ImageEncoder = json.Text("imageEncoder"),
        Text = json.Object("text", Text),
        EmbeddingDimension = json.Int("embedding"),
        ImageSize = json.Int("imageSize"),
        Resample = json.Choice("resample", ResampleFilter.Bicubic),
        Fit = json.Choice("fit", Fit.Crop),
        Transparency = json.Choice("transparency", Transparency.White),
        Scale = json.Float("scale"),
        Templates = json.OptionalTexts("templates"),
    };

    private static UpscalerGraph Upscaler(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Factor = json.Int("factor"),
        Multiple = json.Int("multiple", 1),
        Edges = json.Choice("edges", TileEdges.Clipped),
        TileSize = json.Int("tileSize"),
        Overlap = json.Int("overlap"),
        Mirror = json.Int("mirror", 0),
        Truncates = json.Bool("truncates"),
    };

    private static FeatureGraph Features(ManifestObject json) => new()
    {
        File = json.Text("file"),
        ImageSize = json.Int("imageSize"),
        Resize = json.Choice("resize", FeatureResize.Bilinear),
        Dimension = json.Int("dimension"),
        Classes = json.Int("classes"),
    };

    private static SamplingDefaults Sampling(ManifestObject json) => new()
    {
        Temperature = json.Float("temperature", 1),
        Guidance = json.Float("guidance", 1),
        TopK = json.Int("topK", 0),
        TopP = json.Float("topP", 1),
        Candidates = json.Int("candidates", 1),
    };

    private static FileRecord File(ManifestObject json) => new()
    {
        Size = json.Long("size"),
        Sha256 = json.Text("sha256"),
    };

    private static UnclipGraphs Unclip(ManifestObject json) => new()
    {
        EmbeddingDimension = json.Int("embedding"),
        Text = json.OptionalObject("text", UnclipText),
        Image = json.OptionalObject("image", UnclipImage),
        Prior = json.OptionalObject("prior", Prior),
        Stages = json.Objects("stages", Stage),
    };

    private static UnclipText UnclipText(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Format = json.Object("format", Text),
    };

    private static UnclipImage UnclipImage(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Size = json.Int("size"),
        Resample = json.Choice("resample", ResampleFilter.Bicubic),
        Fit = json.Choice("fit", Fit.Crop),
        Rounds = json.Bool("rounds", otherwise: true),
    };

    private static DiffusionPriorGraphs Prior(ManifestObject json) => new()
    {
        Condition = json.OptionalText("condition"),
        File = json.Text("file"),
        Diffusion = json.Object("diffusion", Diffusion),
        Statistics = json.OptionalText("statistics"),
        HeedsGuidance = json.Bool("heedsGuidance", otherwise: true),
        Candidates = json.Int("candidates", 1),
        NoiseLength = json.OptionalFloat("noiseLength"),
        ResultLength = json.OptionalFloat("resultLength"),
    };

    private static DiffusionStage Stage(ManifestObject json) => new()
    {
        Condition = json.OptionalText("condition"),
        File = json.Text("file"),
        Last = json.OptionalObject("last", Last),
        Size = json.Int("size"),
        Diffusion = json.Object("diffusion", Diffusion),
        LowResolution = json.OptionalObject("lowResolution", LowResolution),
        InpaintPasses = json.OptionalInt("inpaintPasses"),
    };

    private static LastSteps Last(ManifestObject json) => new()
    {
        File = json.Text("file"),
        Steps = json.Int("steps"),
    };

    private static LowResolution LowResolution(ManifestObject json) => new()
    {
        Resample = json.Choice<Upsampling>("resample"),
        Noise = json.OptionalObject("noise", Noise),
    };

    private static LowResolutionNoise Noise(ManifestObject json) => new()
    {
        Level = json.Int("level"),
        Schedule = json.Object("schedule", Schedule),
    };

    private static DiffusionRules Diffusion(ManifestObject json) => new()
    {
        Prediction = json.Choice<Prediction>("prediction"),
        Schedule = json.Object("schedule", Schedule),
        Variance = json.Choice("variance", Variance.Posterior),
        Clamp = json.OptionalObject("clamp", Clamp),
        Sampler = json.Choice("sampler", DiffusionSampler.Ddpm),
        Ddim = json.Object("ddim", Ddim, () => new()),
        Steps = json.Int("steps"),
        FastSteps = json.OptionalInt("fastSteps"),
        Guidance = json.Float("guidance", 1),
        GuidesVariance = json.Bool("guidesVariance"),
    };

    private static NoiseSchedule Schedule(ManifestObject json) => new()
    {
        Betas = json.Choice<Betas>("betas"),
        Timesteps = json.Int("timesteps"),
        IsSingle = json.Bool("isSingle"),
    };

    private static Clamp Clamp(ManifestObject json) => new()
    {
        Kind = json.Choice<ClampKind>("kind"),
        Value = json.Float("value"),
    };

    private static DdimRules Ddim(ManifestObject json) => new()
    {
        Times = json.Choice("times", DdimTimes.Strided),
        Eta = json.Float("eta", 0),
        ShiftsAlphas = json.Bool("shiftsAlphas"),
        KeepsNoise = json.Bool("keepsNoise"),
    };
}
