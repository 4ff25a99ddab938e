using Dalle.ML.Server;
using Dalle.ML.Server.Api;
using Dalle.ML.Server.Mcp;
using Dalle.ML.Server.Security;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the endpoints of the server of Dalle.ML.</summary>
public static class DalleEndpointRouteBuilderExtensions
{
    internal const string AnyContentType = "*/*";

    /// <summary>
    /// Maps OpenAI's image API below <c>/v1</c>, <c>/generate</c>, and the health checks <c>/healthz</c> and <c>/readyz</c>. Map them into a group, such as
    /// <c>app.MapGroup("/dalle")</c>, to put them elsewhere.
    /// </summary>
    /// <param name="endpoints">The application, or a group of routes.</param>
    /// <returns>The endpoints but the health checks, for policies of the application: authorization, CORS, rate limits.</returns>
    /// <exception cref="InvalidOperationException"><c>AddDalleServer</c> was not called.</exception>
    public static RouteGroupBuilder MapDalle(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<ApiKeys>() is null)
            throw new InvalidOperationException("Call services.AddDalleServer() before MapDalle().");
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<DalleServerOptions>>().Value;
        var (json, upload) = (new RequestSizeLimitAttribute(options.MaxJsonBytes), new RequestSizeLimitAttribute(options.MaxUploadBytes));

