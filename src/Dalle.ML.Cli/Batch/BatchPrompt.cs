using Dalle.ML.Generation;

namespace Dalle.ML.Cli.Batch;

/// <summary>A prompt of a batch.</summary>
/// <param name="Index">Its number among the prompts, from 0.</param>
/// <param name="Id">Its name, and that of its file.</param>
/// <param name="Prompt">What to draw.</param>
/// <param name="Seed">Its own seed; null where it follows from the batch's.</param>
internal sealed record BatchPrompt(int Index, string Id, string Prompt, ulong? Seed)
{
    // With ".png" well below the 255 bytes that file systems allow, in UTF-8's longest characters.
    public const int LongestId = 60;

    public string File => Id + ".png";

    /// <summary>The prompt and its seed: the n-th prompt gets the n-th seed of the batch's, whoever draws it.</summary>
    public GenerationRequest Request(ulong batchSeed) =>
        Seed is { } own ? new GenerationRequest(Prompt, own) : GenerationRequest.Series(Prompt, batchSeed, Index + 1).Last();

    /// <summary>What is wrong with a name for a file on any system; null if nothing is.</summary>
    public static string? Objection(string id)
    {
        if (id.Length is 0 or > LongestId)
            return $"has {id.Length} characters; an id has 1 to {LongestId}";
        if (id.Any(character => char.IsControl(character) || "/\\:*?\"<>|".Contains(character)))
            return "has a control character or one of / \\ : * ? \" < > |, which file names cannot have everywhere";
        if (id[0] == '.' || id[^1] is '.' or ' ' || id[0] == ' ')
            return "begins with a dot or space, or ends with one";
        return IsReserved(id) ? "is a device's name on Windows" : null;
    }

    private static bool IsReserved(string id)
    {
        var stem = id.Split('.')[0].ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" || (stem.Length == 4 && stem[..3] is "COM" or "LPT" && char.IsAsciiDigit(stem[^1]));
    }
}
