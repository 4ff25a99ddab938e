namespace Dalle.ML.Export.Checkpoints;

internal static class CheckpointExtensions
{
    /// <summary>
    /// The number of parts that a checkpoint numbers from 0, told by the name of one tensor of each: <paramref name="before"/>, the number,
    /// <paramref name="after"/>. It is 0 where there are none, and not known of random weights.
    /// </summary>
    public static int Count(this Checkpoint weights, string before, string after)
    {
        var count = 0;
        while (weights.Contains($"{before}{count}{after}"))
            count++;
        return count;
    }
}
