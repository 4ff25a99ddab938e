namespace Microsoft.ML.Tokenizers;

/// <summary>A token, or a part of one to be, and the characters of the piece that it stands for.</summary>
internal readonly record struct BpeSymbol(int Id, int Start, int End);
