using Microsoft.Extensions.AI;

namespace Dalle.ML.Extensions.AI;

/// <summary>
/// CLIP embeddings of texts and of images (JPEG, PNG, WebP, BMP or GIF data), unit vectors in one space: the cosine between a text and an
/// image measures how well they fit. Thread-safe.
/// </summary>
/// <remarks>It implements two generators, one for each kind of input: the type of the variable, <c>IEmbeddingGenerator&lt;string, Embedding&lt;float&gt;&gt;</c>
/// or that of <see cref="DataContent"/>, selects one. An image that cannot be read is an <see cref="ArgumentException"/>.</remarks>
public sealed class ClipEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>, IEmbeddingGenerator<DataContent, Embedding<float>>
{
    private readonly DalleModel _model;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <summary>Creates a generator, which disposes the model when it is disposed itself.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">The model has no CLIP.</exception>
    public ClipEmbeddingGenerator(DalleModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!model.Info.HasClip)
            throw new ArgumentException($"The model '{model.Info.Name}' has no CLIP.", nameof(model));
        (_model, _metadata) = (model, new EmbeddingGeneratorMetadata("dalle-ml", defaultModelId: model.Info.Name, defaultModelDimensions: model.Info.EmbeddingDimension));
    }

    /// <summary>Reads the images that come as data; set it to change the limit on their pixels.</summary>
    public ImageReader ImageReader { get; init; } = new();

    Task<GeneratedEmbeddings<Embedding<float>>> IEmbeddingGenerator<string, Embedding<float>>.GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options, CancellationToken cancellationToken) =>
        EmbedAsync(values, _model.EmbedText, options, cancellationToken,
        _model.Info.TextLength > 0 ? texts => texts.Sum(_model.CountTokens) : null);

    Task<GeneratedEmbeddings<Embedding<float>>> IEmbeddingGenerator<DataContent, Embedding<float>>.GenerateAsync(
        IEnumerable<DataContent> values, EmbeddingGenerationOptions? options, CancellationToken cancellationToken) =>
        EmbedAsync(values, EmbedImage, options, cancellationToken);

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType == typeof(DalleModel) ? _model
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private float[] EmbedImage(DataContent content)
    {
        using var image = ImageReader.Read(content);
        return _model.EmbedImage(image);
    }

    private Task<GeneratedEmbeddings<Embedding<float>>> EmbedAsync<T>(
        IEnumerable<T> values, Func<T, float[]> embed, EmbeddingGenerationOptions? options, CancellationToken cancellationToken, Func<T[], long>? countTokens = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } dimensions && dimensions != _model.Info.EmbeddingDimension)
            throw new ArgumentException($"Embeddings of {dimensions} dimensions were requested; those of '{_model.Info.Name}' have {_model.Info.EmbeddingDimension}.", nameof(options));
        if (options?.ModelId is { } id && id != _model.Info.Name)
            throw new ArgumentException($"The model '{id}' is not loaded; the loaded model is '{_model.Info.Name}'.", nameof(options));
        var inputs = values.ToArray();
        return Task.Run(() =>
        {
            var embeddings = new GeneratedEmbeddings<Embedding<float>>(inputs.Length);
            foreach (var input in inputs)
            {
                cancellationToken.ThrowIfCancellationRequested();
                embeddings.Add(new Embedding<float>(embed(input)) { ModelId = _model.Info.Name });
            }
            if (countTokens?.Invoke(inputs) is { } tokens)
                embeddings.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
            return embeddings;
        }, cancellationToken);
    }
}
