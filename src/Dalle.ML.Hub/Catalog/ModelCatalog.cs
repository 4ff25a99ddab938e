using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dalle.ML.Hub.Catalog;

/// <summary>The published models that are known: those of the embedded catalogue, and those of a user's file, which go before.</summary>
internal sealed class ModelCatalog
{
    /// <summary>Environment variable with the path of a user's catalogue.</summary>
    public const string Variable = "DALLE_CATALOG";

    private const int CurrentVersion = 1;
    private const int MaxBytes = 16 << 20;

    private readonly Dictionary<string, CatalogModel> _models = new(StringComparer.OrdinalIgnoreCase);

    private ModelCatalog(IEnumerable<CatalogModel> models)
    {
        foreach (var model in models)
            _models[model.Name] = model;
    }

    private sealed record Document(int Version, IReadOnlyList<CatalogModel> Models);

    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        AllowTrailingCommas = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        IgnoreReadOnlyProperties = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public IEnumerable<CatalogModel> Models => _models.Values;

    /// <summary>Reads the embedded catalogue and, if one is named, a user's.</summary>
    /// <exception cref="DalleHubException">The user's file cannot be used.</exception>
    public static ModelCatalog Read(string? userFile)
    {
        using var resource = typeof(ModelCatalog).Assembly.GetManifestResourceStream("catalog.json")!;
        return new ModelCatalog(Read(resource, "the embedded catalogue").Concat(userFile is null ? [] : ReadFile(userFile)));
    }

    /// <exception cref="DalleHubException">There is no such model.</exception>
    public CatalogModel Find(string name) => _models.GetValueOrDefault(name)
        ?? throw new DalleHubException($"There is no published model '{name}' in the catalogue.{Suggestion(name)} Models: {string.Join(", ", _models.Keys)}.");

    private string Suggestion(string name)
    {
        var (nearest, distance) = _models.Keys.Select(known => (Name: known, Distance: Distance(name.ToUpperInvariant(), known.ToUpperInvariant()))).MinBy(known => known.Distance);
        return distance <= name.Length / 2 ? $" Did you mean '{nearest}'?" : "";
    }

    /// <summary>How many characters must be inserted, removed or replaced to get from one text to another.</summary>
    private static int Distance(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 0; i < one.Length; i++)
        {
            var diagonal = row[0]++;
            for (var j = 0; j < other.Length; j++)
                (diagonal, row[j + 1]) = (row[j + 1], Math.Min(Math.Min(row[j], row[j + 1]) + 1, diagonal + (one[i] == other[j] ? 0 : 1)));
        }
        return row[^1];
    }

    private static IReadOnlyList<CatalogModel> ReadFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return file.Length <= MaxBytes
                ? Read(file, $"'{path}'")
                : throw new DalleHubException($"'{path}' has {file.Length} bytes; a catalogue has at most {MaxBytes}.");
        }
        catch (Exception exception) when (exception is IOException and not DalleHubException or UnauthorizedAccessException)
        {
            throw new DalleHubException($"The catalogue '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    private static IReadOnlyList<CatalogModel> Read(Stream stream, string name)
    {
        try
        {
            var document = JsonSerializer.Deserialize<Document>(stream, Json) ?? throw new JsonException("it is null");
            if (document.Version != CurrentVersion)
                throw new JsonException($"its version is {document.Version}; this release reads version {CurrentVersion}");
            return document.Models.Select(model => model.FindFault()).FirstOrDefault(fault => fault is not null) is { } fault
                ? throw new JsonException(fault)
                : document.Models;
        }
        catch (JsonException exception)
        {
            throw new DalleHubException($"{name} is not a catalogue of models: {exception.Message}.", exception);
        }
    }
}
