namespace Dalle.ML.Export.Checkpoints;

/// <summary>The arguments of a module's constructor, which are saved beside its weights; those that are absent have its defaults.</summary>
internal sealed class SavedArguments(Checkpoint saved)
{
    // Far above every model, and low enough that no sum of sizes overflows.
    private const int Most = 1 << 22;

    /// <summary>A size.</summary>
    /// <exception cref="InvalidDataException">It is not a whole number above zero, or too large for any model.</exception>
    public int Number(string name, int fallback) => Find(name) switch
    {
        null => fallback,
        long number and > 0 and <= Most => (int)number,
        var other => throw Unfit(name, other, $"a whole number between 1 and {Most}"),
    };

    /// <exception cref="InvalidDataException">It is neither true nor false.</exception>
    public bool Flag(string name, bool fallback) => Find(name) switch
    {
        null => fallback,
        bool flag => flag,
        var other => throw Unfit(name, other, "true or false"),
    };

    /// <summary>A word or some.</summary>
    /// <exception cref="InvalidDataException">It is something else, or none.</exception>
    public IReadOnlyList<string> Words(string name, IReadOnlyList<string> fallback) => Find(name) switch
    {
        null => fallback,
        string word => [word],
        IReadOnlyList<object?> { Count: > 0 } list when list.All(item => item is string) => [.. list.Cast<string>()],
        var other => throw Unfit(name, other, "a list of words"),
    };

    /// <summary>A number for each colour, of which there may be more.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public float[] Colors(string name, float[] fallback) => Find(name) switch
    {
        null => fallback,
        IReadOnlyList<object?> list when list.Count >= fallback.Length && list.All(item => item is long or double) =>
            [.. list.Take(fallback.Length).Select(item => item is long whole ? whole : (float)(double)item!)],
        var other => throw Unfit(name, other, $"{fallback.Length} numbers"),
    };

    /// <summary>Whether None was given, as opposed to no value.</summary>
    public bool IsNone(string name) => saved.Settings.TryGetValue(name, out var value) && value is null;

    private object? Find(string name) => saved.Settings.GetValueOrDefault(name);

    private static InvalidDataException Unfit(string name, object? value, string due) =>
        new($"The checkpoint's argument '{name}' is {(value is IReadOnlyList<object?> list ? $"[{string.Join(", ", list)}]" : $"'{value}'")}; it must be {due}.");
}
