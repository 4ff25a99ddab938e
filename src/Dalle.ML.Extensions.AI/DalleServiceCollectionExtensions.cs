using Dalle.ML;
using Dalle.ML.Extensions.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Dalle.ML with a service collection.</summary>
public static class DalleServiceCollectionExtensions
{
    /// <summary>
    /// Adds an <see cref="IImageGenerator"/>, the <see cref="DalleModel"/> itself and, where it has a CLIP, the
    /// <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of texts and of images. All are singletons on one model, which is loaded when one of
    /// them is first requested and freed with the provider.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="device">Device to run on; the CPU if null.</param>
    /// <returns>A builder that puts middleware around the image generator.</returns>
    /// <example>
    /// <code>
    /// services.AddDalle().UseLogging().UseOpenTelemetry();
    /// </code>
    /// </example>
    public static ImageGeneratorBuilder AddDalle(this IServiceCollection services, string? modelPath = null, DalleDevice? device = null)
    {
        ArgumentNullException.ThrowIfNull(services);

        // Each has its own handle on the shared model, so that they can be disposed in any order.
        services.AddSingleton(_ => Load());
        services.AddSingleton(_ => new ClipEmbeddingGenerator(Load()));
        services.AddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(provider => provider.GetRequiredService<ClipEmbeddingGenerator>());
        services.AddSingleton<IEmbeddingGenerator<DataContent, Embedding<float>>>(provider => provider.GetRequiredService<ClipEmbeddingGenerator>());
        return services.AddImageGenerator(provider => new DalleImageGenerator(Load(), provider.GetService<ILogger<DalleImageGenerator>>()));

        DalleModel Load() => DalleModel.Load(modelPath ?? DalleModel.DefaultPath, device);
    }
}
