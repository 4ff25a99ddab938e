namespace Dalle.ML;

/// <summary>Describes a model: its origin, sizes and abilities.</summary>
public sealed record DalleModelInfo
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The model family that it was exported from, e.g. <c>dalle</c>.</summary>
    public required string Family { get; init; }

    /// <summary>What it generates.</summary>
    public string? Description { get; init; }

    /// <summary>The licence of its weights.</summary>
    public string? License { get; init; }

    /// <summary>Where its weights come from.</summary>
    public string? Provenance { get; init; }

    /// <summary>The precision that its transformer computes in: fp32, fp16, int8 or int4.</summary>
    public required string Precision { get; init; }

    /// <summary>The bundle's folder, absolute.</summary>
    public required string Path { get; init; }

    /// <summary>SHA-256 of the manifest, which contains the hashes of all other files, without its <c>words</c>; lower-case hex.</summary>
    public required string Hash { get; init; }

    /// <summary>The device that it runs on.</summary>
    public required DalleDevice Device { get; init; }

    /// <summary>Width of its images in pixels; 0 if the bundle has only CLIP.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>Height of its images in pixels; 0 if the bundle has only CLIP.</summary>
    public required int ImageHeight { get; init; }

    /// <summary>Rows of the grid of image tokens; 0 if the bundle has only CLIP.</summary>
    public required int TokenRows { get; init; }

    /// <summary>Columns of the grid of image tokens; 0 if the bundle has only CLIP.</summary>
    public required int TokenColumns { get; init; }

    /// <summary>Number of entries of the codebook; 0 if the bundle has only CLIP.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Maximum number of text tokens in a prompt; 0 if the bundle cannot generate.</summary>
    public required int TextLength { get; init; }

    /// <summary>Whether it generates images from text.</summary>
    public required bool CanGenerate { get; init; }

    /// <summary>Whether it completes texts, and tells how likely they are: its bundle has the transformer's head for the text.</summary>
    public bool CanCompleteText { get; init; }

    /// <summary>Whether it turns images into tokens.</summary>
    public required bool CanEncode { get; init; }

    /// <summary>Whether it turns tokens into images.</summary>
    public required bool CanDecode { get; init; }

    /// <summary>Number of values in an image embedding of DALL·E 2; 0 of other models.</summary>
    public int ImageEmbeddingDimension { get; init; }

    /// <summary>Whether it makes image embeddings from texts, by the prior of DALL·E 2.</summary>
    public bool CanGenerateImageEmbedding { get; init; }

    /// <summary>Whether it makes images from image embeddings, by the decoder of DALL·E 2.</summary>
    public bool CanDecodeImageEmbedding { get; init; }

    /// <summary>Whether it makes variations of an image, and ways between images, as DALL·E 2 does.</summary>
    public bool CanVary { get; init; }

    /// <summary>Whether it has CLIP, which embeds texts and images and ranks images.</summary>
    public required bool HasClip { get; init; }

    /// <summary>Number of values in a CLIP embedding; 0 if the bundle has no CLIP.</summary>
    public required int EmbeddingDimension { get; init; }

    /// <summary>Factor from the cosine of two CLIP embeddings to a score; null if the bundle has no CLIP.</summary>
    public required float? ClipScale { get; init; }

    /// <summary>How many times wider and higher <see cref="DalleModel.Upscale"/> makes an image; 0 if the bundle has no upscaler.</summary>
    public int UpscaleFactor { get; init; }

    /// <summary>Number of values that <see cref="DalleModel.ExtractFeatures"/> gives of an image; 0 if the bundle has no network that judges images.</summary>
    public int FeatureDimension { get; init; }

    /// <summary>Number of classes that <see cref="DalleModel.ExtractFeatures"/> gives logits of; 0 if the bundle has no network that judges images.</summary>
    public int FeatureClasses { get; init; }

    /// <summary>
    /// The words and phrases that the model was trained on; null if its bundle does not tell. <see cref="DalleModel.FindUnseenWords"/> compares a
    /// prompt with them.
    /// </summary>
    public IReadOnlyList<string>? Vocabulary { get; init; }

    /// <summary>The defaults for <see cref="GenerationOptions"/> that are null.</summary>
    public required GenerationOptions Defaults { get; init; }
}
