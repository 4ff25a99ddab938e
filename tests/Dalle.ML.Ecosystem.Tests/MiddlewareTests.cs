using System.Diagnostics;
using Dalle.ML.Extensions.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>The generators between the middleware of Microsoft.Extensions.AI and in a service collection.</summary>
public sealed class MiddlewareTests : IDisposable
{
    private readonly Drawings _drawings;

    /// <summary>Spans of other tests that run meanwhile have other names.</summary>
    private readonly string _source = $"Dalle.ML {Guid.NewGuid()}";

    private readonly List<Activity> _spans = [];
    private readonly TracerProvider _tracing;
    private readonly FakeLogCollector _log = FakeLogCollector.Create(new FakeLogCollectorOptions());
    private readonly ILoggerFactory _loggers;

    public MiddlewareTests(Drawings drawings)
    {
        _drawings = drawings;
        _tracing = Sdk.CreateTracerProviderBuilder().AddSource(_source).AddInMemoryExporter(_spans).Build();
        _loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new FakeLoggerProvider(_log)));
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _tracing.Dispose();
    }

    [Fact]
    public async Task Requests_for_images_are_logged_and_traced_and_options_configured()
    {
        using var generator = new DalleImageGenerator(DalleModel.LoadDefault()).AsBuilder()
            .UseLogging(_loggers)
            .UseOpenTelemetry(_loggers, _source)
            .ConfigureOptions(options => options.Count = 2)
            .Build();
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 7, ["candidates"] = 1 } };
        var reply = await generator.GenerateImagesAsync("a red heart", options);
        Assert.Equal(2, reply.Contents.Count);

        var messages = _log.GetSnapshot().Select(record => record.Message).ToArray();
        Assert.Contains(messages, message => message.Contains("a red heart", StringComparison.Ordinal));
        Assert.Contains(messages, message => message.Contains("completed", StringComparison.Ordinal));
        AssertTraced("generate_content emoji-128", tokens: 3);
        Assert.Equal(512, Assert.Single(_spans).GetTagItem("gen_ai.usage.output_tokens"));
    }

    [Fact]
    public async Task Embeddings_are_traced_and_come_from_the_cache_the_second_time()
    {
        var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        string[] texts = ["a red heart", "a cat"];
        using var first = Build();
        var computed = await first.GenerateAsync(texts);
        Assert.Equal(192, computed[0].Dimensions);
        AssertTraced("embeddings emoji-128", tokens: 3 + 2);
        Assert.Equal("emoji-128", Assert.Single(_spans).GetTagItem("gen_ai.response.model"));

        // As a process that is started later.
        _spans.Clear();
        using var second = Build();
        var cached = await second.GenerateAsync(["a cat", "a red heart"]);
        Assert.Equal(computed.Reverse().Select(embedding => embedding.Vector.ToArray()), cached.Select(embedding => embedding.Vector.ToArray()));
        Assert.Empty(_spans);
        await second.GenerateAsync(["a cat", "a dog"]);
        AssertTraced("embeddings emoji-128", tokens: 2);

        // Keys of the cache say nothing of the model: where several share it, they are told.
        _spans.Clear();
        using var other = Build("another model's hash");
        await other.GenerateAsync(["a cat"]);
        AssertTraced("embeddings emoji-128", tokens: 2);

        IEmbeddingGenerator<string, Embedding<float>> Build(string? hash = null)
        {
            var model = DalleModel.LoadDefault();
            return new EmbeddingGeneratorBuilder<string, Embedding<float>>(new ClipEmbeddingGenerator(model))
                .UseDistributedCache(cache, caching => caching.CacheKeyAdditionalValues = [hash ?? model.Info.Hash])
                .UseOpenTelemetry(_loggers, _source).Build();
        }
    }

    [Fact]
    public async Task Embeddings_of_images_are_cached_by_their_bytes()
    {
        var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        using var generator = new EmbeddingGeneratorBuilder<DataContent, Embedding<float>>(new ClipEmbeddingGenerator(DalleModel.LoadDefault()))
            .UseDistributedCache(cache).UseOpenTelemetry(_loggers, _source).UseLogging(_loggers).Build();
        var pictures = _drawings.Rows.DistinctBy(row => row.Kind).Select(row => File.ReadAllBytes(_drawings.PathOf(row))).ToArray();

        var computed = await generator.GenerateAsync(pictures.Select(bytes => new DataContent(bytes, "image/png")));
        Assert.Equal(pictures.Length, computed.DistinctBy(embedding => embedding.Vector.Span[0]).Count());
        _spans.Clear();
        var cached = await generator.GenerateAsync(pictures.Reverse().Select(bytes => new DataContent(bytes, "image/png")));
        Assert.Equal(computed.Reverse().Select(embedding => embedding.Vector.ToArray()), cached.Select(embedding => embedding.Vector.ToArray()));
        Assert.Empty(_spans);
    }

    [Fact]
    public async Task Services_have_middleware_around_the_image_generator()
    {
        var services = new ServiceCollection();
        services.AddSingleton(_loggers);
        services.AddDalle().UseLogging().UseOpenTelemetry(sourceName: _source);
        await using var provider = services.BuildServiceProvider();
        var options = new ImageGenerationOptions { AdditionalProperties = new() { ["candidates"] = 1 } };
        await provider.GetRequiredService<IImageGenerator>().GenerateImagesAsync("a cat", options);
        AssertTraced("generate_content emoji-128", tokens: 2);
        Assert.NotEmpty(_log.GetSnapshot());
    }

    private void AssertTraced(string name, int tokens)
    {
        var span = Assert.Single(_spans);
        Assert.Equal(
            (name, "dalle-ml", "emoji-128", tokens),
            (span.DisplayName, span.GetTagItem("gen_ai.provider.name"), span.GetTagItem("gen_ai.request.model"), span.GetTagItem("gen_ai.usage.input_tokens")));
    }
}
