using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Dalle.ML.Extensions.AI;

/// <summary>Reads additional properties, which may be numbers of any type, text, or JSON that came over a wire.</summary>
internal sealed class OptionReader
{
    // In the order of the docs.
    private static readonly string[] Known =
    [
        "seed", "candidates", "temperature", "topK", "topP", "guidanceScale", "keep", "strength", "mask", "priorSteps", "decoderSteps", "upsamplerSteps", "priorGuidance", "fast",
    ];

    private readonly AdditionalPropertiesDictionary? _properties;

    /// <exception cref="ArgumentException">A property is not known.</exception>
    public OptionReader(AdditionalPropertiesDictionary? properties)
    {
        _properties = properties;
        foreach (var name in properties?.Keys.Except(Known, StringComparer.OrdinalIgnoreCase) ?? [])
            throw new ArgumentException($"The option '{name}' is not known to Dalle.ML. Remove it; options are {string.Join(", ", Known)}.", nameof(properties));
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="ArgumentException">The property is not such a number.</exception>
    public T? ReadWhole<T>(string name)
        where T : struct, INumber<T> =>
        Read<T>(name, NumberStyles.AllowLeadingSign, "a whole number");

    /// <summary>A number, with a point before its decimals. A comma, which would part thousands, is refused.</summary>
    /// <exception cref="ArgumentException">The property is not such a number.</exception>
    public float? ReadNumber(string name) => Read<float>(name, NumberStyles.Float, "a number such as 0.5, with a point");

    public string? ReadText(string name) => Find(name) switch
    {
        null => null,
        JsonElement json => json.ToString(),
        var value => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>True or false.</summary>
    /// <exception cref="ArgumentException">The property is neither.</exception>
    public bool ReadSwitch(string name) => ReadText(name) is { } text
        && (bool.TryParse(text, out var isSet) ? isSet : throw new ArgumentException($"The option '{name}' is '{text}'; it must be true or false.", nameof(name)));

    /// <summary>An image: data, or a data URI.</summary>
    /// <exception cref="ArgumentException">The property is not an image.</exception>
    public DataContent? ReadImage(string name)
    {
        if (Find(name) is not { } value)
            return null;
        if (value is not DataContent && ReadText(name)!.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
            value = new DataContent(ReadText(name)!);
        return value is DataContent image && image.HasTopLevelMediaType("image")
            ? image
            : throw new ArgumentException($"The option '{name}' is not an image; it must be a DataContent of one, or a data URI.", nameof(name));
    }

    private object? Find(string name) => _properties?.TryGetValue(name, out var value) == true ? value : null;

    private T? Read<T>(string name, NumberStyles style, string expected)
        where T : struct, INumber<T> =>
        ReadText(name) is { } text
            ? T.TryParse(text, style, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new ArgumentException($"The option '{name}' is '{text}'; it must be {expected}.", nameof(name))
            : null;
}
