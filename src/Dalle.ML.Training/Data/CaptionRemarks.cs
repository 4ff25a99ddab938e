namespace Dalle.ML.Training.Data;

/// <summary>Tells what looks like a mistake in the captions of a user's data.</summary>
internal static class CaptionRemarks
{
    // Of data with so few different captions a model learns to tell no more.
    private const double Suspicious = 0.5;

    /// <exception cref="InvalidDataException">There is no caption, and there must be.</exception>
    public static void Tell(IReadOnlyList<IReadOnlyList<string>> captions, bool isNeeded, Action<string> note)
    {
        var empty = captions.Sum(each => each.Count(string.IsNullOrWhiteSpace));
        if (empty > 0)
            note($"{Counted.Of(empty, "caption is", "captions are")} empty and left out.");
        string[][] kept = [.. captions.Select(each => each.Where(caption => !string.IsNullOrWhiteSpace(caption)).Select(caption => caption.Trim()).ToArray())];
        var repeated = kept.Sum(each => each.Length - each.Distinct().Count());
        if (repeated > 0)
            note($"{Counted.Of(repeated, "caption repeats", "captions repeat")} another of the same image and {(repeated == 1 ? "is" : "are")} left out.");
        var without = kept.Count(each => each.Length == 0);
        if (without == kept.Length)
        {
            if (isNeeded)
            {
                throw new InvalidDataException(
                    "No image has a caption. Put a text file of the same name beside each image, or name a list with a caption column; only the discrete VAE learns without.");
            }
            return;
        }
        if (without > 0)
            note($"{Counted.Of(without, "image has", "images have")} no caption: only the discrete VAE learns from {(without == 1 ? "it" : "them")}.");
        var shared = kept.SelectMany(each => each.Distinct()).GroupBy(caption => caption).Where(group => group.Count() > 1).MaxBy(group => group.Count());
        if (shared is not null && shared.Count() > Suspicious * (kept.Length - without) && kept.Length - without > 2)
            note($"{shared.Count()} of {kept.Length - without} images have the caption '{shared.Key}': the model cannot learn to tell them apart.");
    }
}
