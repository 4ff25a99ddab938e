using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Dalle.ML.Server;

/// <summary>The files of the page, which lie within the assembly.</summary>
internal static class PageFiles
{
    public const string Start = "index.html";

    private const string Prefix = "Page/";

    private static readonly Dictionary<string, string> MediaTypes = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    private static readonly Lazy<Dictionary<string, PageFile>> Files = new(ReadAll);

    /// <summary>Answers with a file, with 304 if the browser has it, and with 404 if there is none.</summary>
    public static IResult Get(HttpContext context, string name)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        // A newer server has newer files: the browser asks each time.
        headers.CacheControl = "no-cache";
        return Files.Value.TryGetValue(name, out var file) ? Results.Bytes(file.Data, file.MediaType, entityTag: file.Tag) : Results.NotFound();
    }

    private static Dictionary<string, PageFile> ReadAll()
    {
        var assembly = typeof(PageFiles).Assembly;
        return assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(name => name[Prefix.Length..], name =>
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var data = new byte[stream.Length];
            stream.ReadExactly(data);
            return new PageFile(data, MediaTypes[Path.GetExtension(name)], new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(data))[..16]}\""));
        });
    }

    private sealed record PageFile(byte[] Data, string MediaType, EntityTagHeaderValue Tag);
}
