using System.Globalization;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>The arguments of a module's constructor, which are saved beside its weights; those that are absent have its defaults.</summary>
/// <param name="saved">Where they are.</param>
/// <param name="noteDefault">Is told the name of an argument that is absent, and the default that is taken.</param>
internal sealed class SavedArguments(Checkpoint saved, Action<string, object>? noteDefault = null)
{
    // Far above every model, and low enough that no sum of sizes overflows.
    private const int Most = 1 << 22;

    /// <summary>A size.</summary>
    /// <exception cref="InvalidDataException">It is not a whole number above zero, or too large for any model.</exception>
    public int Number(string name, int fallback) => TryNumber(name) ?? Default(name, fallback);

    /// <summary>As <see cref="Number"/>, null where it is absent.</summary>
    /// <exception cref="InvalidDataException">It is not a whole number above zero, or too large for any model.</exception>
    public int? TryNumber(string name) => Find(name) switch
    {
        null => null,
        long number and > 0 and <= Most => (int)number,
        var other => throw Unfit(name, other, $"a whole number between 1 and {Most}"),
    };

    /// <exception cref="InvalidDataException">It is neither true nor false.</exception>
    public bool Flag(string name, bool fallback) => TryFlag(name) ?? Default(name, fallback);

    /// <summary>As <see cref="Flag"/>, null where it is absent.</summary>
    /// <exception cref="InvalidDataException">It is neither true nor false.</exception>
    public bool? TryFlag(string name) => Find(name) switch
    {
        null => null,
        bool flag => flag,
        var other => throw Unfit(name, other, "true or false"),
    };

    /// <summary>A word or some.</summary>
    /// <exception cref="InvalidDataException">It is something else, or none.</exception>
    public IReadOnlyList<string> Words(string name, IReadOnlyList<string> fallback) => Find(name) switch
    {
        null => Default(name, fallback),
        string word => [word],
        IReadOnlyList<object?> { Count: > 0 } list when list.All(item => item is string) => [.. list.Cast<string>()],
        var other => throw Unfit(name, other, "a list of words"),
    };

    /// <summary>A number for each colour, of which there may be more.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public float[] Colors(string name, float[] fallback) => Find(name) switch
    {
        null => Default(name, fallback),
        IReadOnlyList<object?> list when list.Count >= fallback.Length && list.All(item => item is long or double) =>
            [.. list.Take(fallback.Length).Select(item => item is long whole ? whole : (float)(double)item!)],
        var other => throw Unfit(name, other, $"{fallback.Length} numbers"),
    };

    /// <summary>Whether None was given, as opposed to no value.</summary>
    public bool IsNone(string name) => saved.Settings.TryGetValue(name, out var value) && value is null;

    private T Default<T>(string name, T value)
    {
        noteDefault?.Invoke(name, value switch
        {
            IEnumerable<string> words => string.Join(", ", words),
            float[] numbers => string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))),
            _ => value!,
        });
        return value;
    }

    private object? Find(string name) => saved.Settings.GetValueOrDefault(name);

    private static InvalidDataException Unfit(string name, object? value, string due) =>
        new($"The checkpoint's argument '{name}' is {(value is IReadOnlyList<object?> list ? $"[{string.Join(", ", list)}]" : $"'{value}'")}; it must be {due}.");
}
