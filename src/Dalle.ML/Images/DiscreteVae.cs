using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;

namespace Dalle.ML.Images;

/// <summary>The discrete VAE: images to tokens of its codebook and back. Thread-safe.</summary>
internal sealed class DiscreteVae(Bundle bundle, DalleDevice device) : IDisposable
{
    private readonly RetryableLazy<GraphSession> _encoder = new(() => Session(bundle, device, bundle.Manifest.ImageEncoder, "pixels", "tokens"));
    private readonly RetryableLazy<GraphSession> _decoder = new(() => Session(bundle, device, bundle.Manifest.ImageDecoder, "tokens", "pixels"));
    private float[]? _idle;

    /// <exception cref="NotSupportedException">The bundle has only CLIP.</exception>
    private ImageFormat Format => bundle.Manifest.Image ?? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' neither encodes nor decodes images.");

    /// <summary>Creates the session that decodes now.</summary>
    /// <exception cref="DalleBundleException">The graph cannot be used.</exception>
    public void PrepareDecoder() => _ = _decoder.Value;

    /// <summary>Resizes an image to the size of decoded images.</summary>
    public ImageTensor ResizeAndCenterCrop(ImageTensor image) => Resampler.ResizeAndCenterCrop(image, Format.Width, Format.Height, Format.Resample);

    public int[] Encode(ImageTensor image)
    {
        var (width, height) = Format.Encoded;
        var fitted = Resampler.ResizeAndCenterCrop(image, width, height, Format.Resample);
        var tokens = new long[Format.Tokens];
        _encoder.Value.Run<float, long>(fitted.Values, [1, 3, height, width], tokens);
        return Array.ConvertAll(tokens, token => token >= 0 && token < Format.CodebookSize
            ? (int)token
            : throw bundle.Error($"the graph '{bundle.Manifest.ImageEncoder}' returned the token {token}; the codebook has {Format.CodebookSize} entries."));
    }

    /// <summary>
    /// Decodes one image: a batch of them takes as long on a CPU, and much more memory. Disposing it lends its memory to the next: mostly one image
    /// is decoded after the other, and they are large.
    /// </summary>
    public ImageTensor Decode(ReadOnlySpan<int> tokens)
    {
        var ids = new long[tokens.Length];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = tokens[i];
        var values = Interlocked.Exchange(ref _idle, null) ?? new float[3 * Format.Height * Format.Width];
        _decoder.Value.Run<long, float>(ids, [1, ids.Length], values);
        return new ImageTensor(Format.Width, Format.Height, values, release: returned => _idle = returned);
    }

    /// <summary>Decodes the tokens of several images, row by row, as one image without seams between them.</summary>
    /// <exception cref="NotSupportedException">The decoder decodes grids of its own size only.</exception>
    public ImageTensor DecodeGrid(IReadOnlyList<IReadOnlyList<int>> images, int columns)
    {
        var (file, rows) = (bundle.Manifest.ImageDecoder, images.Count / columns);
        var graph = file is null ? null : TokenGrid.Resize(bundle.PathOf(file), Format.Rows, Format.Columns, rows, columns)
            ?? throw HasOwnGrid();
        using var session = Session(bundle, device, file, "tokens", "pixels", graph);
        var (tokens, width) = (new long[images.Count * Format.Tokens], columns * Format.Columns);
        for (var i = 0; i < tokens.Length; i++)
        {
            var (row, column) = (i / width, i % width);
            tokens[i] = images[row / Format.Rows * columns + column / Format.Columns][row % Format.Rows * Format.Columns + column % Format.Columns];
        }
        var pixels = new ImageTensor(columns * Format.Width, rows * Format.Height, new float[3 * images.Count * Format.Width * Format.Height]);
        try
        {
            session.Run<long, float>(tokens, [1, tokens.Length], pixels.Values);
        }
        catch (DalleBundleException exception)
        {
            throw HasOwnGrid(exception);
        }
        return pixels;
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _decoder.Dispose();
    }

    private NotSupportedException HasOwnGrid(Exception? inner = null) =>
        new($"The image decoder of '{bundle.Manifest.Name}' decodes grids of {Format.Rows} × {Format.Columns} tokens only. Export the model again; decoders of other tools have no other grid.", inner);

    private static GraphSession Session(Bundle bundle, DalleDevice device, string? file, string input, string output, byte[]? graph = null) => file is null
        ? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' has no graph from {input} to {output}.")
        : new GraphSession(bundle, file, input, output, device, graph);
}
