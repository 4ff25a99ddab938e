namespace Dalle.ML.Export.Checkpoints;

/// <summary>The stack of a <see cref="PickleMachine"/>. What lies below a mark belongs to what the mark interrupted.</summary>
internal sealed class PickleStack
{
    private readonly List<object?> _values = [];
    private readonly Stack<int> _marks = [];

    private int Floor => _marks.TryPeek(out var mark) ? mark : 0;

    public void Clear()
    {
        _values.Clear();
        _marks.Clear();
    }

    public void Mark() => _marks.Push(_values.Count);

    public void Push(object? value) => _values.Add(value);

    /// <exception cref="InvalidDataException">There is nothing above the mark, as from all methods here that take values.</exception>
    public object? Peek() => _values.Count > Floor ? _values[^1] : throw TooShort();

    public object? Pop()
    {
        var value = Peek();
        _values.RemoveAt(_values.Count - 1);
        return value;
    }

    public T Pop<T>(string what) =>
        Pop() is T value ? value : throw new InvalidDataException($"its pickle has something else where {what} belongs.");

    /// <summary>Takes away the topmost value or, if there is none above it, the mark.</summary>
    public void PopOrUnmark()
    {
        if (_marks.TryPeek(out var mark) && mark == _values.Count)
            _marks.Pop();
        else
            Pop();
    }

    public object?[] PopLast(int count) => _values.Count - count >= Floor ? PopFrom(_values.Count - count) : throw TooShort();

    /// <summary>Takes away the mark and the values above it.</summary>
    public object?[] PopToMark() => _marks.TryPop(out var mark) ? PopFrom(mark) : throw new InvalidDataException("its pickle lacks a mark.");

    private object?[] PopFrom(int first)
    {
        var values = new object?[_values.Count - first];
        _values.CopyTo(first, values, 0, values.Length);
        _values.RemoveRange(first, values.Length);
        return values;
    }

    private static InvalidDataException TooShort() => new("its pickle takes more from the stack than is there.");
}
