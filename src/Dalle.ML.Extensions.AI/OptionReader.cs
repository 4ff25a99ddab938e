using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Dalle.ML.Extensions.AI;

/// <summary>Reads additional properties, which may be numbers of any type, text, or JSON that came over a wire.</summary>
internal sealed class OptionReader(AdditionalPropertiesDictionary? properties)
{
    /// <exception cref="ArgumentException">The property is not such a number.</exception>
    public T? Read<T>(string name)
        where T : struct, ISpanParsable<T> =>
        ReadText(name) is { } text
            ? T.TryParse(text, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new ArgumentException($"The option '{name}' is '{text}'; a number of type {typeof(T).Name} is expected.", nameof(name))
            : null;

    public string? ReadText(string name)
    {
        object? value = null;
        return properties?.TryGetValue(name, out value) != true || value is null ? null
            : value is JsonElement json ? json.ToString()
            : Convert.ToString(value, CultureInfo.InvariantCulture);
    }
}
