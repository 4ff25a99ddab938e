namespace Dalle.ML.Export.Checkpoints;

internal static class CheckpointExtensions
{
    /// <summary>A tensor of one value, of whatever rank: trainers save a temperature as [] or as [1]. Random weights have no shapes.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another number of values.</exception>
    public static float ReadScalar(this Checkpoint weights, string name) => weights.Names.Count == 0
        ? weights.Read(name, []).Values[0]
        : weights.Shape(name).All(size => size == 1)
            ? weights.Read(name).Values[0]
            : throw new InvalidDataException($"Tensor '{name}' has the shape [{string.Join(", ", weights.Shape(name))}]; one value was expected.");

    /// <summary>
    /// Counts numbered parts of a checkpoint by the name of one tensor of each: <paramref name="before"/>, the number,
    /// <paramref name="after"/>. It is 0 where there are none, and not known of random weights.
    /// </summary>
    /// <exception cref="InvalidDataException">A number is missing: the checkpoint is incomplete.</exception>
    public static int Count(this Checkpoint weights, string before, string after, int first = 0)
    {
        var count = weights.Names.Count(name => name.Length > before.Length + after.Length
            && name.StartsWith(before, StringComparison.Ordinal) && name.EndsWith(after, StringComparison.Ordinal)
            && name.AsSpan()[before.Length..^after.Length].IndexOfAnyExceptInRange('0', '9') < 0);
        for (var number = first; number < first + count; number++)
        {
            if (!weights.Contains($"{before}{number}{after}"))
                throw new InvalidDataException($"The checkpoint has no tensor '{before}{number}{after}', but {count} others named like it.");
        }
        return count;
    }
}
