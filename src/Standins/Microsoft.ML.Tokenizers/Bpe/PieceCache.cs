using System.Collections.Concurrent;

namespace Microsoft.ML.Tokenizers;

/// <summary>Remembers the tokens of short pieces, as words come again and again; it fills up once and does not grow further.</summary>
internal sealed class PieceCache
{
    private const int MaxPieces = 8192;
    private const int MaxPieceLength = 32;

    private readonly ConcurrentDictionary<string, BpeSymbol[]> _pieces = new();
    private int _count;

    public BpeSymbol[] GetOrAdd(string piece, Func<string, BpeSymbol[]> encode)
    {
        if (_pieces.TryGetValue(piece, out var symbols))
            return symbols;
        symbols = encode(piece);
        if (piece.Length <= MaxPieceLength && Volatile.Read(ref _count) < MaxPieces && _pieces.TryAdd(piece, symbols))
            Interlocked.Increment(ref _count);
        return symbols;
    }
}
