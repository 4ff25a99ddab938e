using System.Text.RegularExpressions;

namespace Dalle.ML.Hub.HuggingFace;

/// <summary>A file of a repository on the Hugging Face hub, written <c>hf://owner/repository@revision/path</c>.</summary>
/// <param name="Repository">Owner and name.</param>
/// <param name="Revision">A branch, tag or commit.</param>
/// <param name="Path">The path in the repository.</param>
internal sealed partial record HubFile(string Repository, string Revision, string Path)
{
    /// <summary>The file that a text names; null if it names none.</summary>
    public static HubFile? TryParse(string text) =>
        Form().Match(text) is { Success: true } match && !match.Groups["path"].Value.Split('/').Any(part => part is "" or "." or "..")
            ? new HubFile(match.Groups["repository"].Value, Uri.UnescapeDataString(match.Groups["revision"].Value), match.Groups["path"].Value)
            : null;

    /// <summary>The file's address at an endpoint.</summary>
    public Uri At(Uri endpoint)
    {
        var path = string.Join('/', Path.Split('/').Select(Uri.EscapeDataString));
        return new Uri($"{endpoint.AbsoluteUri.TrimEnd('/')}/{Repository}/resolve/{Uri.EscapeDataString(Revision)}/{path}");
    }

    public override string ToString() => $"hf://{Repository}@{Uri.EscapeDataString(Revision)}/{Path}";

    [GeneratedRegex(@"^hf://(?<repository>[\w-][\w.-]*/[\w-][\w.-]*)@(?<revision>[\w.%-]+)/(?<path>[^\\:?#]+)$")]
    private static partial Regex Form();
}
