using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary><c>GET /v1/models</c>: the model that is served, with what it can do.</summary>
internal sealed class ModelsApi(DalleModel model, ImageRequestReader reader, IOptions<DalleServerOptions> options, TimeProvider clock)
{
    private readonly long _created = clock.GetUtcNow().ToUnixTimeSeconds();

    public Task ListAsync(HttpContext context) => ApiJson.WriteAsync(context, new ModelsReply("list", [Describe()]));

    public Task GetAsync(HttpContext context, string name)
    {
        reader.CheckModel(name);
        return ApiJson.WriteAsync(context, Describe());
    }

    private ModelReply Describe()
    {
        var (info, defaults) = (model.Info, model.Info.Defaults);
        return new ModelReply(info.Name, "model", _created, "dalle-ml")
        {
            Description = info.Description,
            Sizes = info.CanGenerate ? [reader.Size] : [],
            TokenRows = info.TokenRows,
            MaxPartialImages = reader.MaxPartialImages,
            MaxN = options.Value.MaxImagesPerRequest,
            MaxCandidates = reader.MaxCandidates,
            CanGenerate = info.CanGenerate,
            CanEdit = ImagesApi.CanEdit(info),
            CanVary = info.CanVary,
            CanEmbed = info.HasClip,
            Defaults = new DefaultsReply(defaults.Candidates, defaults.Sampling.Temperature, defaults.Sampling.TopK, defaults.Sampling.TopP, defaults.Sampling.GuidanceScale)
            {
                Steps = defaults.Diffusion.DecoderSteps,
                PriorSteps = defaults.Diffusion.PriorSteps,
                UpsamplerSteps = defaults.Diffusion.UpsamplerSteps,
                PriorGuidance = defaults.Diffusion.PriorGuidance,
            },
            Words = info.Vocabulary,
        };
    }
}
