using System.Globalization;
using Dalle.ML.Hub.Download;

namespace Dalle.ML.Hub.HuggingFace;

/// <summary>The settings of the Hugging Face hub that its own tools know, from environment variables.</summary>
internal sealed class HubEnvironment(PullOptions options)
{
    private static readonly Uri Official = new("https://huggingface.co");

    /// <summary>Address of the hub, or of the mirror that <c>HF_ENDPOINT</c> names.</summary>
    /// <exception cref="DalleHubException">It is not an address.</exception>
    public Uri Endpoint =>
        Variable("HF_ENDPOINT") is not { } endpoint ? Official
        : Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp) ? url
        : throw new DalleHubException($"HF_ENDPOINT is '{endpoint}', which is not a URL. Set it to the address of a mirror, such as https://hf-mirror.com, or remove it.");

    /// <summary>Whether no request may be made at all.</summary>
    public bool IsOffline => IsSet("HF_HUB_OFFLINE") || IsSet("TRANSFORMERS_OFFLINE");

    /// <summary>The token for the endpoint: that of the options, else the user's own, which no mirror gets.</summary>
    public string? Token => options.Token ?? (HubTransport.IsSameHost(Endpoint, Official) && !IsSet("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? OwnToken : null);

    /// <summary>The folder of the cache that the hub's own tools keep.</summary>
    public string CacheFolder => Variable("HF_HUB_CACHE") ?? Variable("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(HomeFolder, "hub");

    /// <summary>How long a server may be silent.</summary>
    public TimeSpan IdleTimeout =>
        double.TryParse(Variable("HF_HUB_DOWNLOAD_TIMEOUT"), CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1e6
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.FromSeconds(30);

    private string? OwnToken => Variable("HF_TOKEN") ?? Variable("HUGGING_FACE_HUB_TOKEN") ?? TokenOf(Variable("HF_TOKEN_PATH") ?? Path.Combine(HomeFolder, "token"));

    private string HomeFolder => Variable("HF_HOME")
        ?? Path.Combine(
            Variable("XDG_CACHE_HOME") ?? Path.Combine(Variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "huggingface");

    private static string? TokenOf(string file) => File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } token ? token : null;

    private string? Variable(string name) => options.Variable(name)?.Trim() is { Length: > 0 } value ? value : null;

    private bool IsSet(string name) => Variable(name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
}
