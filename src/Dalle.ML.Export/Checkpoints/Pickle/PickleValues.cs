namespace Dalle.ML.Export.Checkpoints;

/// <summary>A placeholder for a Python function or class in a pickle: a name, and what replaces its results. The function
/// or class itself is never looked for.</summary>
internal sealed record PickleGlobal(string Name, Func<PickleGlobal, object?[], object?> Create)
{
    /// <summary>Whether the meaning of its arguments is known; if not, no tensor may depend on them.</summary>
    public bool IsKnown { get; init; } = true;
}

/// <summary>An object of a class that is not known here: its class's name and its attributes, and its entries if it is a dictionary.</summary>
internal sealed class PickleRecord(PickleGlobal type, object?[] arguments)
{
    public PickleGlobal Type => type;

    public object?[] Arguments => arguments;

    /// <summary>The state that the pickle gives the object, which for ordinary objects is a dictionary of its attributes.</summary>
    public object? State { get; set; }

    public OrderedDictionary<string, object?> Items { get; } = [];

    public OrderedDictionary<string, object?> Attributes => State as OrderedDictionary<string, object?> ?? [];
}
