using System.Text.Json.Serialization;

namespace Dalle.ML.Bundles;

/// <summary>
/// How a prompt becomes the ids that a graph takes: <see cref="Prefix"/>, and then <see cref="Length"/> ids, which are
/// <see cref="BosTokens"/>, those of the cleaned text, <see cref="EosTokens"/>, and padding.
/// </summary>
internal sealed record TextFormat
{
    public required TokenizerFiles Tokenizer { get; init; }

    /// <summary>The cleaning steps before tokenization, in this order.</summary>
    public TextCleaning[] Cleaning { get; init; } = [];

    /// <summary>Number of ids that the graph has embeddings for; every id is below it.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Number of ids with padding and without <see cref="Prefix"/>; longer prompts are cut.</summary>
    public required int Length { get; init; }

    /// <summary>Ids before the whole, such as the start of a decoder's sequence; positions are counted from after them.</summary>
    public int[] Prefix { get; init; } = [];

    /// <summary>Ids before those of the text.</summary>
    [JsonPropertyName("start")]
    public int[] BosTokens { get; init; } = [];

    /// <summary>Ids after those of the text.</summary>
    [JsonPropertyName("end")]
    public int[] EosTokens { get; init; } = [];

    /// <summary>Whether a prompt that is too long keeps <see cref="EosTokens"/> and loses more of its text instead.</summary>
    public bool KeepEnd { get; init; }

    public required Padding Padding { get; init; }

    /// <summary>Id of the padding; for <see cref="Padding.PerPosition"/>, position i is padded with this id plus i.</summary>
    public required int PaddingId { get; init; }

    /// <summary>An id of the tokenizer that means padding wherever it occurs, in the text too.</summary>
    [JsonPropertyName("blankId")]
    public int? PadAliasId { get; init; }

    /// <summary>The unconditional prompt of classifier-free guidance.</summary>
    public UnconditionalPrompt Unconditional { get; init; }

    /// <summary>Whether an id means padding, at whatever place.</summary>
    public bool IsPadding(int id) =>
        id == PadAliasId || (id >= PaddingId && id < PaddingId + (Padding == Padding.PerPosition ? Length : 1));

    /// <summary>Number of ids that the graph takes.</summary>
    [JsonIgnore]
    public int Total => Prefix.Length + Length;
}

internal sealed record TokenizerFiles
{
    public required TokenizerKind Kind { get; init; }

    /// <summary>File of the tokens; see <see cref="TokenizerKind"/> for what each kind reads.</summary>
    public required string Vocabulary { get; init; }

    /// <summary>File of the merges, where they are not in <see cref="Vocabulary"/>.</summary>
    public string? Merges { get; init; }
}

/// <summary>The tokenizers of the public model families. They do not include the ids of start, end and padding.</summary>
[JsonConverter(typeof(NameConverter<TokenizerKind>))]
internal enum TokenizerKind
{
    /// <summary>The byte-level BPE of GPT-2 and BART: vocab.json and merges.txt.</summary>
    ByteLevelBpe,

    /// <summary>The same files as min-dalle reads them: words are separated by single spaces, symbols are characters instead of bytes.</summary>
    SpacedBpe,

    /// <summary>The byte-level BPE of CLIP: OpenAI's list of merges alone, as text or gzip, or vocab.json and merges.txt.</summary>
    ClipBpe,

    /// <summary>VKCOM's YouTokenToMe: one text model.</summary>
    YouTokenToMe,

    /// <summary>Hugging Face's CharBPETokenizer, lowercase, with the suffix <c>&lt;/w&gt;</c>: vocab.json and merges.txt.</summary>
    CharBpe,
}

/// <summary>The steps in which the model families clean a prompt.</summary>
[JsonConverter(typeof(NameConverter<TextCleaning>))]
internal enum TextCleaning
{
    /// <summary>Repairs mojibake, curly quotes, ligatures, widths and control characters, as ftfy's <c>fix_text</c> does.</summary>
    FixText,

    /// <summary>Resolves HTML character references once; CLIP does so twice.</summary>
    UnescapeHtml,

    /// <summary>Writes emoji by their English names, <c>🔥</c> as <c>fire</c>.</summary>
    Demojize,

    /// <summary>The same, <c>🔥</c> as <c>:fire:</c>.</summary>
    DemojizeInColons,

    /// <summary>Transliterates Latin letters and punctuation to ASCII as unidecode does, and removes the rest.</summary>
    Transliterate,

    /// <summary>Lower case by the full Unicode mapping.</summary>
    Lowercase,

    /// <summary>Removes everything outside ASCII.</summary>
    AsciiOnly,

    /// <summary>Replaces each run of white space by one space.</summary>
    CollapseWhitespace,

    /// <summary>Removes white space at both ends.</summary>
    Trim,

    /// <summary>
    /// Begins the text with one space, so that a tokenizer whose tokens hold the space before a word gives the first word the tokens that it has
    /// elsewhere, as Hugging Face's <c>add_prefix_space</c> does. An empty text stays empty.
    /// </summary>
    LeadingSpace,

    /// <summary>
    /// The caption normaliser of DALL·E mini, used after <see cref="FixText"/>, <see cref="UnescapeHtml"/> twice, <see cref="DemojizeInColons"/>,
    /// <see cref="Transliterate"/> and <see cref="Lowercase"/>.
    /// </summary>
    DalleMini,
}

[JsonConverter(typeof(NameConverter<Padding>))]
internal enum Padding
{
    /// <summary>Every free position holds the same id.</summary>
    Shared,

    /// <summary>Every free position holds a different id, as in the DALL·E paper.</summary>
    PerPosition,
}

[JsonConverter(typeof(NameConverter<UnconditionalPrompt>))]
internal enum UnconditionalPrompt
{
    /// <summary>The empty prompt, encoded like any other but not cleaned.</summary>
    Empty,

    /// <summary>The first and the last id of the prompt, after it is cut, and padding (min-dalle).</summary>
    Ends,

    /// <summary>Padding alone (DALLE-pytorch).</summary>
    Padding,
}
