using System.Text.Json.Serialization;

namespace Dalle.ML.Bundles;

/// <summary>
/// How a prompt becomes the ids that a graph takes: <see cref="Prefix"/>, and then <see cref="Length"/> ids, which are
/// <see cref="BosTokens"/>, those of the cleaned text, <see cref="EosTokens"/>, and padding.
/// </summary>
internal sealed record TextFormat
{
    public required TokenizerFiles Tokenizer { get; init; }

    /// <summary>What is done to a prompt before it is tokenized, in this order.</summary>
    public TextCleaning[] Cleaning { get; set; } = [];

    /// <summary>Number of ids that the graph has embeddings for; every id is below it.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Number of ids with padding and without <see cref="Prefix"/>; longer prompts are cut.</summary>
    public required int Length { get; init; }

    /// <summary>Ids before the whole, such as the start of a decoder's sequence; positions are counted from after them.</summary>
    public int[] Prefix { get; set; } = [];

    /// <summary>Ids before those of the text.</summary>
    [JsonPropertyName("start")]
    public int[] BosTokens { get; set; } = [];

    /// <summary>Ids after those of the text.</summary>
    [JsonPropertyName("end")]
    public int[] EosTokens { get; set; } = [];

    /// <summary>Whether a prompt that is too long keeps <see cref="EosTokens"/> and loses more of its text instead.</summary>
    public bool KeepEnd { get; init; }

    public required Padding Padding { get; init; }

    /// <summary>Id of the padding; for <see cref="Padding.PerPosition"/>, position i is padded with this id plus i.</summary>
    public required int PaddingId { get; init; }

    /// <summary>An id of the tokenizer that means padding wherever it occurs, in the text too.</summary>
    [JsonPropertyName("blankId")]
    public int? PadAliasId { get; init; }

    /// <summary>What stands for no prompt in classifier-free guidance.</summary>
    public UnconditionalPrompt Unconditional { get; init; }

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

/// <summary>The tokenizers of the public model families. Ids that mark start, end and padding are no part of them.</summary>
[JsonConverter(typeof(NameConverter<TokenizerKind>))]
internal enum TokenizerKind
{
    /// <summary>GPT-2's and Bart's byte-level BPE: vocab.json and merges.txt.</summary>
    ByteLevelBpe,

    /// <summary>min-dalle's reading of the same files: words are what lies between single spaces, characters are not bytes.</summary>
    SpacedBpe,

    /// <summary>CLIP's byte-level BPE: OpenAI's list of merges alone, as text or packed by gzip, or vocab.json and merges.txt.</summary>
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
    /// <summary>Mends mojibake, curly quotes, ligatures, widths and control characters, as ftfy's <c>fix_text</c> does.</summary>
    FixText,

    /// <summary>Resolves HTML's character references once; CLIP does so twice.</summary>
    UnescapeHtml,

    /// <summary>Writes emoji by their English names, <c>🔥</c> as <c>fire</c>.</summary>
    Demojize,

    /// <summary>The same, <c>🔥</c> as <c>:fire:</c>.</summary>
    DemojizeInColons,

    /// <summary>Spells Latin letters and punctuation in ASCII and leaves out the rest, as unidecode does for them.</summary>
    Transliterate,

    /// <summary>Lower case by Unicode's full mapping.</summary>
    Lowercase,

    /// <summary>Leaves out what is not ASCII.</summary>
    AsciiOnly,

    /// <summary>Makes each run of white space one space.</summary>
    CollapseWhitespace,

    /// <summary>Takes white space off both ends.</summary>
    Trim,

    /// <summary>
    /// DALL·E mini's normaliser of captions, after <see cref="FixText"/>, <see cref="UnescapeHtml"/> twice, <see cref="DemojizeInColons"/>,
    /// <see cref="Transliterate"/> and <see cref="Lowercase"/>.
    /// </summary>
    DalleMini,
}

[JsonConverter(typeof(NameConverter<Padding>))]
internal enum Padding
{
    /// <summary>Every free position holds one id.</summary>
    Shared,

    /// <summary>Every free position holds an id of its own, as in the DALL·E paper.</summary>
    PerPosition,
}

[JsonConverter(typeof(NameConverter<UnconditionalPrompt>))]
internal enum UnconditionalPrompt
{
    /// <summary>The empty prompt, encoded as every other is but not cleaned.</summary>
    Empty,

    /// <summary>The first and the last id of the prompt, after it is cut, and padding (min-dalle).</summary>
    Ends,

    /// <summary>Padding alone (DALLE-pytorch).</summary>
    Padding,
}
