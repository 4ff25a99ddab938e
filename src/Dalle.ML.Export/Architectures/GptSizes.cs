namespace Dalle.ML.Export.Architectures;

/// <summary>The sizes of a <see cref="GptDecoder"/>.</summary>
internal sealed record GptSizes
{
    public required TransformerLayers Layers { get; init; }

    /// <summary>Number of ids of the text with its padding; the ids of the image follow.</summary>
    public required int TextIds { get; init; }

    /// <summary>Number of text positions, without an id that starts the stream.</summary>
    public required int TextLength { get; init; }

    /// <summary>Side of the square of image tokens.</summary>
    public required int Grid { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>Channels of a hidden state.</summary>
    public int Dim => Layers.Dim;

    /// <summary>Another number of heads over the same width, if one is given.</summary>
    /// <exception cref="InvalidDataException">They cannot share the width evenly.</exception>
    public GptSizes WithHeads(int? count) => this with { Layers = Layers with { Heads = Layers.Heads.Or(count) } };

    /// <summary>Checks the sizes against the limits of a bundle, before anything is allocated.</summary>
    /// <exception cref="InvalidDataException">The stream is longer than a bundle allows.</exception>
    public GptSizes Checked()
    {
        ModelSizes.Check(TextLength, Grid);
        return this;
    }
}
