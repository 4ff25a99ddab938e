using System.Globalization;
using System.Text.Json;

namespace Dalle.ML.Bundles;

/// <summary>
/// An object of a manifest while it is read. It says where the JSON differs from what is asked for, in the words of its readers. Texts must be harmless to
/// show: they reach terminals and logs.
/// </summary>
internal sealed class ManifestObject
{
    private const int MaxDepth = 16;
    private const int MaxTextLength = 10_000;
    private const int MaxMembers = 100_000;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth };

    private readonly JsonElement _json;
    private readonly string _path;
    private readonly List<string> _asked = [];
    private string? _missing;

    private ManifestObject(JsonElement json, string path)
    {
        Expect(json.ValueKind == JsonValueKind.Object, json, path, "an object, {…}");
        (_json, _path) = (json, path);
        var seen = new HashSet<string>();
        foreach (var member in json.EnumerateObject())
        {
            var name = NameOf(member);
            if (!seen.Add(name))
                throw new JsonException($"'{Join(name)}' is there twice");
            if (seen.Count > MaxMembers)
                throw new JsonException($"'{path}' has more than {MaxMembers} entries");
        }
    }

    /// <summary>Reads the object that a text is.</summary>
    /// <exception cref="JsonException">It is not; the message says where and why.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> json, Func<ManifestObject, T> read)
        where T : class
    {
        using var document = Parse(json);
        return Read(document.RootElement, path: "", read);
    }

    public int Int(string name) => Find(name) is { } value ? IntOf(value, Join(name)) : Missing(name, 0);

    public int Int(string name, int otherwise) => Find(name) is { } value ? IntOf(value, Join(name)) : otherwise;

    public int? OptionalInt(string name) => Find(name, isNullable: true) is { } value ? IntOf(value, Join(name)) : null;

    public long Long(string name)
    {
        if (Find(name) is not { } value)
            return Missing(name, 0L);
        var number = 0L;
        Expect(value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out number), value, Join(name), "a whole number");
        return number;
    }

    public float Float(string name) => Find(name) is { } value ? FloatOf(value, Join(name)) : Missing(name, 0f);

    public float Float(string name, float otherwise) => Find(name) is { } value ? FloatOf(value, Join(name)) : otherwise;

    public float? OptionalFloat(string name) => Find(name, isNullable: true) is { } value ? FloatOf(value, Join(name)) : null;

    public bool Bool(string name, bool otherwise = false)
    {
        if (Find(name) is not { } value)
            return otherwise;
        Expect(value.ValueKind is JsonValueKind.True or JsonValueKind.False, value, Join(name), "true or false");
        return value.ValueKind == JsonValueKind.True;
    }

    public string Text(string name) => Find(name) is { } value ? TextOf(value, Join(name)) : Missing(name, "");

    public string Text(string name, string otherwise) => Find(name) is { } value ? TextOf(value, Join(name)) : otherwise;

    public string? OptionalText(string name) => Find(name, isNullable: true) is { } value ? TextOf(value, Join(name)) : null;

    /// <summary>One of the values of an enumeration, in camel case.</summary>
    public T Choice<T>(string name)
        where T : struct, Enum => Find(name) is { } value ? (T)ChoiceOf(value, Join(name), typeof(T)) : Missing(name, default(T));

    public T Choice<T>(string name, T otherwise)
        where T : struct, Enum => Find(name) is { } value ? (T)ChoiceOf(value, Join(name), typeof(T)) : otherwise;

    public T[] Choices<T>(string name)
        where T : struct, Enum => Find(name) is { } value ? ArrayOf(value, Join(name), (element, path) => (T)ChoiceOf(element, path, typeof(T))) : [];

    public int[] Ints(string name) => Find(name) is { } value ? ArrayOf(value, Join(name), IntOf) : Missing(name, Array.Empty<int>());

    public int[] Ints(string name, int[] otherwise) => Find(name) is { } value ? ArrayOf(value, Join(name), IntOf) : otherwise;

    public string[] Texts(string name) => Find(name) is { } value ? ArrayOf(value, Join(name), TextOf) : Missing(name, Array.Empty<string>());

    public string[]? OptionalTexts(string name) => Find(name, isNullable: true) is { } value ? ArrayOf(value, Join(name), TextOf) : null;

    public T Object<T>(string name, Func<ManifestObject, T> read)
        where T : class => Find(name) is { } value ? Read(value, Join(name), read) : Missing<T>(name, null!);

    public T Object<T>(string name, Func<ManifestObject, T> read, Func<T> otherwise)
        where T : class => Find(name) is { } value ? Read(value, Join(name), read) : otherwise();

    public T? OptionalObject<T>(string name, Func<ManifestObject, T> read)
        where T : class => Find(name, isNullable: true) is { } value ? Read(value, Join(name), read) : null;

    public T[] Objects<T>(string name, Func<ManifestObject, T> read)
        where T : class => Find(name) is { } value ? ArrayOf(value, Join(name), (element, path) => Read(element, path, read)) : [];

    /// <summary>An object whose names are data. Null is the business of <see cref="ManifestValidator"/>.</summary>
    public SortedDictionary<string, T> Map<T>(string name, Func<ManifestObject, T> read)
        where T : class
    {
        var map = new SortedDictionary<string, T>();
        if (Find(name) is not { } value)
            return Missing(name, map);
        var members = new ManifestObject(value, Join(name));
        foreach (var member in value.EnumerateObject())
            map.Add(member.Name, member.Value.ValueKind == JsonValueKind.Null ? null! : Read(member.Value, members.Join(member.Name), read));
        return map;
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Span.StartsWith("\uFEFF"u8))
            json = json[3..];
        if (json.Span.Trim(" \t\r\n"u8).IsEmpty)
            throw new JsonException("it is empty");
        try
        {
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException exception)
        {
            var isDeep = exception.Message.Contains("depth", StringComparison.OrdinalIgnoreCase);
            throw new JsonException(isDeep
                ? $"it nests more than {MaxDepth} deep"
                : $"it is not JSON: see line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}", exception);
        }
    }

    private static T Read<T>(JsonElement json, string path, Func<ManifestObject, T> read)
    {
        var members = new ManifestObject(json, path);
        var result = read(members);
        members.CheckNames();
        return result;
    }

    /// <summary>Refuses names that were not asked for, and then that one of them is missing.</summary>
    private void CheckNames()
    {
        foreach (var member in _json.EnumerateObject())
        {
            if (!_asked.Contains(member.Name))
                throw new JsonException($"'{Join(member.Name)}' is not known; {(_path.Length == 0 ? "a manifest" : $"'{_path}'")} may have {string.Join(", ", _asked)}");
        }
        if (_missing is not null)
            throw new JsonException($"'{Join(_missing)}' is missing");
    }

    /// <summary>The value of a name; null where it is not there, or is null and may be.</summary>
    private JsonElement? Find(string name, bool isNullable = false)
    {
        _asked.Add(name);
        if (!_json.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind != JsonValueKind.Null)
            return value;
        Expect(isNullable, value, Join(name), "a value");
        return null;
    }

    /// <summary>What is wrong with a name that is there is told before one that is not.</summary>
    private T Missing<T>(string name, T placeholder)
    {
        _missing ??= name;
        return placeholder;
    }

    private static T[] ArrayOf<T>(JsonElement value, string path, Func<JsonElement, string, T> read)
    {
        Expect(value.ValueKind == JsonValueKind.Array, value, path, "an array, […]");
        var elements = new T[value.GetArrayLength()];
        for (var i = 0; i < elements.Length; i++)
            elements[i] = read(value[i], $"{path}[{i}]");
        return elements;
    }

    private static int IntOf(JsonElement value, string path)
    {
        var number = 0;
        Expect(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out number), value, path, "a whole number");
        return number;
    }

    private static float FloatOf(JsonElement value, string path)
    {
        var number = 0f;
        Expect(value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out number), value, path, "a number");
        return number;
    }

    private static string TextOf(JsonElement value, string path)
    {
        Expect(value.ValueKind == JsonValueKind.String, value, path, "a text");
        var text = StringOf(value, path);
        RefuseUnsafe(text, path);
        return text;
    }

    private static object ChoiceOf(JsonElement value, string path, Type type)
    {
        var names = Enum.GetNames(type);
        var choices = Array.ConvertAll(names, JsonNamingPolicy.CamelCase.ConvertName);
        var index = value.ValueKind == JsonValueKind.String ? Array.IndexOf(choices, StringOf(value, path)) : -1;
        Expect(index >= 0, value, path, $"one of {string.Join(", ", choices)}");
        return Enum.Parse(type, names[index]);
    }

    private static string StringOf(JsonElement value, string path)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            throw NotUnicode(path, exception);
        }
    }

    private string NameOf(JsonProperty member)
    {
        try
        {
            RefuseUnsafe(member.Name, Join("…"));
            return member.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw NotUnicode(_path, exception);
        }
    }

    private static JsonException NotUnicode(string path, Exception exception) => new($"a text in '{path}' holds half of a surrogate pair", exception);

    /// <summary>Refuses what would move the cursor, colour a terminal, forge a line of a log or turn the direction of what follows.</summary>
    private static void RefuseUnsafe(string text, string path)
    {
        if (text.Length > MaxTextLength)
            throw new JsonException($"'{path}' has {text.Length} characters; at most {MaxTextLength} are allowed");
        foreach (var character in text)
        {
            var isUnsafe = char.IsControl(character) || character is '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
            if (isUnsafe)
                throw new JsonException(string.Create(CultureInfo.InvariantCulture, $"'{path}' holds the control character U+{(int)character:X4}, such as a line end or an escape; texts of a manifest have none"));
        }
    }

    private static void Expect(bool isMet, JsonElement value, string path, string expected)
    {
        if (isMet)
            return;
        var given = value.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            JsonValueKind.String => "another text",
            JsonValueKind.Number => "another number",
            JsonValueKind.Null => "null",
            _ => value.GetRawText(),
        };
        throw new JsonException($"{(path.Length == 0 ? "the whole" : $"'{path}'")} is {given}; it must be {expected}");
    }

    private string Join(string name) => _path.Length == 0 ? name : $"{_path}.{name}";
}
