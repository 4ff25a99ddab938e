using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Dalle.ML.Server.Api;

/// <summary>Reads and writes the JSON of the API. A field that is unknown or of a wrong type is an error that names it.</summary>
internal static class ApiJson
{
    /// <summary>Names with underscores; unknown and repeated fields are refused.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        PropertyNameCaseInsensitive = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        // Answers are never part of a page: quotes stay readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 8,
    };

    /// <summary>Reads a body of JSON.</summary>
    /// <exception cref="ApiException">It is not JSON, or not of this shape.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
    {
        if (!request.HasJsonContentType())
            throw ApiException.WrongContentType("application/json");
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(request.Body, Options, request.HttpContext.RequestAborted).ConfigureAwait(false)
                ?? throw ApiException.Invalid(null, "The request is null.");
        }
        catch (JsonException exception)
        {
            throw Explain(exception);
        }
    }

    /// <summary>Reads the fields of a form as if they were JSON.</summary>
    /// <exception cref="ApiException">A field is unknown, repeated or of a wrong type.</exception>
    public static T Read<T>(IEnumerable<KeyValuePair<string, StringValues>> fields)
    {
        var json = new Dictionary<string, object?>();
        foreach (var (name, values) in fields)
        {
            if (values.Count > 1)
                throw ApiException.Invalid(name, $"'{name}' is given {values.Count} times.");
            json[name] = name is "stream" or "fast" && bool.TryParse(values[0], out var flag) ? flag : values[0];
        }
        try
        {
            return JsonSerializer.Deserialize<T>(JsonSerializer.SerializeToUtf8Bytes(json), Options)!;
        }
        catch (JsonException exception)
        {
            throw Explain(exception);
        }
    }

    /// <summary>Answers with JSON.</summary>
    public static Task WriteAsync<T>(HttpContext context, T value, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(value, Options, context.RequestAborted);
    }

    /// <summary>Answers with an error.</summary>
    public static Task WriteErrorAsync(HttpContext context, ApiException error)
    {
        if (error.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = new StringValues(wait.TotalSeconds.ToString("0", System.Globalization.CultureInfo.InvariantCulture));
        if (error.Status == StatusCodes.Status401Unauthorized)
            context.Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        return WriteAsync(context, ReplyOf(error), error.Status);
    }

    public static ErrorReply ReplyOf(ApiException error) => new(new ErrorDetails(error.Message, error.Type, error.Parameter, error.Code));

    private static ApiException Explain(JsonException exception)
    {
        var path = exception.Path is { } text ? text.TrimStart('$').TrimStart('.') : "";
        // A reader's exception within it means that the text is no JSON at all.
        var isSyntax = exception.InnerException is JsonException || exception.Message.StartsWith("Duplicate", StringComparison.Ordinal);
        return path.Length == 0 || isSyntax ? ApiException.Invalid(null, $"The request is not JSON of the expected shape: {FirstSentence(exception.Message)}.", "invalid_json")
            : exception.Message.Contains("could not be mapped", StringComparison.Ordinal)
                ? ApiException.Invalid(path, $"The field '{path}' is not known here. Leave it out; docs/server.md lists the fields.", "unknown_parameter")
            : ApiException.Invalid(path, $"The value of '{path}' is not of the right type or range.", "invalid_type");
    }

    private static string FirstSentence(string message) => message.Split(". ")[0].TrimEnd('.');
}
