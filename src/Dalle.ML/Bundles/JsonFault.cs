using System.Globalization;
using System.Text.Json;

namespace Dalle.ML.Bundles;

/// <summary>Why a text is not JSON, in words that do not name .NET's types.</summary>
internal static class JsonFault
{
    /// <summary>For example "it is not JSON: see line 3, byte 7"; the message itself where the text is JSON.</summary>
    public static string Describe(JsonException exception)
    {
        // What parses throws a type of its own, which what converts wraps.
        var isSyntax = exception.GetType() != typeof(JsonException) || exception.InnerException is JsonException;
        return !isSyntax ? exception.Message
            : exception.Message.Contains("depth", StringComparison.OrdinalIgnoreCase) ? "it nests too deep"
            : exception.Message.Contains("duplicate", StringComparison.OrdinalIgnoreCase) ? "it has a name twice"
            : string.Create(CultureInfo.InvariantCulture, $"it is not JSON: see line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}");
    }
}
