using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Dalle.ML.Server.Host;

/// <summary>The OpenAPI document, and the page that shows it and sends requests.</summary>
internal static class ApiDocument
{
    public static void AddApiDocument(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower);
        services.AddOpenApi(openApi => openApi
            .AddDocumentTransformer((document, context, _) =>
            {
                document.Info.Title = "Dalle.ML";
                if (context.ApplicationServices.GetRequiredService<IOptions<DalleServerOptions>>().Value.ApiKeys.Count > 0)
                {
                    document.AddComponent("key", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
                    document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("key", document)] = [] }];
                }
                return Task.CompletedTask;
            })
            .AddOperationTransformer((operation, _, _) =>
            {
                // For the router any content type is one; for a reader there is one.
                operation.RequestBody?.Content?.Remove("*/*");
                return Task.CompletedTask;
            }));
    }

    public static void MapApiPage(this WebApplication app)
    {
        app.MapOpenApi();
        var page = app.MapGroup("");
        page.AddEndpointFilter((context, next) =>
        {
            var response = context.HttpContext.Response;
            response.OnStarting(() =>
            {
                // The page brings its script along; nothing is loaded from elsewhere.
                var nonce = context.HttpContext.Items[ScalarOptions.NonceHttpContextItemKey];
                response.Headers.ContentSecurityPolicy =
                    $"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
                response.Headers.XContentTypeOptions = "nosniff";
                response.Headers["Referrer-Policy"] = "no-referrer";
                return Task.CompletedTask;
            });
            return next(context);
        });
        page.MapScalarApiReference("/docs", scalar =>
        {
            scalar.WithTitle("Dalle.ML").WithNonce().DisableDefaultFonts().DisableAgent().DisableMcp().HideClientButton().HideDeveloperTools();
            scalar.Telemetry = false;
        });
    }
}
