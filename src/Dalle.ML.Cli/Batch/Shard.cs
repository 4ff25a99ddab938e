using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>One of several equal parts of a batch: every <paramref name="Count"/>-th prompt, from the <paramref name="Number"/>-th on.</summary>
/// <param name="Number">One-based number of the part.</param>
/// <param name="Count">Number of parts.</param>
internal sealed record Shard(int Number, int Count)
{
    public static Shard Whole { get; } = new(1, 1);

    /// <summary>The part's name in file names.</summary>
    public string Name => Invariant($"{Number}-of-{Count}");

    public string ManifestName => this == Whole ? "manifest.jsonl" : $"manifest-{Name}.jsonl";

    public bool Holds(int index) => index % Count == Number - 1;

    /// <summary>The shard of a manifest, by its file name; null if the file is not a manifest.</summary>
    public static Shard? OfManifest(string fileName)
    {
        if (fileName == Whole.ManifestName)
            return Whole;
        var name = Path.GetFileNameWithoutExtension(fileName);
        return name.StartsWith("manifest-", StringComparison.Ordinal) ? Parse(name["manifest-".Length..], "-of-") : null;
    }

    /// <summary>Reads <c>2/8</c>; null if it is not a shard.</summary>
    public static Shard? Parse(string text, string separator = "/") =>
        text.Split(separator) is [var number, var count] && ToNumber(number) is >= 1 and var i && ToNumber(count) is { } n && i <= n ? new Shard(i, n) : null;

    /// <summary>The shard of this Slurm array task; null outside of Slurm.</summary>
    /// <exception cref="UsageException">The task ids of the array are not consecutive, so the shard does not follow from them.</exception>
    public static Shard? OfSlurmTask(Func<string, string?> variable)
    {
        if (ToNumber(variable("SLURM_ARRAY_TASK_ID")) is not { } id || ToNumber(variable("SLURM_ARRAY_TASK_COUNT")) is not (>= 1 and var count))
            return null;
        var step = ToNumber(variable("SLURM_ARRAY_TASK_STEP")) is >= 1 and var every ? every : 1;
        var (number, rest) = Math.DivRem(id - (ToNumber(variable("SLURM_ARRAY_TASK_MIN")) ?? 0), step);
        return rest == 0 && number >= 0 && number < count
            ? new Shard(number + 1, count)
            : throw new UsageException(Invariant($"this is task {id} of a Slurm array of {count}, whose task ids are not consecutive: name the part to generate with --shard."));
    }

    public override string ToString() => Invariant($"{Number}/{Count}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static int? ToNumber(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
