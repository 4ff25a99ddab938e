using Dalle.ML;
using Dalle.ML.Extensions.AI;
using Dalle.ML.Runtime;
using Microsoft.Extensions.AI;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Dalle.ML with a service collection.</summary>
public static class DalleServiceCollectionExtensions
{
    /// <summary>
    /// Adds an <see cref="IImageGenerator"/> and, where the model has a CLIP, the <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of
    /// texts and of images. The model is loaded once, when it is first asked for, and disposed with the provider.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="device">Where it runs; the CPU if null.</param>
    public static IServiceCollection AddDalle(this IServiceCollection services, string? modelPath = null, DalleDevice? device = null)
    {
        ArgumentNullException.ThrowIfNull(services);

        // Each has a handle of its own on the shared model, so that the provider may dispose them in any order.
        services.AddSingleton<IImageGenerator>(_ => new DalleImageGenerator(Load()));
        services.AddSingleton(_ => new ClipEmbeddingGenerator(Load()));
        services.AddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(provider => provider.GetRequiredService<ClipEmbeddingGenerator>());
        services.AddSingleton<IEmbeddingGenerator<DataContent, Embedding<float>>>(provider => provider.GetRequiredService<ClipEmbeddingGenerator>());
        return services;

        DalleModel Load() => DalleModel.Load(modelPath ?? DalleModel.DefaultPath, device);
    }
}
