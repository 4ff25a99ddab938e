using Dalle.ML.Bundles;
using Dalle.ML.Text.Cleaning;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Text;

/// <summary>Turns prompts into the fixed number of ids that a graph takes. Thread-safe.</summary>
internal sealed class PromptTokenizer
{
    private readonly string _folder;
    private readonly TextFormat _format;
    private readonly ITextTokenizer _tokenizer;

    /// <exception cref="DalleBundleException">The tokenizer's files cannot be read.</exception>
    public PromptTokenizer(Bundle bundle, TextFormat format)
        : this(bundle.Folder, format)
    {
    }

    /// <param name="folder">Folder of the tokenizer's files.</param>
    /// <param name="format">How a prompt becomes ids.</param>
    /// <exception cref="DalleBundleException">The tokenizer's files cannot be read.</exception>
    public PromptTokenizer(string folder, TextFormat format) =>
        (_folder, _format, _tokenizer) = (folder, format, TextTokenizer.Open(folder, format.Tokenizer));

    /// <summary>The ids of a prompt, cut or padded to the model's length.</summary>
    /// <exception cref="DalleBundleException">The tokenizer gives an id that the graph does not have.</exception>
    public long[] Encode(string prompt) => Pad(Fit(Ids(Clean(prompt))));

    /// <summary>The ids of a prompt that has its length already, behind those that begin every prompt.</summary>
    public long[] WithPrefix(IReadOnlyList<int> ids) => [.. _format.Prefix.Concat(ids).Select(id => (long)id)];

    /// <summary>The unconditional ids for guidance.</summary>
    /// <exception cref="DalleBundleException">The tokenizer gives an id that the graph does not have.</exception>
    public long[] Unconditional(string prompt) => _format.Unconditional switch
    {
        UnconditionalPrompt.Padding => Pad([]),
        UnconditionalPrompt.Ends => Pad(Fit(Ids(Clean(prompt))) is [var first, .., var last] ? [first, last] : []),
        _ => Pad(Fit(Ids(""))),
    };

    /// <summary>The number of ids that a prompt takes with those of start and end, which may be more than the model's length.</summary>
    public int Count(string prompt) => _format.BosTokens.Length + Ids(Clean(prompt)).Count + _format.EosTokens.Length;

    /// <summary>The number of ids of a prompt's text that do not fit into the model's length.</summary>
    public int CountCut(string prompt)
    {
        var room = _format.Length - _format.BosTokens.Length - (_format.KeepEnd ? _format.EosTokens.Length : 0);
        return Math.Max(0, Ids(Clean(prompt)).Count - room);
    }

    /// <summary>The ids of a text that may go on: with those of its start, without those of its end, and not cut.</summary>
    /// <exception cref="DalleBundleException">The tokenizer gives an id that the graph does not have.</exception>
    public int[] EncodeBeginning(string text) => Ids(Clean(text)) is { Count: > 0 } ids ? [.. _format.BosTokens, .. ids] : _format.BosTokens;

    /// <summary>The text of ids, without those of start, end and padding.</summary>
    /// <exception cref="DalleBundleException">The tokenizer's files have a token that is none.</exception>
    public string Decode(IEnumerable<int> ids)
    {
        try
        {
            return _tokenizer.Decode(ids.Where(id => !_format.IsPadding(id) && !_format.BosTokens.Contains(id) && !_format.EosTokens.Contains(id)));
        }
        catch (InvalidDataException exception)
        {
            throw new DalleBundleException(_folder, $"the tokenizer's file '{_format.Tokenizer.Vocabulary}' cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>Ids cut or padded to the model's length, without <see cref="TextFormat.Prefix"/>.</summary>
    public int[] Fit(IEnumerable<int> ids) => Array.ConvertAll(Pad([.. ids.Take(_format.Length)])[_format.Prefix.Length..], id => (int)id);

    private string Clean(string prompt) => TextCleaner.Clean(prompt, _format.Cleaning);

    private List<int> Ids(string text)
    {
        List<int> ids = [];
        foreach (var id in _tokenizer.Encode(text))
        {
            if (id < 0 || id >= _format.Vocabulary)
            {
                throw new DalleBundleException(_folder, $"the tokenizer '{_format.Tokenizer.Vocabulary}' produced the id {id}, "
                    + $"but the graph has only {_format.Vocabulary} ids. Use the model's own tokenizer.");
            }
            ids.Add(id);
        }
        return ids;
    }

    /// <summary>The ids of a text with those of start and end, cut to the model's length.</summary>
    private List<int> Fit(List<int> text)
    {
        List<int> ids = [.. _format.BosTokens, .. text.Take(_format.Length - _format.BosTokens.Length)];
        var room = _format.Length - ids.Count;
        if (_format.KeepEnd && room < _format.EosTokens.Length)
            ids.RemoveRange(_format.Length - _format.EosTokens.Length, _format.EosTokens.Length - room);
        ids.AddRange(_format.EosTokens.Take(_format.Length - ids.Count));
        return ids;
    }

    private long[] Pad(List<int> ids)
    {
        var padded = new long[_format.Total];
        for (var i = 0; i < _format.Prefix.Length; i++)
            padded[i] = _format.Prefix[i];
        for (var i = 0; i < _format.Length; i++)
        {
            var isPadding = i >= ids.Count || ids[i] == _format.PadAliasId;
            padded[_format.Prefix.Length + i] = isPadding ? _format.PaddingId + (_format.Padding == Padding.PerPosition ? i : 0) : ids[i];
        }
        return padded;
    }
}
