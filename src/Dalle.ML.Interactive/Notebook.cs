using Microsoft.ML.Data;

namespace Dalle.ML.Interactive;

/// <summary>Shows images, token maps and scores in a notebook, or on a page in a program that is none.</summary>
/// <remarks>
/// A .NET Interactive kernel that references the package registers <see cref="Formats"/>, so that these values also show as the last expression of a
/// cell. Elsewhere <see cref="Show"/> writes a page named after the program into the current folder, and prints its path.
/// </remarks>
/// <example>
/// <code>
/// var model = DalleModel.LoadDefault();
/// model.GenerateBatch([.. GenerationRequest.Series("a robot", seed: 7, count: 4)]).Show();
/// </code>
/// </example>
public static class Notebook
{
    /// <summary>The types that have a format of their own, as HTML.</summary>
    public static IReadOnlyDictionary<Type, Func<object, string>> Formats { get; } = new Dictionary<Type, Func<object, string>>
    {
        [typeof(MLImage)] = value => Html.Picture((MLImage)value),
        [typeof(GeneratedImage)] = value => Html.Captioned((GeneratedImage)value),
        [typeof(IEnumerable<MLImage>)] = value => Html.Grid(((IEnumerable<MLImage>)value).Select(image => Html.Picture(image))),
        [typeof(IEnumerable<GeneratedImage>)] = value => Html.Grid(((IEnumerable<GeneratedImage>)value).Select(Html.Captioned)),
        [typeof(IEnumerable<(string, MLImage)>)] = value => Html.Grid(((IEnumerable<(string Caption, MLImage Image)>)value).Select(pair => Html.Picture(pair.Image, pair.Caption))),
        [typeof(TokenMap)] = value => ((TokenMap)value).ToHtml(),
        [typeof(IEnumerable<TokenMap>)] = value => Html.Grid(((IEnumerable<TokenMap>)value).Select(map => map.ToHtml())),
        [typeof(ScoreTable)] = value => ((ScoreTable)value).ToHtml(),
        [typeof(ScoreCurve)] = value => ((ScoreCurve)value).ToHtml(),
    };

    /// <summary>Displays a value where the program runs: in the cell of a kernel, which sets this, else on a page.</summary>
    public static Action<object> Display { get; set; } = Page.Add;

    /// <summary>Shows a value: an image, images with captions or without, a token map, scores; anything else as text.</summary>
    /// <param name="value">The value.</param>
    public static void Show(this object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        Display(value);
    }
}