        endpoints.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false });
        endpoints.MapHealthChecks("/readyz", new HealthCheckOptions { Predicate = check => check.Tags.Contains(ReadyCheck.Tag) });

        var group = endpoints.MapGuarded();
        group.WithTags("Dalle.ML");

        group.MapPost("/v1/images/generations", (HttpContext context, [FromServices] ImagesApi images) => images.GenerateAsync(context))
            .Describe<ImageBody, ImagesReply>("CreateImage", "Generates images for a prompt.", "application/json", json)
            .Produces<StreamEvent>(StatusCodes.Status200OK, "text/event-stream");
        group.MapPost("/v1/images/edits", (HttpContext context, [FromServices] ImagesApi images) => images.EditAsync(context))
            .Describe<EditForm, ImagesReply>("CreateImageEdit", "Redraws the part of an image where the alpha of the mask is 0.", "multipart/form-data", upload);
        group.MapPost("/v1/images/variations", (HttpContext context, [FromServices] ImagesApi images) => images.VaryAsync(context))
            .Describe<VariationForm, ImagesReply>("CreateImageVariation", "Varies an image, if the model can.", "multipart/form-data", upload);
        group.MapPost("/v1/embeddings", (HttpContext context, [FromServices] EmbeddingsApi embeddings) => embeddings.EmbedAsync(context))
            .Describe<EmbeddingsBody, EmbeddingsReply>("CreateEmbedding", "Embeds texts and images by CLIP.", "application/json", json);
        group.MapGet("/v1/models", (HttpContext context, [FromServices] ModelsApi models) => models.ListAsync(context))
            .WithName("ListModels").WithSummary("The model that is served.").Produces<ModelsReply>();
        group.MapGet("/v1/models/{name}", (HttpContext context, [FromServices] ModelsApi models, string name) => models.GetAsync(context, name))
            .WithName("RetrieveModel").WithSummary("What a model can do.").Produces<ModelReply>().Produces<ErrorReply>(StatusCodes.Status404NotFound);
        group.MapGet(ImageStore.Route + "/{name}", (HttpContext context, [FromServices] ImagesApi images, string name) => images.GetStoredAsync(context, name))
            .WithName("RetrieveImage").WithSummary("An image of an answer with a URL, for a while.").WithMetadata(new RequestGuard.OpenToAll())
            .Produces(StatusCodes.Status200OK, contentType: "image/png").Produces<ErrorReply>(StatusCodes.Status404NotFound);
        group.MapPost("/generate", (HttpContext context, [FromServices] ImagesApi images) => images.GenerateListAsync(context))
            .Describe<GenerateBody, string[]>("Generate", "Generates images as a list of PNG data in base64.", "application/json", json);
        group.MapFallback("/v1/{**path}", (HttpContext context, string? path) =>
            ApiJson.WriteErrorAsync(context, ApiException.NotFound($"There is no {context.Request.Method} /v1/{path} here; docs/server.md lists the endpoints."))).ExcludeFromDescription();
        return group;
    }

    /// <summary>
    /// Maps the page, from which people use the API of <see cref="MapDalle"/> in a browser: at the root of the application or of the group. It needs no
    /// key, and asks for one if the API does.
    /// </summary>
    /// <param name="endpoints">The application, or the group of routes that <see cref="MapDalle"/> mapped into.</param>
    /// <returns>The endpoints, for policies of the application.</returns>
    public static RouteGroupBuilder MapDallePage(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        string[] methods = [HttpMethods.Get, HttpMethods.Head];
        var group = endpoints.MapGroup("");
        // The page names its files and the API from where it lies, which is a folder only with the slash at the end.
        group.MapMethods("/", methods, (HttpContext context) => context.Request.Path.Value is { Length: > 0 } path && !path.EndsWith('/')
            ? Results.Redirect($"{context.Request.PathBase}{path}/") : PageFiles.Get(context, PageFiles.Start));
        group.MapMethods("/page/{name}", methods, (HttpContext context, string name) => PageFiles.Get(context, name));
        group.ExcludeFromDescription();
        return group;
    }

    /// <summary>
    /// Maps the tools for agents, by the Model Context Protocol over HTTP. Keys, origins and limits are those of the other endpoints. Needs
    /// <c>AddDalleMcp().WithHttpTransport()</c>.
    /// </summary>
    /// <param name="endpoints">The application, or a group of routes.</param>
    /// <param name="pattern">The route.</param>
    /// <returns>The endpoints, for policies of the application.</returns>
    /// <exception cref="InvalidOperationException"><c>AddDalleServer</c> or <c>AddDalleMcp</c> was not called.</exception>
    public static RouteGroupBuilder MapDalleMcp(this IEndpointRouteBuilder endpoints, string pattern = "/mcp")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<ToolSchemas>() is null)
            throw new InvalidOperationException("Call services.AddDalleServer() and services.AddDalleMcp().WithHttpTransport() before MapDalleMcp().");
        var group = endpoints.MapGuarded();
        group.WithMetadata(new RequestSizeLimitAttribute(endpoints.ServiceProvider.GetRequiredService<IOptions<DalleServerOptions>>().Value.MaxUploadBytes));
        group.MapMcp(pattern).ExcludeFromDescription();
        return group;
    }

    private static RouteGroupBuilder MapGuarded(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("");
        group.AddEndpointFilterFactory((_, next) =>
        {
            var guard = ActivatorUtilities.CreateInstance<RequestGuard>(endpoints.ServiceProvider);
            return context => guard.InvokeAsync(context, next);
        });
        return group;
    }

    /// <summary>
    /// What the OpenAPI document tells of an endpoint that reads its body itself. Any content type reaches it, so that the answer to a wrong one has
    /// the shape of the API's errors and not of the router's.
    /// </summary>
    private static RouteHandlerBuilder Describe<TBody, TReply>(
        this RouteHandlerBuilder endpoint, string name, string summary, string contentType, RequestSizeLimitAttribute limit)
        where TBody : notnull =>
        endpoint.WithName(name).WithSummary(summary).WithMetadata(limit).Accepts<TBody>(contentType, AnyContentType).Produces<TReply>()
            .Produces<ErrorReply>(StatusCodes.Status400BadRequest).Produces<ErrorReply>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorReply>(StatusCodes.Status413PayloadTooLarge).Produces<ErrorReply>(StatusCodes.Status415UnsupportedMediaType)
            .Produces<ErrorReply>(StatusCodes.Status429TooManyRequests).Produces<ErrorReply>(StatusCodes.Status503ServiceUnavailable);
}
