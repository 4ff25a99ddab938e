using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Previews of an image: a PNG after each row of tokens of its first candidate, the rest in grey.</summary>
internal sealed class Previews
{
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
        var columns = _model.Info.TokenColumns;
        if (progress.Candidate != 0 || progress.Step % columns != 0)
            return;
        int[] tokens = [.. progress.Tokens.Span, .. _blank.AsSpan(progress.Step)];
        using var image = _model.DecodeTokens(tokens);
        _files.Save(image, string.Create(CultureInfo.InvariantCulture, $"{FileNames.OfPrompt(request.Prompt, request.Seed)}_row{progress.Step / columns:D2}"));
    }

    private static int[] GreyTokens(DalleModel model)
    {
        using var image = PlainImage.For(model.Info);
        return model.EncodeImage(image);
    }
}
