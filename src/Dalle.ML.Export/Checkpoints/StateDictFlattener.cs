namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Gives the tensors and plain values of nested dictionaries, lists and objects their dotted paths. Where the same object is met by
/// two paths both are names; a reference back to an object on the way to itself is passed over.
/// </summary>
internal sealed class StateDictFlattener
{
    private const int MaxDepth = 100;
    private const int MaxPath = 2048;

    // A few lists of lists of the same list are small in a file and endless as paths.
    private const int MaxCharacters = 1 << 24;

    private readonly HashSet<object> _ancestors = new(ReferenceEqualityComparer.Instance);
    private long _characters;

    // The class or function, unknown here, whose arguments are being visited.
    private string? _unknown;

    private StateDictFlattener(object? root) => Visit("", root);

    public Dictionary<string, StoredTensor> Tensors { get; } = [];

    public Dictionary<string, object?> Settings { get; } = [];

    /// <exception cref="InvalidDataException">The tree is too deep or too large, or a tensor depends on an unknown name.</exception>
    public static StateDictFlattener Of(object? root) => new(root);

    private void Visit(string path, object? node)
    {
        _characters += path.Length + 1;
        if (_characters > MaxCharacters || path.Length > MaxPath || _ancestors.Count > MaxDepth)
            throw new InvalidDataException($"its objects are nested too deeply or refer to each other too often, at '{path[..Math.Min(path.Length, 80)]}'.");
        if (node is StoredTensor or Storage && _unknown is not null)
        {
            throw new InvalidDataException($"its pickle makes '{path}' from a tensor by '{_unknown}', which is not known here. "
                + "Nothing was executed. If you trust the file, save its weights as safetensors with the code that made it.");
        }
        if (node is StoredTensor tensor)
            Tensors[path] = tensor;
        else if (node is PickleGlobal global)
            Settings[path] = global.Name;
        else if (IsPlain(node))
            Settings[path] = node;
        else if (node is IReadOnlyList<object?> list && list.All(IsPlain))
            (Settings[path], _characters) = (list, _characters + list.Count);
        else if (_ancestors.Add(node!))
        {
            VisitChildren(path, node!);
            _ancestors.Remove(node!);
        }
    }

    private void VisitChildren(string path, object node)
    {
        switch (node)
        {
            case PickleRecord record:
                Visit(path, record.Items);
                foreach (var (name, value) in record.Attributes)
                    Visit(name is "_modules" or "_parameters" or "_buffers" ? path : Join(path, name), value);
                if (!record.Type.IsKnown)
                    VisitArguments(path, record);
                break;
            case OrderedDictionary<string, object?> dictionary:
                foreach (var (name, value) in dictionary)
                    Visit(Join(path, name), value);
                break;
            case IReadOnlyList<object?> list:
                for (var i = 0; i < list.Count; i++)
                    Visit(Join(path, $"{i}"), list[i]);
                break;
        }
    }

    /// <summary>Makes sure that no tensor is among values whose meaning is not known.</summary>
    private void VisitArguments(string path, PickleRecord record)
    {
        var outer = _unknown;
        _unknown = record.Type.Name;
        Visit(path, record.Arguments);
        if (record.State is not OrderedDictionary<string, object?>)
            Visit(path, record.State);
        _unknown = outer;
    }

    private static bool IsPlain(object? node) => node is null or bool or long or double or string;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
