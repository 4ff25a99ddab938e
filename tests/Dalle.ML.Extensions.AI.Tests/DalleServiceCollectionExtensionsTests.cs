using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dalle.ML.Extensions.AI.Tests;

public sealed class DalleServiceCollectionExtensionsTests
{
    [Fact]
    public void Generators_and_the_model_are_registered_and_freed_with_the_provider()
    {
        var services = new ServiceCollection();
        services.AddDalle();
        var provider = services.BuildServiceProvider();
        var generator = provider.GetRequiredService<IImageGenerator>();
        Assert.Equal("emoji-128", generator.GetRequiredService<ImageGeneratorMetadata>().DefaultModelId);
        Assert.Equal("emoji-128", generator.GetRequiredService<DalleModel>().Info.Name);
        Assert.Same(generator, generator.GetService<DalleImageGenerator>());
        Assert.Null(generator.GetService(typeof(DalleModel), "key"));
        var embedding = provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Same(embedding, provider.GetRequiredService<IEmbeddingGenerator<DataContent, Embedding<float>>>());
        Assert.Equal(192, embedding.GetRequiredService<EmbeddingGeneratorMetadata>().DefaultModelDimensions);
        var model = provider.GetRequiredService<DalleModel>();
        Assert.Same(model, provider.GetRequiredService<DalleModel>());
        Assert.Equal(192, model.EmbedText("a cat").Length);
        provider.Dispose();
        Assert.Throws<ObjectDisposedException>(() => generator.GetRequiredService<DalleModel>().EmbedText("a cat"));
        Assert.Throws<ObjectDisposedException>(() => model.EmbedText("a cat"));
    }

    [Fact]
    public void Each_of_them_may_be_disposed_before_the_others()
    {
        var services = new ServiceCollection();
        services.AddDalle();
        using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<IImageGenerator>().Dispose();
        provider.GetRequiredService<ClipEmbeddingGenerator>().Dispose();
        Assert.Equal(192, provider.GetRequiredService<DalleModel>().EmbedText("a cat").Length);
    }

    [Fact]
    public async Task Middleware_is_put_around_the_image_generator()
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug).AddFakeLogging());
        services.AddDalle().UseLogging().ConfigureOptions(options => options.Count = 2);
        await using var provider = services.BuildServiceProvider();
        var generator = provider.GetRequiredService<IImageGenerator>();
        Assert.Equal(2, (await generator.GenerateImagesAsync("a red heart")).Contents.Count);
        Assert.Contains(provider.GetFakeLogCollector().GetSnapshot(), record => record.Message.Contains("GenerateAsync", StringComparison.Ordinal));
        Assert.IsType<LoggingImageGenerator>(generator.GetService<LoggingImageGenerator>());
        Assert.Equal("emoji-128", generator.GetRequiredService<DalleModel>().Info.Name);
    }
}
