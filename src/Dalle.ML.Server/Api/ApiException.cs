using Microsoft.AspNetCore.Http;

namespace Dalle.ML.Server;

/// <summary>A request that is answered with an error, in the shape of OpenAI's.</summary>
internal sealed class ApiException : Exception
{
    private const string InvalidRequest = "invalid_request_error";

    private ApiException(int status, string type, string code, string message, string? parameter = null, TimeSpan? retryAfter = null)
        : base(message) =>
        (Status, Type, Code, Parameter, RetryAfter) = (status, type, code, parameter, retryAfter);

    /// <summary>The status of HTTP.</summary>
    public int Status { get; }

    public string Type { get; }

    public string Code { get; }

    /// <summary>The field of the request that is wrong; null if it is none.</summary>
    public string? Parameter { get; }

    /// <summary>When the client may try again; null if that would not help.</summary>
    public TimeSpan? RetryAfter { get; }

    public static ApiException Invalid(string? parameter, string message, string code = "invalid_value") =>
        new(StatusCodes.Status400BadRequest, InvalidRequest, code, message, parameter);

    public static ApiException Missing(string parameter, string message) => Invalid(parameter, message, "missing_required_parameter");

    public static ApiException Unsupported(string message, string? parameter = null) => Invalid(parameter, message, "unsupported_operation");

    public static ApiException UnknownModel(string model, string known) => new(
        StatusCodes.Status404NotFound, InvalidRequest, "model_not_found", $"The model '{model}' is not served here; the model is '{known}'. Name it, or leave 'model' out.", "model");

    public static ApiException NotFound(string message) => new(StatusCodes.Status404NotFound, InvalidRequest, "not_found", message);

    public static ApiException WrongContentType(string expected) => new(
        StatusCodes.Status415UnsupportedMediaType, InvalidRequest, "unsupported_content_type", $"The content type must be {expected}.");

    public static ApiException TooLarge(string message) => new(StatusCodes.Status413PayloadTooLarge, InvalidRequest, "request_too_large", message);

    public static ApiException BadRequest(int status, string message) => new(status, InvalidRequest, "bad_request", message);

    public static ApiException WrongKey() => new(
        StatusCodes.Status401Unauthorized, InvalidRequest, "invalid_api_key", "The API key is missing or wrong. Send one as 'Authorization: Bearer KEY'.");

    public static ApiException CrossSite(string origin) => new(
        StatusCodes.Status403Forbidden, InvalidRequest, "cross_site_request", $"Pages of '{origin}' may not use this server.");

    public static ApiException QueueFull(int pending, int most, TimeSpan retryAfter) => new(
        StatusCodes.Status429TooManyRequests, "rate_limit_error", "queue_full",
        $"{pending} images wait or are in work, of at most {most}. Try again in {retryAfter.TotalSeconds:0} seconds.", retryAfter: retryAfter);

    public static ApiException TooOften(int most, TimeSpan retryAfter) => new(
        StatusCodes.Status429TooManyRequests, "rate_limit_error", "rate_limit_exceeded",
        $"This client asked more often than {most} times a minute. Try again in {retryAfter.TotalSeconds:0} seconds.", retryAfter: retryAfter);

    public static ApiException Stopping() => new(
        StatusCodes.Status503ServiceUnavailable, "server_error", "server_stopping", "The server stops. Try again when it is back.", retryAfter: TimeSpan.FromSeconds(10));

    public static ApiException Failed() => new(
        StatusCodes.Status500InternalServerError, "server_error", "internal_error", "The server failed; its log says why.");
}
