using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dalle.ML.Cli;

/// <summary>A JSON object on one line: how the tool reports results, and what its files hold.</summary>
internal static class JsonLine
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>A value as a line, without its end.</summary>
    public static string Text(object value) => JsonSerializer.Serialize(value, Options);

    /// <summary>A value as a line of a file, with its end.</summary>
    public static byte[] Bytes(object value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, Options), (byte)'\n'];

    /// <summary>The value of a line; the default if the line is not JSON of such a value.</summary>
    public static T? Read<T>(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, Options);
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
