using Dalle.ML.Training;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class TrainDalleSample
{
    #region Sample
    public static void Example()
    {
        // Squares of two colours stand for your pictures: LoadImages makes such a column of files.
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadFromEnumerable(Enumerable.Range(0, 64).Select(i => i % 2 == 0 ? Square("a red square", 200 + i / 2, 0) : Square("a blue square", 0, 200 + i / 2)));
        var trainer = ml.Transforms.TrainDalle(new DalleTrainingOptions
        {
            ImageColumnName = "Picture",
            CaptionColumnName = "Caption",
            OutputColumnName = "Image",
            Folder = Path.Combine(Directory.CreateTempSubdirectory().FullName, "run"),
            Size = DalleSize.Tiny,
            DiscreteVaeEpochs = 2,
            TransformerEpochs = 2,
            TrainsClip = false,
        });

        // Fit learns; the same Fit goes on with training that was interrupted. What it gives generates images of captions.
        using var model = trainer.Fit(data);
        var image = ml.Data.CreateEnumerable<Result>(ml.Data.TakeRows(model.Transform(data), 1), reuseRowObject: false).Single();
        Console.WriteLine($"{image.Caption}: {image.Image!.Width} x {image.Image.Height} pixels");

        // Output:
        //   a red square: 32 x 32 pixels
    }

    private static Pair Square(string caption, int red, int blue) => new()
    {
        Caption = caption,
        Picture = MLImage.CreateFromPixels(32, 32, MLPixelFormat.Bgra32, [.. Enumerable.Repeat(new byte[] { (byte)blue, 0, (byte)red, 255 }, 32 * 32).SelectMany(pixel => pixel)]),
    };

    private sealed class Pair
    {
        public string Caption { get; set; } = "";

        [MLImageType]
        public MLImage? Picture { get; set; }
    }

    private sealed class Result
    {
        public string Caption { get; set; } = "";

        [MLImageType]
        public MLImage? Image { get; set; }
    }
    #endregion
}
