using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Security;

/// <summary>The keys of the clients. Comparing takes the same time whatever is sent, so that time tells nothing of a key.</summary>
internal sealed class ApiKeys(IOptions<DalleServerOptions> options)
{
    private const string Scheme = "Bearer ";

    private readonly byte[][] _hashes = [.. options.Value.ApiKeys.Select(Hash)];

    /// <summary>The number of the request's key; null if no keys are asked for.</summary>
    /// <exception cref="ApiException">The key is missing or wrong.</exception>
    public int? Check(HttpRequest request)
    {
        if (_hashes.Length == 0)
            return null;
        var header = request.Headers.Authorization.ToString();
        var sent = Hash(header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : "");
        var found = -1;
        for (var i = 0; i < _hashes.Length; i++)
        {
            if (CryptographicOperations.FixedTimeEquals(sent, _hashes[i]))
                found = i;
        }
        return found >= 0 ? found : throw ApiException.WrongKey();
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
