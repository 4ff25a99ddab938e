using System.Collections.Concurrent;
using Dalle.ML.Bundles;
using Dalle.ML.Engine;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML;

/// <summary>
/// A DALL·E model: text to images, images to tokens of its codebook and back (Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation").
/// </summary>
/// <remarks>
/// All members may be used from several threads. Models loaded from the same bundle for the same device share their sessions, which are
/// freed when the last of them is disposed and its last call has returned. Besides the weights, a call takes the key-value cache of up to 64
/// sequences, 4 GiB at most, of which 256 MiB may be kept for the next: larger requests are processed in batches.
/// </remarks>
/// <example>
/// <code>
/// using var model = DalleModel.LoadDefault();
/// using var image = model.Generate("an apple on a blue background", seed: 7);
/// image.Image.Save("apple.png");
/// </code>
/// </example>
public sealed partial class DalleModel : IDisposable
{
    private const string DefaultName = "emoji-128";

    /// <summary>Most tokens of a grid of images: the attention of a VQGAN over more takes gigabytes.</summary>
    internal const int MaxGridTokens = 1 << 14;

    private static readonly ConcurrentDictionary<string, string> Folders = [];

    private readonly EngineHandle _handle;

    private DalleModel(EngineHandle handle)
    {
        _handle = handle;
        Info = Describe(handle.Engine);
    }

    /// <summary>Describes the model.</summary>
    public DalleModelInfo Info { get; }

    /// <summary>
    /// Folder of the built-in model: beside the application or, in a host such as a notebook, beside this assembly or in the NuGet package that it lies in.
    /// </summary>
    public static string DefaultPath { get; } = FindDefault(AppContext.BaseDirectory, typeof(DalleModel).Assembly.Location);

    internal static string FindDefault(string application, string assembly)
    {
        var beside = assembly.Length == 0 ? application : Path.GetDirectoryName(assembly)!;
        // A package holds lib/net10.0/Dalle.ML.dll and models.
        return new[] { application, beside, Path.Combine(beside, "..", "..") }
            .Select(folder => Path.GetFullPath(Path.Combine(folder, "models", DefaultName)))
            .MaxBy(Directory.Exists)!;
    }

    /// <summary>Loads a model and verifies all of its files.</summary>
    /// <param name="path">The bundle's folder, with <c>dalle.json</c>, or the name of a model in a folder of models: those that the environment
    /// variable <c>DALLE_MODELS</c> lists, and the user's cache, where <c>dalle pull</c> puts them.</param>
    /// <param name="device">Device to run on; the CPU if null.</param>
    /// <exception cref="DalleBundleException">A file is missing, altered or malformed.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used on this machine.</exception>
    public static DalleModel Load(string path, DalleDevice? device = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new DalleModel(EngineHandle.Open(ModelFolders.Find(path), device ?? DalleDevice.Cpu));
    }

    /// <summary>Loads a model to generate images at once: what that takes is made ready while the files are verified.</summary>
    internal static DalleModel LoadForImages(string path, DalleDevice device) => new(EngineHandle.Open(ModelFolders.Find(path), device, isForImages: true));

    /// <summary>Loads the built-in model: 128 × 128 pictures of emoji and shapes, with CLIP.</summary>
    /// <param name="device">Device to run on; the CPU if null.</param>
    /// <exception cref="DalleBundleException">The model's folder is not beside the assembly, or was changed.</exception>
    public static DalleModel LoadDefault(DalleDevice? device = null) => Load(DefaultPath, device);

    /// <summary>
    /// Registers a bundle for the saved pipelines of this process: a pipeline that was saved with the same model finds it here.
    /// </summary>
    /// <param name="path">The bundle's folder or name, as in <see cref="Load"/>. Its files are verified when it is loaded.</param>
    /// <exception cref="DalleBundleException">There is no manifest.</exception>
    public static void Register(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var folder = Bundle.FullPath(ModelFolders.Find(path));
        Folders[Bundle.HashOf(folder)] = folder;
    }

    /// <summary>The registered folder of the model with a hash, null if there is none.</summary>
    internal static string? Registered(string hash) => Folders.GetValueOrDefault(hash);

    /// <summary>Adds a reference; the caller disposes the returned model.</summary>
    internal DalleModel AddRef() => new(Acquire());

