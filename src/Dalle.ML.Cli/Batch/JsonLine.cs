using System.Text.Json;

namespace Dalle.ML.Cli.Batch;

/// <summary>A batch's files hold one JSON object a line, spelt as the tool's results are.</summary>
internal static class JsonLine
{
    /// <summary>A value as a line, with its end.</summary>
    public static byte[] Of<T>(T value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, Results.JsonOptions), (byte)'\n'];

    /// <summary>What a line says; the default if it says nothing of the kind.</summary>
    public static T? Read<T>(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, Results.JsonOptions);
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
