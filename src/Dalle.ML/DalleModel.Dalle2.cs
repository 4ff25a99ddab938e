using Dalle.ML.Generation;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML;

/// <content>What DALL·E 2 models do beside generating from a prompt (Ramesh et al. 2022).</content>
public sealed partial class DalleModel
{
    internal const int MaxFrames = 1000;

    /// <summary>
    /// Generates variations of an image: other images of the same content and style, because they have its image embedding. Candidates are chosen
    /// among by their likeness to a text, so that there is one here.
    /// </summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="seed">The same seed gives the same variation.</param>
    /// <param name="strength">
    /// How far the variation leaves the image, 0 to 1: the decoder is run backwards from the image first, and 0 returns to about the image, cropped to a
    /// square. Null starts from noise, and keeps content and style, but not the layout.
    /// </param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="strength"/> or a number of steps is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks the image tower.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage Vary(
        MLImage image, ulong seed, float? strength = null, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        GenerateWithoutChoice([VariationOf(image, seed, strength)], options, progress, cancellationToken).Single();

    /// <summary>Keeps the part of an image that a mask leaves, and paints the rest anew (Lugmayr et al. 2022, "RePaint").</summary>
    /// <param name="prompt">What the whole image shows.</param>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <param name="mask">
    /// A mask of the image's size. White is painted anew and black is kept; where the mask has transparency, it is the transparent part that is painted.
    /// </param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentException">The mask is not of the image's size, or paints nothing.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, lacks a prior, or cannot rank the requested candidates.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage Inpaint(
        string prompt, MLImage image, MLImage mask, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        GenerateBatch([InpaintingOf(prompt, image, mask, seed)], options, progress, cancellationToken).Single();

