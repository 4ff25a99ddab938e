using System.Text;

namespace Dalle.ML.Hub.Download;

/// <summary>Recognizes a page for people that a proxy, a login or an expired link sends in place of a file.</summary>
internal static class WebPage
{
    private const int Shown = 80;

    private static readonly string[] Beginnings = ["<!doctype", "<html", "<head", "<?xml", "<Error", "version https://git-lfs"];

    /// <exception cref="DalleHubException">The response says that it is a web page.</exception>
    public static void Refuse(HttpResponseMessage response, Uri url)
    {
        if (response.Content.Headers.ContentType?.MediaType is "text/html" or "application/xhtml+xml")
            throw new DalleHubException($"{url} answers with a web page in place of the file. The link may be dead, or a proxy asks for a login.");
    }

    /// <exception cref="DalleHubException">The first bytes are those of a web page.</exception>
    public static void Refuse(ReadOnlySpan<byte> first, Uri url)
    {
        var text = Encoding.Latin1.GetString(first[..Math.Min(first.Length, Shown)]).TrimStart('\uFEFF', ' ', '\r', '\n', '\t');
        if (Beginnings.Any(beginning => text.StartsWith(beginning, StringComparison.OrdinalIgnoreCase)))
        {
            var shown = new string([.. text.Select(character => char.IsControl(character) ? ' ' : character)]);
            throw new DalleHubException($"{url} answers with text in place of the file: '{shown}'. The link may be dead, or a proxy asks for a login.");
        }
    }
}
