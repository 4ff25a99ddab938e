using System.Text;

namespace Microsoft.ML.Tokenizers;

/// <summary>A byte pair encoding in the file format of GPT-2 and RoBERTa: <c>vocab.json</c> and <c>merges.txt</c>.</summary>
/// <remarks>Instances may be used by several threads at once.</remarks>
public sealed class BpeTokenizer : Tokenizer
{
    private readonly BpeSymbols _symbols;
    private readonly BpeMerges _merges;
    private readonly Dictionary<string, int> _specialTokens;
    private readonly Dictionary<int, string> _tokens = [];
    private readonly int? _unknownId;
    private readonly bool _fuseUnknownTokens;
    private readonly bool _byteLevel;
    private readonly string _prefix;
    private readonly string _suffix;
    private readonly PieceCache _cache = new();

    private BpeTokenizer(BpeOptions options)
        : base(options.Normalizer, options.PreTokenizer)
    {
        var vocabulary = new Dictionary<string, int>();
        _specialTokens = new Dictionary<string, int>(options.SpecialTokens ?? new Dictionary<string, int>());
        foreach (var (token, id) in options.Vocabulary.Concat(_specialTokens))
        {
            if (id < 0)
                throw new ArgumentException($"The id of the token '{token}' is {id}: ids are not negative.", nameof(options));
            vocabulary[token] = id;
            _tokens[id] = token;
        }

        if (options.UnknownToken is { Length: > 0 } unknown)
        {
            _unknownId = vocabulary.TryGetValue(unknown, out int id)
                ? id
                : throw new InvalidOperationException($"The vocabulary lacks the unknown token '{unknown}'.");
        }

        _fuseUnknownTokens = options.FuseUnknownTokens;
        _byteLevel = options.ByteLevel;
        _prefix = options.ContinuingSubwordPrefix ?? "";
        _suffix = options.EndOfWordSuffix ?? "";
        _symbols = new BpeSymbols(options, vocabulary);
        _merges = new BpeMerges(options, vocabulary);
    }

    public static BpeTokenizer Create(string vocabFile, string? mergesFile) => Create(new BpeOptions(vocabFile, mergesFile));

    public static BpeTokenizer Create(
        string vocabFile,
        string? mergesFile,
        PreTokenizer? preTokenizer = null,
        Normalizer? normalizer = null,
        IReadOnlyDictionary<string, int>? specialTokens = null,
        string? unknownToken = null,
        string? continuingSubwordPrefix = null,
        string? endOfWordSuffix = null,
        bool fuseUnknownTokens = false) =>
        Create(new BpeOptions(vocabFile, mergesFile)
        {
            PreTokenizer = preTokenizer,
            Normalizer = normalizer,
            SpecialTokens = specialTokens,
            UnknownToken = unknownToken,
            ContinuingSubwordPrefix = continuingSubwordPrefix,
            EndOfWordSuffix = endOfWordSuffix,
            FuseUnknownTokens = fuseUnknownTokens,
        });

    public static BpeTokenizer Create(Stream vocabStream, Stream? mergesStream) =>
        Create(vocabStream, mergesStream, preTokenizer: null);

    public static BpeTokenizer Create(
        Stream vocabStream,
        Stream? mergesStream,
        PreTokenizer? preTokenizer = null,
        Normalizer? normalizer = null,
        IReadOnlyDictionary<string, int>? specialTokens = null,
        string? unknownToken = null,
        string? continuingSubwordPrefix = null,
        string? endOfWordSuffix = null,
        bool fuseUnknownTokens = false)
    {
        ArgumentNullException.ThrowIfNull(vocabStream);
        return Create(new BpeOptions(VocabularyFile.Read(vocabStream))
        {
            Merges = mergesStream is null ? null : MergesFile.Read(mergesStream),
            PreTokenizer = preTokenizer,
            Normalizer = normalizer,
            SpecialTokens = specialTokens,
            UnknownToken = unknownToken,
            ContinuingSubwordPrefix = continuingSubwordPrefix,
            EndOfWordSuffix = endOfWordSuffix,
            FuseUnknownTokens = fuseUnknownTokens,
        });
    }

    public static BpeTokenizer Create(BpeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new BpeTokenizer(options);
    }

    /// <summary>Joins the tokens; ids that the vocabulary lacks are left out, bytes that are no UTF-8 become U+FFFD.</summary>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var utf8 = new List<byte>();
        bool isWordEnd = false;
        bool isFirst = true;
        foreach (int id in ids)
        {
            if (!_tokens.TryGetValue(id, out string? token))
                continue;
            if (isWordEnd)
                utf8.Add((byte)' ');
            if (_specialTokens.ContainsKey(token))
            {
                utf8.AddRange(Encoding.UTF8.GetBytes(token));
                (isFirst, isWordEnd) = (true, false);
                continue;
            }

            if (!isFirst && token.StartsWith(_prefix, StringComparison.Ordinal))
                token = token[_prefix.Length..];
            isWordEnd = _suffix.Length > 0 && token.EndsWith(_suffix, StringComparison.Ordinal);
            if (isWordEnd)
                token = token[..^_suffix.Length];
            if (_byteLevel)
                ByteLevel.Append(utf8, token);
            else
                utf8.AddRange(Encoding.UTF8.GetBytes(token));
            isFirst = false;
        }

        return Encoding.UTF8.GetString([.. utf8]);
    }

    private protected override void EncodePiece(string text, int offset, int length, List<EncodedToken> tokens)
    {
        string piece = text.Substring(offset, length);
        foreach (var (id, start, end) in _cache.GetOrAdd(piece, Encode))
            tokens.Add(new EncodedToken(id, _tokens[id], (offset + start)..(offset + end)));
    }

    private BpeSymbol[] Encode(string piece)
    {
        if (_specialTokens.TryGetValue(piece, out int special))
            return [new BpeSymbol(special, 0, piece.Length)];
        var symbols = _symbols.Of(piece);
        _merges.Apply(symbols);
        return [.. WithUnknowns(symbols)];
    }

    private IEnumerable<BpeSymbol> WithUnknowns(List<BpeSymbol> symbols)
    {
        for (int i = 0; i < symbols.Count; i++)
        {
            var symbol = symbols[i];
            if (symbol.Id != BpeSymbols.Unknown)
            {
                yield return symbol;
                continue;
            }

            if (_unknownId is not { } unknown)
                continue;
            while (_fuseUnknownTokens && i + 1 < symbols.Count && symbols[i + 1].Id == BpeSymbols.Unknown)
                i++;
            yield return new BpeSymbol(unknown, symbol.Start, symbols[i].End);
        }
    }
}
