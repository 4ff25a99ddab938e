using System.Globalization;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Golden;

/// <summary>Picture files brought to the size of CLIP's image tower against what Pillow and torchvision make of them.</summary>
[Trait("Category", "Golden")]
public sealed partial class ClipPreprocessTests
{
    // Where a PNG says how its colours are kept, and the value for a palette.
    private const int PngColorType = 25;
    private const int PngPalette = 3;

    [Theory]
    [InlineData("openai-clip")]
    public void Images_are_resampled_and_cropped_as_in_the_reference(string family)
    {
        var folder = GoldenFolder.Of(family);
        var preprocessed = Path.Combine(folder, "preprocess");
        Assert.SkipUnless(Directory.Exists(preprocessed), $"'{folder}' has no preprocessed pictures.");
        var references = Directory.GetFiles(preprocessed, "*_u8.npy");
        Assert.NotEmpty(references);
        foreach (var (reference, name) in references.Select(reference => (reference, FileName().Match(Path.GetFileName(reference)))))
        {
            // Pillow takes the nearest pixel of an image with a palette, whatever filter it is asked for; an MLImage does not tell that it had one.
            var picture = Path.Combine(folder, "images", name.Groups["image"].Value + ".png");
            if (File.ReadAllBytes(picture)[PngColorType] == PngPalette)
                continue;
            var size = int.Parse(name.Groups["size"].ValueSpan, CultureInfo.InvariantCulture);
            using var image = MLImage.CreateFromFile(picture);
            var fitted = Resampler.ResizeAndCenterCrop(ImageTensor.WithOpacity(image), size, size, ResampleFilter.Bicubic).WithoutOpacity();
            var expected = Npy.Read(reference).Data;
            Assert.Equal(expected.Length, fitted.Values.Length);
            var difference = expected.Select((value, i) => MathF.Abs(value - fitted.Values[i % 3 * size * size + i / 3] * 255)).Max();
            Assert.True(difference <= 1, $"{name.Value}: {difference:F0} grey levels");
        }
    }

    [GeneratedRegex("^(?<image>.+)_(?<size>[0-9]+)_u8.npy$")]
    private static partial Regex FileName();
}
