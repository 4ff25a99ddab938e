using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images that go over into each other, since the decoder sees the image tokens of all as one grid (kuprel/min-dalle, is_seamless).</summary>
internal sealed class SeamlessSheet : ISheet
{
    private readonly DalleModel _model;
    private readonly int _count;
    private readonly int _columns;
    private readonly Enlargement? _enlargement;
    private readonly List<IReadOnlyList<int>> _tokens = [];

    /// <param name="model">The model of the images.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="columns">Images side by side; as near to a square as they fill if null.</param>
    /// <param name="enlargement">Enlarges the sheet, if the images are enlarged.</param>
    /// <exception cref="UsageException">The model has no image tokens, or the images do not fill the rows.</exception>
    public SeamlessSheet(DalleModel model, int count, int? columns, Enlargement? enlargement)
    {
        if (model.Info.TokenRows == 0)
            throw new UsageException($"--seamless is for models that sample image tokens; '{model.Info.Name}' is a diffusion model. Leave it out.");
        (_model, _count, _enlargement) = (model, count, enlargement);
        _columns = columns ?? Enumerable.Range((int)Math.Ceiling(Math.Sqrt(count)), count).First(width => count % width == 0);
        if (count % _columns != 0)
            throw new UsageException($"--seamless needs full rows: {count} images do not fill rows of {_columns}. Ask for other images with -n, or other rows with --grid-columns.");
        if ((long)count * model.Info.TokenRows * model.Info.TokenColumns > DalleModel.MaxGridTokens)
        {
            throw new UsageException($"--seamless takes at most {DalleModel.MaxGridTokens} image tokens, of this model {DalleModel.MaxGridTokens / (model.Info.TokenRows * model.Info.TokenColumns)} images; "
                + $"{count} were requested.");
        }
    }

    public void Add(GeneratedImage generated, MLImage shown) => _tokens.Add(generated.Tokens);

    public MLImage? Render()
    {
        if (_tokens.Count < _count)
            return null;
        var sheet = _model.DecodeTokenGrid(_tokens, _columns);
        if (_enlargement is null)
            return sheet;
        using (sheet)
            return _enlargement.Apply(sheet);
    }
}
