using Dalle.ML.Generation;

namespace Dalle.ML.Prompts;

/// <summary>A prompt among those of its file.</summary>
/// <param name="Line">The line that it begins on, from 1.</param>
/// <param name="Index">Its number among the prompts, from 0.</param>
/// <param name="Id">Its name, which no other has.</param>
/// <param name="Prompt">What to generate.</param>
/// <param name="Seed">Its own seed; null where it follows from one of the whole file.</param>
internal readonly record struct NumberedPrompt(int Line, int Index, string Id, string Prompt, ulong? Seed)
{
    /// <summary>Its own seed, or else the n-th that follows from the first of all.</summary>
    public ulong SeedAfter(ulong first) => Seed ?? Seeds.OfImage(first, Index);
}
