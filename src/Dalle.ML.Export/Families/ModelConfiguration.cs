using System.Globalization;

namespace Dalle.ML.Export.Families;

/// <summary>
/// A part of a configuration; what it does not give, or gives as null, has the default of the model's own package. A value may be given once
/// for all stages or for each.
/// </summary>
/// <param name="values">All values by their paths.</param>
/// <param name="prefix">How the paths of this part begin.</param>
internal sealed class ModelConfiguration(IReadOnlyDictionary<string, object?> values, string prefix)
{
    // Far above every model, and low enough that no product of sizes overflows.
    private const int Most = 1 << 20;

    public bool IsEmpty => !values.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The part of a network, which lies within this one or beside it.</summary>
    public ModelConfiguration Network(string name) => new ModelConfiguration(values, $"{prefix}{name}.") is { IsEmpty: false } inside ? inside : new(values, $"{name}.");

    /// <exception cref="InvalidDataException">It is not a whole number above zero.</exception>
    public int? Number(string name, int stage = 0) => Find(name, stage) switch
    {
        null => null,
        long number and > 0 and <= Most => (int)number,
        var other => throw Unfit(name, other, $"a whole number between 1 and {Most}"),
    };

    /// <exception cref="InvalidDataException">It is not a number.</exception>
    public float? Real(string name, int stage = 0) => Find(name, stage) switch
    {
        null => null,
        long number => number,
        double number when double.IsFinite(number) => (float)number,
        var other => throw Unfit(name, other, "a number"),
    };

    /// <exception cref="InvalidDataException">It is neither true nor false.</exception>
    public bool Flag(string name, bool fallback = false, int stage = 0) => Find(name, stage) switch
    {
        null => fallback,
        bool flag => flag,
        var other => throw Unfit(name, other, "true or false"),
    };

    /// <exception cref="InvalidDataException">It is not a word.</exception>
    public string? Word(string name, int stage = 0) => Find(name, stage) switch
    {
        null => null,
        string word => word,
        var other => throw Unfit(name, other, "a word"),
    };

    /// <summary>A word, if it is one of those that are known; null where there is none.</summary>
    /// <exception cref="InvalidDataException">It is another.</exception>
    public string? Expect(string name, params string[] known) => Word(name) is not { } word || known.Contains(word) ? Word(name)
        : throw Unfit(name, word, string.Join(" or ", known.Select(each => $"'{each}'")));

    /// <summary>Refuses a flag that is not as it must be; there may be none.</summary>
    /// <exception cref="InvalidDataException">It is the other.</exception>
    public void Expect(string name, bool due)
    {
        if (Flag(name, fallback: due) != due)
            throw Unfit(name, !due, due.ToString());
    }

    /// <summary>Refuses a number that is not as it must be; there may be none.</summary>
    /// <exception cref="InvalidDataException">It is another.</exception>
    public void Expect(string name, float due)
    {
        if (Real(name) is { } number && number != due)
            throw Unfit(name, number, due.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Numbers, or the one that is given for all.</summary>
    /// <exception cref="InvalidDataException">They are not whole numbers above zero.</exception>
    public IReadOnlyList<int>? Numbers(string name) => values.GetValueOrDefault(prefix + name) is IReadOnlyList<object?> list
        ? [.. Enumerable.Range(0, list.Count).Select(i => Number(name, i) ?? throw Unfit(name, null, "numbers"))]
        : Number(name) is { } number ? [number] : null;

    /// <summary>As <see cref="Numbers"/>, of any numbers.</summary>
    /// <exception cref="InvalidDataException">They are not numbers.</exception>
    public IReadOnlyList<float>? Reals(string name) => values.GetValueOrDefault(prefix + name) is IReadOnlyList<object?> list
        ? [.. Enumerable.Range(0, list.Count).Select(i => Real(name, i) ?? throw Unfit(name, null, "numbers"))]
        : Real(name) is { } number ? [number] : null;

    /// <summary>Number of values that are given for stages; 0 where there is but one for all.</summary>
    public int Count(string name) => values.GetValueOrDefault(prefix + name) is IReadOnlyList<object?> list ? list.Count : 0;

    private object? Find(string name, int stage) => values.GetValueOrDefault(prefix + name) is IReadOnlyList<object?> list
        ? stage < list.Count ? list[stage] : throw Unfit(name, $"a list of {list.Count}", $"given for stage {stage + 1} too")
        : values.GetValueOrDefault(prefix + name);

    private InvalidDataException Unfit(string name, object? value, string due) => new($"The configuration's '{prefix}{name}' is '{value}'; it must be {due}.");
}
