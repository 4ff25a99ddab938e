using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML;

/// <summary>The image components of <see cref="MLContext.Transforms"/>.</summary>
public static class ImageEstimatorsCatalog
{
    /// <summary>
    /// Create an <see cref="ImageLoadingEstimator"/>, which reads the files named in <paramref name="inputColumnName"/>, relative to
    /// <paramref name="imageFolder"/> unless that is null, as a column of <see cref="MLImage"/>.
    /// </summary>
    public static ImageLoadingEstimator LoadImages(
        this TransformsCatalog catalog, string outputColumnName, string imageFolder, string inputColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ImageLoadingEstimator(new ImageLoadingTransformer(outputColumnName, imageFolder, inputColumnName));
    }

    /// <summary>Create an <see cref="ImageResizingEstimator"/>, which makes images of one size.</summary>
    public static ImageResizingEstimator ResizeImages(
        this TransformsCatalog catalog,
        string outputColumnName,
        int imageWidth,
        int imageHeight,
        string inputColumnName = null,
        ImageResizingEstimator.ResizingKind resizing = ImageResizingEstimator.ResizingKind.IsoCrop,
        ImageResizingEstimator.Anchor cropAnchor = ImageResizingEstimator.Anchor.Center)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ImageResizingEstimator(
            new ImageResizingTransformer(outputColumnName, imageWidth, imageHeight, inputColumnName, resizing, cropAnchor));
    }

    /// <summary>
    /// Create an <see cref="ImagePixelExtractingEstimator"/>, which makes a vector of the colours of an image of known size:
    /// (colour - <paramref name="offsetImage"/>) × <paramref name="scaleImage"/>, or as bytes the colours as they are.
    /// Colours are those that the image stores: multiplied by alpha.
    /// </summary>
    public static ImagePixelExtractingEstimator ExtractPixels(
        this TransformsCatalog catalog,
        string outputColumnName,
        string inputColumnName = null,
        ImagePixelExtractingEstimator.ColorBits colorsToExtract = ImagePixelExtractingEstimator.ColorBits.Rgb,
        ImagePixelExtractingEstimator.ColorsOrder orderOfExtraction = ImagePixelExtractingEstimator.ColorsOrder.ARGB,
        bool interleavePixelColors = false,
        float offsetImage = 0,
        float scaleImage = 1,
        bool outputAsFloatArray = true)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var layout = new PixelLayout(colorsToExtract, orderOfExtraction, interleavePixelColors);
        return new ImagePixelExtractingEstimator(new ImagePixelExtractingTransformer(
            outputColumnName, inputColumnName, layout, offsetImage, scaleImage, outputAsFloatArray));
    }

    /// <summary>
    /// Create a <see cref="VectorToImageConvertingEstimator"/>, which makes an image of a vector of colours:
    /// (value - <paramref name="offsetImage"/>) × <paramref name="scaleImage"/>; colours that are not present have their defaults.
    /// The image stores these values as they are, so colours must be multiplied by alpha already.
    /// </summary>
    public static VectorToImageConvertingEstimator ConvertToImage(
        this TransformsCatalog catalog,
        int imageHeight,
        int imageWidth,
        string outputColumnName,
        string inputColumnName = null,
        ImagePixelExtractingEstimator.ColorBits colorsPresent = ImagePixelExtractingEstimator.ColorBits.Rgb,
        ImagePixelExtractingEstimator.ColorsOrder orderOfColors = ImagePixelExtractingEstimator.ColorsOrder.ARGB,
        bool interleavedColors = false,
        float scaleImage = 1,
        float offsetImage = 0,
        int defaultAlpha = 255,
        int defaultRed = 0,
        int defaultGreen = 0,
        int defaultBlue = 0)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new VectorToImageConvertingEstimator(new VectorToImageConvertingTransformer(
            outputColumnName,
            inputColumnName,
            new ImageDataViewType(imageHeight, imageWidth),
            new PixelLayout(colorsPresent, orderOfColors, interleavedColors),
            scaleImage,
            offsetImage,
            [checked((byte)defaultRed), checked((byte)defaultGreen), checked((byte)defaultBlue), checked((byte)defaultAlpha)]));
    }

    /// <summary>Create an <see cref="ImageGrayscalingEstimator"/>, which makes images grey.</summary>
    public static ImageGrayscalingEstimator ConvertToGrayscale(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ImageGrayscalingEstimator(new ImageGrayscalingTransformer(outputColumnName, inputColumnName));
    }
}
