using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Stages;

/// <summary>Turns captions into the ids that networks take: cut to their length, with an id for each free position.</summary>
internal sealed class CaptionIds(TrainingText text, int length)
{
    /// <summary>Ids of a caption, or of the unconditional prompt if there is none.</summary>
    public void Encode(string? caption, double dropout, Random random, Span<long> ids)
    {
        var words = caption is null ? [] : text.Encode(caption, dropout, random);
        for (var i = 0; i < length; i++)
            ids[i] = i < words.Length ? words[i] : text.VocabularySize + i;
    }

    /// <summary>Ids of the unconditional prompt.</summary>
    public long[] Unconditional() => [.. Enumerable.Range(0, length).Select(i => (long)text.VocabularySize + i)];

    /// <summary>The first caption of an image; null if it has none.</summary>
    public static string? First(IReadOnlyList<string> captions) => captions.Count == 0 ? null : captions[0];

    /// <summary>One of the captions of an image; null if it has none.</summary>
    public static string? Choose(IReadOnlyList<string> captions, Random random) => captions.Count == 0 ? null : captions[random.Next(captions.Count)];
}
