using Microsoft.ML.Data;

namespace Dalle.ML.Server.Api;

/// <summary>Images on the way: the tokens so far, the rest in grey.</summary>
internal sealed class Previews(DalleModel model)
{
    private const byte Grey = 128;

    private readonly Lazy<int[]> _blank = new(() => BlankOf(model));

    /// <param name="tokens">The first tokens of an image.</param>
    /// <returns>The image, which the caller disposes.</returns>
    public MLImage Decode(ReadOnlySpan<int> tokens) => model.DecodeTokens([.. tokens, .. _blank.Value.AsSpan(tokens.Length)]);

    /// <summary>A bundle without an encoder does not know the tokens of grey; any token will do.</summary>
    private static int[] BlankOf(DalleModel model)
    {
        var info = model.Info;
        if (!info.CanEncode)
            return new int[info.TokenRows * info.TokenColumns];
        var pixels = new byte[info.ImageWidth * info.ImageHeight * 4];
        Array.Fill(pixels, Grey);
        for (var alpha = 3; alpha < pixels.Length; alpha += 4)
            pixels[alpha] = byte.MaxValue;
        using var image = MLImage.CreateFromPixels(info.ImageWidth, info.ImageHeight, MLPixelFormat.Bgra32, pixels);
        return model.EncodeImage(image);
    }
}
