using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>
/// Previews of the first candidate of an image: a PNG after each row of tokens, the rest in grey, or of DALL·E 2 the expected image, several times a
/// network.
/// </summary>
internal sealed class Previews
{
    private const int OfNetwork = 8;

    private readonly DalleModel _model;
    private readonly ImageFiles _files;
    private readonly int[] _blank;

    public Previews(DalleModel model, string folder)
    {
        (_model, _files) = (model, new ImageFiles(folder));
        // A bundle without an encoder does not know the tokens of grey; any token will do.
        _blank = model.Info.CanEncode ? GreyTokens(model) : new int[model.Info.TokenRows * model.Info.TokenColumns];
    }

    public void Save(GenerationRequest request, GenerationProgress progress)
    {
        if (progress.Candidate != 0)
            return;
        if (_model.Info.TokenColumns is not (> 0 and var columns))
        {
            SaveExpected(request, progress);
            return;
        }
        if (progress.Step % columns != 0)
            return;
        int[] tokens = [.. progress.Tokens.Span, .. _blank.AsSpan(progress.Step)];
        using var image = _model.DecodeTokens(tokens);
        _files.Save(image, string.Create(CultureInfo.InvariantCulture, $"{FileNames.OfPrompt(request.Prompt, request.Seed)}_row{progress.Step / columns:D2}"));
    }

    private void SaveExpected(GenerationRequest request, GenerationProgress progress)
    {
        if (progress.Step % Math.Max(1, progress.Steps / OfNetwork) != 0 && progress.Step != progress.Steps)
            return;
        using var image = progress.CreatePreview();
        if (image is not null)
            _files.Save(image, string.Create(CultureInfo.InvariantCulture, $"{FileNames.OfPrompt(request.Prompt, request.Seed)}_stage{progress.Stage}_step{progress.Step:D3}"));
    }

    private static int[] GreyTokens(DalleModel model)
    {
        using var image = PlainImage.For(model.Info);
        return model.EncodeImage(image);
    }
}
