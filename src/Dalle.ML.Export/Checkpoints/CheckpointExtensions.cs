namespace Dalle.ML.Export.Checkpoints;

internal static class CheckpointExtensions
{
    /// <summary>
    /// The number of parts that a checkpoint numbers, told by the name of one tensor of each: <paramref name="before"/>, the number,
    /// <paramref name="after"/>. It is 0 where there are none, and not known of random weights.
    /// </summary>
    /// <exception cref="InvalidDataException">A number is left out, which is no smaller model but half of one.</exception>
    public static int Count(this Checkpoint weights, string before, string after, int first = 0)
    {
        var count = weights.Names.Count(name => name.Length > before.Length + after.Length
            && name.StartsWith(before, StringComparison.Ordinal) && name.EndsWith(after, StringComparison.Ordinal)
            && name.AsSpan()[before.Length..^after.Length].IndexOfAnyExceptInRange('0', '9') < 0);
        for (var number = first; number < first + count; number++)
        {
            if (!weights.Contains($"{before}{number}{after}"))
                throw new InvalidDataException($"The checkpoint has no tensor '{before}{number}{after}', but {count} others that are named so.");
        }
        return count;
    }

    /// <summary>
    /// The part of a checkpoint in which a tensor has this name, however deep it lies: trainers wrap weights in dictionaries and modules.
    /// </summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public static Checkpoint Around(this Checkpoint weights, string tensor)
    {
        if (weights.Contains(tensor))
            return weights;
        var deep = weights.Names.Where(name => name.EndsWith("." + tensor, StringComparison.Ordinal)).MinBy(name => name.Length);
        return deep is not null
            ? weights.At(deep[..^tensor.Length])
            : throw new InvalidDataException($"The checkpoint has no tensor '{tensor}'. It has "
                + $"{string.Join(", ", weights.Names.Take(4).Select(name => $"'{name}'"))}, …");
    }

    /// <summary>The sizes of a tensor that must have so many axes.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another number of axes.</exception>
    public static int[] Shape(this Checkpoint weights, string name, int rank)
    {
        var shape = weights.Shape(name);
        return shape.Length == rank
            ? shape
            : throw new InvalidDataException($"The tensor '{name}' has the shape [{string.Join(", ", shape)}]; it must have {rank} axes.");
    }
}
