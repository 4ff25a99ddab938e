using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Dalle.ML.Bundles;

/// <summary>
/// Compares the JSON of a manifest with the records it is read into, and says where it differs in the words of its readers. Texts must be harmless to
/// show: they reach terminals and logs.
/// </summary>
internal static class ManifestText
{
    private const int MaxDepth = 16;
    private const int MaxTextLength = 10_000;
    private const int MaxListedFiles = 100_000;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth };

    /// <exception cref="JsonException">It is not a manifest; the message says where and why.</exception>
    public static void Check(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        Check(document.RootElement, ManifestContext.Default.Manifest, path: "");
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

    private static void Check(JsonElement value, JsonTypeInfo type, string path)
    {
        var actual = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                Expect(value.ValueKind == JsonValueKind.Object, value, path, "an object, {…}");
                CheckObject(value, type, path);
                break;
            case JsonTypeInfoKind.Dictionary:
                Expect(value.ValueKind == JsonValueKind.Object, value, path, "an object, {…}");
                CheckFiles(value, TypeOf(type.ElementType!), path);
                break;
            case JsonTypeInfoKind.Enumerable:
                Expect(value.ValueKind == JsonValueKind.Array, value, path, "an array, […]");
                foreach (var (index, element) in value.EnumerateArray().Index())
                    Check(element, TypeOf(type.ElementType!), $"{path}[{index}]");
                break;
            default:
                CheckValue(value, actual, path);
                break;
        }
    }

    private static void CheckObject(JsonElement value, JsonTypeInfo type, string path)
    {
        var known = type.Properties.Where(property => property.Set is not null || property.AssociatedParameter is not null).ToDictionary(property => property.Name);
        var seen = new HashSet<string>();
        foreach (var member in value.EnumerateObject())
        {
            var place = Join(path, NameOf(member, path));
            if (!known.TryGetValue(member.Name, out var property))
                throw new JsonException($"'{place}' is not known; {(path.Length == 0 ? "a manifest" : $"'{path}'")} may have {string.Join(", ", known.Keys)}");
            if (!seen.Add(member.Name))
                throw new JsonException($"'{place}' is there twice");
            if (member.Value.ValueKind == JsonValueKind.Null)
                Expect(property.IsSetNullable, member.Value, place, "a value");
            else
                Check(member.Value, TypeOf(property.PropertyType), place);
        }
        if (known.Values.FirstOrDefault(property => property.IsRequired && !seen.Contains(property.Name)) is { } missing)
            throw new JsonException($"'{Join(path, missing.Name)}' is missing");
    }

    /// <summary>Null is the business of <see cref="ManifestValidator"/>.</summary>
    private static void CheckFiles(JsonElement value, JsonTypeInfo type, string path)
    {
        var seen = new HashSet<string>();
        foreach (var member in value.EnumerateObject())
        {
            var place = Join(path, NameOf(member, path));
            if (!seen.Add(member.Name))
                throw new JsonException($"'{place}' is there twice");
            if (seen.Count > MaxListedFiles)
                throw new JsonException($"'{path}' has more than {MaxListedFiles} entries");
            if (member.Value.ValueKind != JsonValueKind.Null)
                Check(member.Value, type, place);
        }
    }

    private static void CheckValue(JsonElement value, Type type, string path)
    {
        if (type == typeof(string))
        {
            Expect(value.ValueKind == JsonValueKind.String, value, path, "a text");
            RefuseUnsafe(TextOf(value, path), path);
        }
        else if (type == typeof(bool))
        {
            Expect(value.ValueKind is JsonValueKind.True or JsonValueKind.False, value, path, "true or false");
        }
        else if (type == typeof(float))
        {
            Expect(value.ValueKind == JsonValueKind.Number, value, path, "a number");
        }
        else if (type.IsEnum)
        {
            var names = Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName).ToArray();
            Expect(value.ValueKind == JsonValueKind.String && names.Contains(TextOf(value, path)), value, path, $"one of {string.Join(", ", names)}");
        }
        else
        {
            var isWhole = value.ValueKind == JsonValueKind.Number && (type == typeof(long) ? value.TryGetInt64(out _) : value.TryGetInt32(out _));
            Expect(isWhole, value, path, "a whole number");
        }
    }

    private static string NameOf(JsonProperty member, string path)
    {
        try
        {
            RefuseUnsafe(member.Name, Join(path, "…"));
            return member.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw NotUnicode(path, exception);
        }
    }

    private static string TextOf(JsonElement value, string path)
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

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static JsonTypeInfo TypeOf(Type type) => ManifestContext.Default.GetTypeInfo(type)!;
}