    /// <summary>Generates the images on the way from one image to another: along the arc between their image embeddings, from the same noise.</summary>
    /// <param name="from">The first image, of any size; the first frame is a variation of it.</param>
    /// <param name="to">The last image.</param>
    /// <param name="frames">Number of images, 2 to 1000.</param>
    /// <param name="seed">The same seed gives the same images.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="frames"/> or a number of steps is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks the image tower.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public IEnumerable<GeneratedImage> Interpolate(
        MLImage from, MLImage to, int frames, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        CheckFrames(frames);
        return GenerateWithoutChoice([.. Frames(EncodeImageEmbedding(from), EncodeImageEmbedding(to), frames, seed)], options, progress, cancellationToken);
    }

    /// <summary>Generates the images on the way from one prompt to another, as between two images.</summary>
    /// <param name="from">The prompt of the first image.</param>
    /// <param name="to">The prompt of the last image.</param>
    /// <param name="frames">Number of images, 2 to 1000.</param>
    /// <param name="seed">The same seed gives the same images.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step, of the prior for both prompts first.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="frames"/> or a number of steps is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks a prior.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public IEnumerable<GeneratedImage> InterpolatePrompts(
        string from, string to, int frames, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        CheckFrames(frames);
        options ??= new GenerationOptions();
        CheckOptions(options);
        // Each end passes through the prior, each frame through the other networks, as the steps of one run.
        var share = ShareOfPrior(2, frames);
        var ends = GenerateImageEmbeddings([new(from, seed), new(to, seed)], OfPrior(options), PartialProgress.Of(progress, 0, share), cancellationToken).ToArray();
        return GenerateWithoutChoice([.. Frames(ends[0], ends[1], frames, seed)], OfDecoder(options), PartialProgress.Of(progress, share, 1), cancellationToken);
    }

    /// <summary>
    /// Changes an image as one text differs from another, such as from "a photo of a cat" to "a drawing of a cat": turns its image embedding towards the
    /// difference of the texts, and starts from the noise of the image, so that the rest stays.
    /// </summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="from">Description of the image.</param>
    /// <param name="to">Description of the image to make.</param>
    /// <param name="amount">How far to turn, 0 to 1; 0.25 to 0.5 are the paper's.</param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="amount"/> or a number of steps is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks a tower of CLIP.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage Change(
        MLImage image, string from, string to, float amount, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        CheckPart(amount, nameof(amount));
        if (from == to)
            throw new ArgumentException("The texts are the same: there is no difference to turn the image towards.", nameof(to));
        var request = VariationOf(image, seed, strength: 0);
        using var use = Acquire();
        var turned = ImageEmbeddings.Turn(request.ImageEmbedding, use.Engine.Unclip.EmbedText(from), use.Engine.Unclip.EmbedText(to), amount);
        return GenerateWithoutChoice([request with { ImageEmbedding = turned }], options, progress, cancellationToken).Single();
    }

    /// <summary>The image embedding that the prior samples for a prompt.</summary>
    /// <param name="prompt">What the image shows.</param>
    /// <param name="seed">The same seed gives the same embedding, the one that <see cref="Generate"/> makes its image from.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks a prior.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public float[] GenerateImageEmbedding(
        string prompt, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GenerateImageEmbeddings([new GenerationRequest(prompt, seed)], options, progress, cancellationToken).Single();

    /// <summary>Decodes an image embedding into an image.</summary>
    /// <param name="embedding">As many values as <see cref="DalleModelInfo.ImageEmbeddingDimension"/>.</param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <param name="prompt">What the image shows, for decoders that read the text too; may be empty.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    /// <exception cref="ArgumentException">The embedding is of another length, or has a value that is not finite.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or is that of a prior alone.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage DecodeImageEmbedding(
        ReadOnlySpan<float> embedding, ulong seed, string prompt = "", GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        GenerateWithoutChoice([DecodingOf(embedding.ToArray(), seed, prompt)], options, progress, cancellationToken).Single();

    /// <summary>The image embedding of an image, as the decoder takes it: that of its CLIP, not of the one that ranks.</summary>
    /// <param name="image">An image of any size.</param>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks the image tower.</exception>
    public float[] EncodeImageEmbedding(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Unclip.EmbedImage(ImageTensor.From(image));
    }

    /// <summary>The image embeddings of several requests.</summary>
    internal IEnumerable<float[]> GenerateImageEmbeddings(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions? options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        CheckRequests(requests, nameof(requests));
        return During(engine => engine.Unclip.GenerateEmbeddings(requests, options ?? new GenerationOptions(), progress, cancellationToken));
    }

    /// <summary>Images of one candidate each, unless the caller asks for more.</summary>
    internal IEnumerable<GeneratedImage> GenerateWithoutChoice(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions? options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        options ??= new GenerationOptions();
        return GenerateBatch(requests, options with { Candidates = options.Candidates ?? 1 }, progress, cancellationToken);
    }

    /// <summary>Candidates are chosen among by a text: where an image has none, there is one.</summary>
    private static GenerationOptions ChoiceOf(IReadOnlyList<GenerationRequest> requests, GenerationOptions options) =>
        !requests.Any(request => request.Prompt.Length == 0 && request.ImageEmbedding is not null) ? options
        : options.Candidates > 1 ? throw new NotSupportedException(
            $"Candidates is {options.Candidates}, but there is no prompt to choose among them by. Request one candidate, and several images with other seeds.")
        : options with { Candidates = 1 };

    /// <summary>What <see cref="Vary"/> generates, to generate several at once by <see cref="GenerateBatch"/>.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="seed">The same seed gives the same variation.</param>
    /// <param name="strength">How far the variation leaves the image, as <see cref="Vary"/> takes it.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="strength"/> is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2, or lacks the image tower.</exception>
    public GenerationRequest VariationOf(MLImage image, ulong seed, float? strength = null)
    {
        CheckPart(strength, nameof(strength));
        return new GenerationRequest("", seed)
        {
            ImageEmbedding = EncodeImageEmbedding(image),
            Inverted = strength is { } eta ? new InvertedImage(FitToModel(ImageTensor.From(image)), eta) : null,
        };
    }

    /// <summary>What <see cref="Inpaint"/> generates, to generate several at once by <see cref="GenerateBatch"/>.</summary>
    /// <param name="prompt">What the whole image shows.</param>
    /// <param name="image">An image of any size.</param>
    /// <param name="mask">A mask of the image's size, as <see cref="Inpaint"/> takes it.</param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <exception cref="ArgumentException">The mask is not of the image's size, or paints nothing.</exception>
    /// <exception cref="NotSupportedException">The bundle is none of DALL·E 2.</exception>
    public GenerationRequest InpaintingOf(string prompt, MLImage image, MLImage mask, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(mask);
        if ((mask.Width, mask.Height) != (image.Width, image.Height))
            throw new ArgumentException($"The mask has {mask.Width} × {mask.Height} pixels, the image {image.Width} × {image.Height}; they must be the same.", nameof(mask));
        var pixels = mask.Pixels;
        var isTransparent = false;
        for (var i = 3; i < pixels.Length && !isTransparent; i += 4)
            isTransparent = pixels[i] < byte.MaxValue;
        var planes = isTransparent ? ImageTensor.WithOpacity(mask) : ImageTensor.From(mask);
        var area = mask.Width * mask.Height;
        // Of a mask without transparency the mean of the colours counts, of another the opacity.
        float[] painted = isTransparent
            ? [.. planes.Values.Skip(3 * area).Select(opacity => 1 - opacity)]
            : [.. Enumerable.Range(0, area).Select(i => (planes.Values[i] + planes.Values[area + i] + planes.Values[2 * area + i]) / 3)];
        float[] three = [.. painted, .. painted, .. painted];
        var fitted = FitToModel(new ImageTensor(mask.Width, mask.Height, three));
        var isKept = Array.ConvertAll(fitted.Values[..(fitted.Width * fitted.Height)], value => value < 0.5f);
        if (!isKept.Contains(false))
            throw new ArgumentException("The mask paints nothing: make white, or transparent, what is to be painted anew.", nameof(mask));
        return new GenerationRequest(prompt, seed) { KnownPixels = new KnownPixels(FitToModel(ImageTensor.From(image)), isKept) };
    }

    internal GenerationRequest DecodingOf(float[] embedding, ulong seed, string prompt)
    {
        using var use = Acquire();
        _ = use.Engine.Unclip;
        if (embedding.Length != Info.ImageEmbeddingDimension)
            throw new ArgumentException($"The embedding has {embedding.Length} values; those of the model '{Info.Name}' have {Info.ImageEmbeddingDimension}.", nameof(embedding));
        if (!embedding.All(float.IsFinite))
            throw new ArgumentException("The embedding has a value that is not finite.", nameof(embedding));
        return new GenerationRequest(prompt, seed) { ImageEmbedding = embedding };
    }

    /// <summary>Requests for the images at equal distances from one image embedding to another, both included.</summary>
    internal static IEnumerable<GenerationRequest> Frames(float[] from, float[] to, int frames, ulong seed) =>
        Enumerable.Range(0, frames).Select(frame => FrameAt(frame / (frames - 1.0), from, to, seed));

    /// <summary>A request for the image at a fraction of the way.</summary>
    internal static GenerationRequest FrameAt(double fraction, float[] from, float[] to, ulong seed) =>
        new("", seed) { ImageEmbedding = ImageEmbeddings.Slerp(from, to, fraction) };

    /// <summary>The part of all networks' runs that the prior has.</summary>
    /// <param name="embeddings">Number of image embeddings that it makes.</param>
    /// <param name="images">Number of images that the others make.</param>
    internal double ShareOfPrior(int embeddings, int images)
    {
        using var use = Acquire();
        return embeddings / (double)(embeddings + images * (use.Engine.Bundle.Manifest.Unclip?.Stages.Count ?? 0));
    }

    /// <summary>The options that the prior takes.</summary>
    internal static GenerationOptions OfPrior(GenerationOptions options) => new()
    {
        Diffusion = new DiffusionOptions { PriorSteps = options.Diffusion.PriorSteps, PriorGuidance = options.Diffusion.PriorGuidance },
    };

    /// <summary>The options without those that the prior alone takes.</summary>
    internal static GenerationOptions OfDecoder(GenerationOptions options) =>
        options with { Diffusion = options.Diffusion with { PriorSteps = null, PriorGuidance = null } };

    private static void CheckFrames(int frames)
    {
        if (frames is < 2 or > MaxFrames)
            throw new ArgumentOutOfRangeException(nameof(frames), frames, $"frames must be between 2 and {MaxFrames}.");
    }

    private static void CheckPart(float? value, string parameter)
    {
        if (value is not (null or (>= 0 and <= 1)))
            throw new ArgumentOutOfRangeException(parameter, value, $"{parameter} must be between 0 and 1.");
    }

    /// <summary>The middle of an image in the size that the model generates.</summary>
    private ImageTensor FitToModel(ImageTensor image)
    {
        using var use = Acquire();
        _ = use.Engine.Unclip;
        return Resampler.ResizeAndCenterCrop(image, Info.ImageWidth, Info.ImageHeight, Bundles.ResampleFilter.Bicubic);
    }
}
