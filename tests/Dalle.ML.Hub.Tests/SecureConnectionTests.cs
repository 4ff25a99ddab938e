using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dalle.ML.Hub.Tests;

/// <summary>A server whose certificate nobody vouches for, as that of a proxy that opens connections.</summary>
public sealed class SecureConnectionTests : HubTest
{
    [Fact]
    public async Task A_certificate_that_is_not_trusted_is_told_at_once()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        // A key that was not loaded from a file is none to the servers of some systems.
        using var loaded = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(loaded)));
        await using var application = builder.Build();
        application.Run(context => context.Response.WriteAsync("secret"));
        await application.StartAsync();
        Environment["HF_ENDPOINT"] = application.Urls.Single();

        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("The certificate of 127.0.0.1 is not trusted", error.Message, StringComparison.Ordinal);
        Assert.Empty(RetryClock.Waits);
    }

    [Fact]
    public async Task A_host_that_is_not_there_is_named_after_some_attempts()
    {
        // A port that was free a moment ago.
        await using var gone = await HubServer.StartAsync();
        var address = gone.Hub;
        await gone.DisposeAsync();
        Environment["HF_ENDPOINT"] = address.AbsoluteUri;
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("The connection to 127.0.0.1 failed", error.Message, StringComparison.Ordinal);
        Assert.Equal(6, RetryClock.Waits.Count);
    }
}