    /// <summary>Generates one image: the best of the candidates, by CLIP.</summary>
    /// <param name="prompt">What to generate. Words beyond the model's text length are cut off.</param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="NotSupportedException">The bundle cannot generate, or cannot rank the requested candidates.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage Generate(
        string prompt, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GenerateBatch([new GenerationRequest(prompt, seed)], options, progress, cancellationToken).Single();

    /// <summary>
    /// Generates several images at once, which is faster than one by one. Each is returned as soon as it is finished, in the order of the requests,
    /// and is the same as if it were generated alone; those returned before an error or cancellation stay valid.
    /// A request whose own <see cref="GenerationRequest.CancellationToken"/> is cancelled is left out.
    /// </summary>
    /// <param name="requests">Prompts and seeds.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="ArgumentException">A prompt is null.</exception>
    /// <exception cref="NotSupportedException">The bundle cannot generate, or cannot rank the requested candidates.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public IEnumerable<GeneratedImage> GenerateBatch(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        CheckRequests(requests, nameof(requests));
        var choice = ChoiceOf(requests, options ?? new GenerationOptions());
        return During(engine => engine.Generate(requests, choice, progress, cancellationToken));
    }

    /// <summary>
    /// Generates the candidates of one image, each with its score. They are returned in the order of their numbers, each as soon as it is finished; those
    /// returned before an error or cancellation stay valid. <see cref="BestImages"/> keeps the best of them; the very best is what
    /// <see cref="Generate(string, ulong, GenerationOptions?, IProgress{GenerationProgress}?, CancellationToken)"/> returns.
    /// </summary>
    /// <param name="request">Prompt and seed.</param>
    /// <param name="options">Generation options, including the number of candidates and the first one; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="ArgumentException">The prompt is null.</exception>
    /// <exception cref="NotSupportedException">The bundle cannot generate, or cannot rank the requested candidates.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public IEnumerable<GeneratedImage> GenerateCandidates(
        GenerationRequest request, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        GenerateCandidates([request], options ?? new GenerationOptions(), progress, cancellationToken);

    /// <summary>Generates the candidates of several images at once, those of the first request first.</summary>
    internal IEnumerable<GeneratedImage> GenerateCandidates(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken)
    {
        CheckRequests(requests, nameof(requests));
        return During(engine => engine.GenerateCandidates(requests, options, progress, cancellationToken));
    }

    /// <summary>
    /// Samples the image tokens of several requests at once, without decoding them. The candidates of a request are in the order of their
    /// numbers, which are <see cref="GeneratedImage.Candidate"/> of generated images.
    /// </summary>
    /// <param name="requests">Prompts and seeds.</param>
    /// <param name="options">Generation options, including the number of candidates; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <returns>For each request its candidates, none if it was cancelled, each <see cref="DalleModelInfo.TokenRows"/> × <see cref="DalleModelInfo.TokenColumns"/> image tokens.</returns>
    /// <exception cref="ArgumentException">A prompt is null, or a prompt token or image token is not one of the model.</exception>
    /// <exception cref="NotSupportedException">The bundle has no transformer.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public IEnumerable<IReadOnlyList<int[]>> GenerateTokens(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        CheckRequests(requests, nameof(requests));
        return During(engine => engine.GenerateTokens(requests, options ?? new GenerationOptions(), progress, cancellationToken));
    }

    /// <summary>
    /// The natural logarithms of the probabilities that the transformer gives to image tokens: to each given its prompt and the tokens before it, without
    /// guidance, temperature or filters. The mean of their negatives is the loss in nats per image token.
    /// </summary>
    /// <param name="requests">Prompts with all tokens of an image as <see cref="GenerationRequest.KnownTokens"/>; seeds do not matter.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <returns>
    /// For each request <see cref="DalleModelInfo.TokenRows"/> × <see cref="DalleModelInfo.TokenColumns"/> values in raster order, as soon as they are
    /// computed: on the CPU, whatever the model's device.
    /// </returns>
    /// <exception cref="ArgumentException">A prompt is null, or a request does not know all of its image tokens.</exception>
    /// <exception cref="NotSupportedException">The bundle has no transformer over image tokens.</exception>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public IEnumerable<IReadOnlyList<double>> LogProbabilities(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        CheckRequests(requests, nameof(requests));
        if (requests.Any(request => request.KnownTokens is null || request.KnownTokens.Contains(-1)))
            throw new ArgumentException($"A request does not know all of its image tokens. Set {nameof(GenerationRequest.KnownTokens)} to what EncodeImage returns.", nameof(requests));
        return During(engine => engine.LogProbabilities(requests, cancellationToken));
    }

    /// <summary>
    /// How likely the transformer holds an image to be, given a text: the natural logarithm of the probability of its image tokens, in nats. Images and
    /// texts can be ranked by it, without CLIP; values compare only within one model.
    /// </summary>
    /// <param name="prompt">The text.</param>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="NotSupportedException">The bundle has no image encoder, or no transformer over image tokens.</exception>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public double LogLikelihood(string prompt, MLImage image, CancellationToken cancellationToken = default) =>
        LogProbabilities([new GenerationRequest(prompt, Seed: 0) { KnownTokens = EncodeImage(image) }], cancellationToken).Single().Sum();

    /// <summary>
    /// How much an image surprises the transformer, given a text: the mean of 1/p over all of its tokens but the first, by which ru-dALLE ranks images of a
    /// prompt. Lower is better, 1 is the least; values compare only within one model.
    /// </summary>
    /// <param name="prompt">The text.</param>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="NotSupportedException">The bundle has no image encoder, or no transformer over image tokens.</exception>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public float Perplexity(string prompt, MLImage image, CancellationToken cancellationToken = default) =>
        ImagePerplexity.Of(LogProbabilities([new GenerationRequest(prompt, Seed: 0) { KnownTokens = EncodeImage(image) }], cancellationToken).Single());

    /// <summary>Keeps a region of an image and generates the rest.</summary>
    /// <param name="prompt">What the whole image shows.</param>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <param name="keep">The region to keep, in tokens.</param>
    /// <param name="seed">The same seed gives the same image.</param>
    /// <param name="options">Generation options; the model's defaults if null.</param>
    /// <param name="progress">Receives a report at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="ArgumentOutOfRangeException">The region does not fit the model's grid, or keeps all of it.</exception>
    /// <exception cref="NotSupportedException">The bundle cannot encode or generate, or cannot rank the requested candidates.</exception>
    /// <exception cref="OperationCanceledException">The generation was cancelled.</exception>
    public GeneratedImage Complete(
        string prompt, MLImage image, KeepRegion keep, ulong seed, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var kept = EncodeKnownTokens(image, keep);
        return GenerateBatch([new GenerationRequest(prompt, seed) { KnownTokens = kept }], options, progress, cancellationToken).Single();
    }

    /// <summary>The image tokens of a region, for <see cref="GenerationRequest.KnownTokens"/>.</summary>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <param name="keep">The region to keep, in tokens.</param>
    /// <returns>The image tokens of the whole grid, −1 outside the region.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The region does not fit the model's grid, or keeps all of it.</exception>
    /// <exception cref="NotSupportedException">The bundle has no image encoder.</exception>
    public int[] EncodeKnownTokens(MLImage image, KeepRegion keep) => keep.Apply(EncodeImage(image), Info.TokenRows, Info.TokenColumns);

    /// <summary>The number of text tokens that a prompt takes; of those beyond <see cref="DalleModelInfo.TextLength"/> the model sees nothing.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public int CountTokens(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using var use = Acquire();
        return use.Engine.Tokenizer.Count(prompt);
    }

    /// <summary>The number of text tokens at the end of a prompt that the model does not see, because they are beyond its length.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public int CountCutTokens(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using var use = Acquire();
        return use.Engine.Tokenizer.CountCut(prompt);
    }

    /// <summary>The text tokens of a prompt, cut or padded to <see cref="DalleModelInfo.TextLength"/>, for the transformer.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <exception cref="NotSupportedException">The bundle cannot generate.</exception>
    public int[] TokenizePrompt(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using var use = Acquire();
        // The ids before the text are the model's, the same for every prompt.
        var prefix = use.Engine.TextFormat.Prefix.Length;
        return Array.ConvertAll(use.Engine.Tokenizer.Encode(prompt)[prefix..], id => (int)id);
    }

    /// <summary>
    /// The words of a prompt that the model was not trained on, each once, in the prompt's order; none if its bundle has no
    /// <see cref="DalleModelInfo.Vocabulary"/>. Words are compared as the prompt's cleaning yields them; plurals are words of their own.
    /// </summary>
    /// <param name="prompt">The prompt.</param>
    public IReadOnlyList<string> FindUnseenWords(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using var use = Acquire();
        return use.Engine.Vocabulary?.Unseen(prompt) ?? [];
    }

    /// <summary>
    /// How well a text fits an image, by CLIP: the cosine of their embeddings times <see cref="DalleModelInfo.ClipScale"/>, which is the most it can be. Higher is better;
    /// scores compare only within one CLIP.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="image">An image of any size.</param>
    /// <exception cref="NotSupportedException">The bundle has no CLIP.</exception>
    public float Score(string text, MLImage image)
    {
        using var use = Acquire();
        return use.Engine.Clip.Score(EmbedText(text), EmbedImage(image));
    }

    /// <summary>
    /// The CLIP embedding of a text, a vector of length 1. Of a ruCLIP it is that of its predictor: of six phrases about the text, such as "фото с …".
    /// </summary>
    /// <param name="text">The text.</param>
    /// <exception cref="NotSupportedException">The bundle has no CLIP.</exception>
    public float[] EmbedText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        using var use = Acquire();
        return use.Engine.Clip.EmbedText(text);
    }

    /// <summary>The CLIP embedding of a text as it is, whatever phrases the bundle has.</summary>
    internal float[] EmbedPlainText(string text)
    {
        using var use = Acquire();
        return use.Engine.Clip.EmbedPlainText(text);
    }

    /// <summary>The CLIP embedding of an image, a vector of length 1 in the same space as texts.</summary>
    /// <param name="image">An image of any size.</param>
    /// <exception cref="NotSupportedException">The bundle has no CLIP.</exception>
    public float[] EmbedImage(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Clip.EmbedImage(image);
    }

    /// <summary>The CLIP embedding of the image that image tokens decode to, without rounding its colours to bytes.</summary>
    internal float[] EmbedTokens(int[] tokens)
    {
        CheckTokens(tokens, least: 0, nameof(tokens));
        using var use = Acquire();
        using var pixels = use.Engine.Vae.Decode(tokens);
        return use.Engine.Clip.EmbedImage(pixels);
    }

    /// <summary>Refuses options that the model cannot honour for the requests, as generating does, but without running anything.</summary>
    /// <param name="requests">What is to be generated.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of the model's range.</exception>
    /// <exception cref="DalleOptionException">An option is for models of another kind, or has no part in the requests.</exception>
    public void CheckOptions(IReadOnlyList<GenerationRequest> requests, GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(options);
        using var use = Acquire();
        use.Engine.CheckOptions(requests, options);
    }

    /// <summary>Refuses options that the model cannot honour, whatever is requested.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of the model's range.</exception>
    /// <exception cref="DalleOptionException">An option is for models of another kind.</exception>
    internal void CheckOptions(GenerationOptions options)
    {
        using var use = Acquire();
        use.Engine.CheckOptions(options);
    }

    /// <summary>How well embeddings of a text and an image fit.</summary>
    internal float ScoreEmbeddings(float[] text, float[] image)
    {
        using var use = Acquire();
        return use.Engine.Clip.Score(text, image);
    }

    /// <summary>Encodes an image into image tokens, <see cref="DalleModelInfo.TokenRows"/> × <see cref="DalleModelInfo.TokenColumns"/> in raster order.</summary>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <exception cref="NotSupportedException">The bundle has no image encoder.</exception>
    public int[] EncodeImage(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Vae.Encode(ImageTensor.From(image));
    }

    /// <summary>An image as the model sees it when it encodes one: in the model's size and opaque, composited on white.</summary>
    /// <param name="image">An image of any size: its short side is resized to the model's, and the centre is cropped.</param>
    /// <exception cref="NotSupportedException">The bundle neither encodes nor decodes images.</exception>
    public MLImage FitImage(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Vae.ResizeAndCenterCrop(ImageTensor.From(image)).ToImage();
    }

    /// <summary>
    /// Enlarges an image by a network such as Real-ESRGAN (Wang et al. 2021), <see cref="DalleModelInfo.UpscaleFactor"/> times in width and height. It
    /// goes over the image in tiles, so that its memory does not grow with the image. Opacity is enlarged too; a grey image stays grey.
    /// </summary>
    /// <param name="image">An image of any size whose enlargement has at most 64 megapixels.</param>
    /// <param name="progress">Receives the part that is done, 0 to 1, after each tile.</param>
    /// <param name="cancellationToken">Checked before each tile.</param>
    /// <exception cref="ArgumentException">The image is too large.</exception>
    /// <exception cref="NotSupportedException">The bundle has no upscaler.</exception>
    public MLImage Upscale(MLImage image, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Upscaler.Upscale(image, progress, cancellationToken);
    }

    /// <summary>
    /// Features of an image by a network such as Inception (Szegedy et al. 2015), which FID, KID, precision and recall compare, and its logits of classes,
    /// which the Inception Score takes.
    /// </summary>
    /// <param name="image">An image of any size, which is resized as the bundle says, whatever that does to its proportions; on white where it is transparent.</param>
    /// <returns><see cref="DalleModelInfo.FeatureDimension"/> features and <see cref="DalleModelInfo.FeatureClasses"/> logits.</returns>
    /// <exception cref="NotSupportedException">The bundle has no such network.</exception>
    public (float[] Features, float[] Logits) ExtractFeatures(MLImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var use = Acquire();
        return use.Engine.Features.Extract(ImageTensor.From(image));
    }

    /// <summary>Decodes image tokens into an image.</summary>
    /// <param name="tokens">As many image tokens as the model's grid has, in raster order, each below <see cref="DalleModelInfo.CodebookSize"/>.</param>
    /// <exception cref="ArgumentException">There are too few or too many tokens, or one is out of range.</exception>
    /// <exception cref="NotSupportedException">The bundle has no image decoder.</exception>
    public MLImage DecodeTokens(ReadOnlySpan<int> tokens)
    {
        CheckTokens(tokens.ToArray(), least: 0, nameof(tokens));
        using var use = Acquire();
        using var pixels = use.Engine.Vae.Decode(tokens);
        return pixels.ToImage();
    }

    /// <summary>
    /// Decodes the image tokens of several images as one image, in which they lie side by side and go over into each other without seams
    /// (kuprel/min-dalle, is_seamless): the decoder sees one large grid of tokens.
    /// </summary>
    /// <param name="images">The tokens of each image, as <see cref="GeneratedImage.Tokens"/> has them, row by row.</param>
    /// <param name="columns">Number of images side by side.</param>
    /// <param name="cancellationToken">Checked before the image is decoded.</param>
    /// <exception cref="ArgumentException">An image has too few or too many tokens, a row is not full, or the grid has more than 16,384 tokens.</exception>
    /// <exception cref="NotSupportedException">The bundle has no image decoder, or one that decodes grids of its own size only.</exception>
    public MLImage DecodeTokenGrid(IReadOnlyList<IReadOnlyList<int>> images, int columns, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        foreach (var tokens in images)
            CheckTokens(tokens, least: 0, nameof(images));
        if (images.Count == 0 || images.Count % columns != 0)
            throw new ArgumentException($"{images.Count} images do not fill rows of {columns}.", nameof(images));
        if ((long)images.Count * images[0].Count > MaxGridTokens)
            throw new ArgumentException($"A grid of {images.Count} images has {(long)images.Count * images[0].Count} tokens; it may have {MaxGridTokens}.", nameof(images));
        using var use = Acquire();
        cancellationToken.ThrowIfCancellationRequested();
        using var pixels = use.Engine.Vae.DecodeGrid(images, columns);
        return pixels.ToImage();
    }

    /// <summary>Releases the model. Calls in progress return as usual; later calls throw.</summary>
    public void Dispose() => _handle.Dispose();

    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    private EngineHandle Acquire() => _handle.TryAcquire() ?? throw new ObjectDisposedException(nameof(DalleModel));

    /// <summary>The results of an engine, one by one, keeping it alive meanwhile.</summary>
    private IEnumerable<T> During<T>(Func<DalleEngine, IEnumerable<T>> run)
    {
        using var use = Acquire();
        foreach (var item in run(use.Engine))
            yield return item;
    }

    private void CheckRequests(IReadOnlyList<GenerationRequest> requests, string parameter)
    {
        if (requests.Any(request => request.Prompt is null))
            throw new ArgumentException("A prompt is null.", parameter);
        if (Info.TokenRows == 0 && requests.Any(request => request.KnownTokens is not null))
            throw new NotSupportedException($"'{nameof(GenerationRequest.KnownTokens)}' is for models that sample image tokens; '{Info.Name}' is a diffusion model. Leave it out.");
        foreach (var kept in requests.Select(request => request.KnownTokens).OfType<IReadOnlyList<int>>())
            CheckTokens(kept, least: -1, parameter);
        foreach (var ids in requests.Select(request => request.PromptTokens).OfType<IReadOnlyList<int>>())
            CheckPrompt(ids, parameter);
    }

    private void CheckPrompt(IReadOnlyList<int> ids, string parameter)
    {
        if (ids.Count != Info.TextLength)
            throw new ArgumentException($"{ids.Count} prompt tokens were given; the model '{Info.Name}' takes {Info.TextLength}, as TokenizePrompt returns them.", parameter);
        using var use = Acquire();
        var manifest = use.Engine.Bundle.Manifest;
        var end = manifest is { TextEncoder: null, Decoder: { } decoder } ? decoder.ImageIdOffset : int.MaxValue;
        foreach (var id in ids.Where(id => id < 0 || id >= end))
            throw new ArgumentException($"{id} is not a prompt token of the model '{Info.Name}'.", parameter);
    }

    private void CheckTokens(IReadOnlyList<int> tokens, int least, string parameter)
    {
        if (tokens.Count != Info.TokenRows * Info.TokenColumns)
            throw new ArgumentException($"{tokens.Count} image tokens were given; the model '{Info.Name}' has {Info.TokenRows} × {Info.TokenColumns}.", parameter);
        foreach (var token in tokens.Where(token => token < least || token >= Info.CodebookSize))
            throw new ArgumentException($"{token} is not an image token; those of the model '{Info.Name}' lie between 0 and {Info.CodebookSize - 1}.", parameter);
    }

    private static DalleModelInfo Describe(DalleEngine engine)
    {
        var manifest = engine.Bundle.Manifest;
        var diffusedSize = manifest.Unclip is { Stages: [.., var last] } ? last.Size : 0;
        return new DalleModelInfo
        {
            Name = manifest.Name,
            Family = manifest.Family,
            Description = manifest.Description,
            License = manifest.License,
            Provenance = manifest.Provenance,
            Precision = manifest.Precision,
            Path = engine.Bundle.Folder,
            Hash = engine.Bundle.Hash,
            Device = engine.Device,
            ImageWidth = manifest.Image?.Width ?? diffusedSize,
            ImageHeight = manifest.Image?.Height ?? diffusedSize,
            TokenRows = manifest.Image?.Rows ?? 0,
            TokenColumns = manifest.Image?.Columns ?? 0,
            CodebookSize = manifest.Image?.CodebookSize ?? 0,
            TextLength = manifest.Text?.Length ?? manifest.Unclip?.Text?.Format.Length ?? 0,
            CanGenerate = manifest is { Decoder: not null, ImageDecoder: not null } or { Unclip: { Prior: not null, Stages.Count: > 0 } },
            CanCompleteText = manifest.TextDecoder is not null,
            CanEncode = manifest.ImageEncoder is not null,
            CanDecode = manifest.ImageDecoder is not null,
            ImageEmbeddingDimension = manifest.Unclip?.EmbeddingDimension ?? 0,
            CanGenerateImageEmbedding = manifest.Unclip is { Prior: not null },
            CanDecodeImageEmbedding = manifest.Unclip is { Stages.Count: > 0 },
            CanVary = manifest.Unclip is { Image: not null, Stages.Count: > 0 },
            HasClip = manifest.Clip is not null,
            EmbeddingDimension = manifest.Clip?.EmbeddingDimension ?? 0,
            ClipScale = manifest.Clip?.Scale,
            UpscaleFactor = manifest.Upscaler?.Factor ?? 0,
            FeatureDimension = manifest.Features?.Dimension ?? 0,
            FeatureClasses = manifest.Features?.Classes ?? 0,
            Vocabulary = engine.Vocabulary?.Lines,
            Defaults = new GenerationOptions
            {
                Candidates = manifest.Clip is null ? 1 : manifest.Sampling.Candidates,
                Sampling = new SamplingOptions
                {
                    Temperature = manifest.Sampling.Temperature,
                    GuidanceScale = manifest.Unclip is { Stages: [var first, ..] } ? first.Diffusion.Guidance : manifest.Sampling.Guidance,
                    TopK = manifest.Sampling.TopK,
                    TopP = manifest.Sampling.TopP,
                },
                Diffusion = new DiffusionOptions
                {
                    PriorSteps = manifest.Unclip?.Prior?.Diffusion.Steps,
                    DecoderSteps = manifest.Unclip is { Stages: [var decoder, ..] } ? decoder.Diffusion.Steps : null,
                    UpsamplerSteps = manifest.Unclip is { Stages: [_, var upsampler, ..] } ? upsampler.Diffusion.Steps : null,
                    PriorGuidance = manifest.Unclip?.Prior is { HeedsGuidance: true } prior ? prior.Diffusion.Guidance : null,
                },
            },
        };
    }
}
