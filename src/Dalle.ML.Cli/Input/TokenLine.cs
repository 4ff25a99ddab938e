using System.Text.Json;
using Dalle.ML.Images;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>The tokens of one image, as <c>encode</c> writes and <c>decode</c> reads them: a line of JSON.</summary>
/// <param name="File">The image that they come from.</param>
/// <param name="Model">The name of the model that they belong to.</param>
/// <param name="Hash">The hash of that model's bundle.</param>
/// <param name="Rows">Rows of the grid.</param>
/// <param name="Columns">Columns of the grid.</param>
/// <param name="Tokens">The image tokens in raster order.</param>
internal sealed record TokenLine(string? File, string? Model, string? Hash, int? Rows, int? Columns, int[]? Tokens)
{
    public static TokenLine Of(string file, int[] tokens, DalleModelInfo model) => new(file, model.Name, model.Hash, model.TokenRows, model.TokenColumns, tokens);

    /// <param name="console">Standard input and the folder of relative paths.</param>
    /// <param name="path">A file of such lines, '-' for standard input.</param>
    /// <param name="cancellationToken">Stops the wait for input.</param>
    /// <returns>Each line with where it stands, for errors.</returns>
    /// <exception cref="InvalidDataException">A line does not hold image tokens.</exception>
    public static IEnumerable<(TokenLine Line, string Place)> ReadAll(ToolConsole console, string path, CancellationToken cancellationToken)
    {
        var name = path == InputFile.StandardInput ? "standard input" : path;
        var bytes = InputFile.Read(console, path, "file of tokens", cancellationToken);
        if (bytes.Length > 0 && UnreadableFile.IsPicture(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)))
            throw new InvalidDataException($"{name} is a picture, not a file of tokens. 'dalle encode' makes tokens of pictures, 'dalle decode' pictures of tokens.");
        using var lines = Utf8Lines.Read(bytes).GetEnumerator();
        while (MoveNext(lines, name))
        {
            if (!string.IsNullOrWhiteSpace(lines.Current.Text))
                yield return Parse(lines.Current.Text, $"{name}, line {lines.Current.Number}");
        }
    }

    private static bool MoveNext(IEnumerator<(int Number, string Text)> lines, string name)
    {
        try
        {
            return lines.MoveNext();
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"{name}, {exception.Message}", exception);
        }
    }

    /// <exception cref="InvalidDataException">The tokens belong to another model.</exception>
    public void Check(DalleModelInfo model, string place)
    {
        if ((Hash is not null && Hash != model.Hash) || (Model is not null && Model != model.Name))
            throw new InvalidDataException($"{place}: the tokens belong to the model '{Model}' with the hash {Hash ?? "unknown"}, not to '{model.Name}' with {model.Hash}. Name their model with --model.");
        if ((Rows ?? model.TokenRows) != model.TokenRows || (Columns ?? model.TokenColumns) != model.TokenColumns)
            throw new InvalidDataException($"{place}: the tokens are a grid of {Rows} × {Columns}; the model '{model.Name}' has {model.TokenRows} × {model.TokenColumns}. Name their model with --model.");
    }

    private static (TokenLine Line, string Place) Parse(string text, string place)
    {
        try
        {
            if (JsonSerializer.Deserialize<TokenLine>(text, JsonLine.Options) is { Tokens: not null } line)
                return (line, place);
        }
        catch (JsonException exception)
        {
            throw Invalid(exception);
        }
        throw Invalid(null);

        InvalidDataException Invalid(Exception? inner) =>
            new($"{place}: this is not a line of tokens, that is JSON such as {{\"file\":\"a.png\",\"tokens\":[…]}}, as 'dalle encode' writes it.", inner);
    }
}
