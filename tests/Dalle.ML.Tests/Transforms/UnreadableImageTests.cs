using Dalle.ML.Tests.Images;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

public sealed class UnreadableImageTests : IDisposable
{
    private readonly MLContext _ml = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_is_no_picture_is_a_reason_in_its_row_and_the_others_are_as_alone()
    {
        foreach (var file in new[] { "rgb.png", "gray.png" })
            File.Copy(PictureFiles.PathOf(file), Path.Combine(_folder.Path, file));
        File.WriteAllText(Path.Combine(_folder.Path, "text.png"), "this is no picture");
        using var model = TinyModel.Load();
        var data = _ml.Data.LoadFromEnumerable(new[] { "rgb.png", "text.png", "gray.png", "missing.png", "rgb.png" }.Select(name => new { Path = name }));
        var pipeline = _ml.Transforms.LoadImages("Image", _folder.Path, "Path")
            .Append(_ml.Transforms.EncodeImageTokens(new EncodeImageTokensEstimator.Options
            {
                InputColumnName = "Image",
                OutputColumnName = "Tokens",
                ErrorColumnName = "Error",
                Model = model,
            }));
        var view = pipeline.Fit(data).Transform(data);
        var tokens = view.GetColumn<int[]>("Tokens").ToArray();
        var errors = view.GetColumn<string>("Error").ToArray();
        Assert.Equal([true, false, true, false, true], errors.Select(string.IsNullOrEmpty));
        Assert.All(new[] { 1, 3 }, row => Assert.All(tokens[row], token => Assert.Equal(-1, token)));
        foreach (var (row, file) in new[] { (0, "rgb.png"), (2, "gray.png"), (4, "rgb.png") })
        {
            using var image = new ImageReader().Read(PictureFiles.PathOf(file));
            Assert.Equal(model.EncodeImage(image), tokens[row]);
        }
    }
}
