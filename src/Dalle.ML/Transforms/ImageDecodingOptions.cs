namespace Dalle.ML.Transforms;

/// <summary>Options shared by components that make images from image embeddings, as DALL·E 2 does, without a text to choose among candidates by.</summary>
public abstract record ImageDecodingOptions : GenerationComponentOptions
{
    private protected ImageDecodingOptions()
    {
    }

    /// <summary>Name of the image column to make.</summary>
    public string OutputColumnName { get; init; } = "Image";

    /// <summary>Name of a column to make with the seed, UInt64, that generates the row's image again; none if null.</summary>
    public string? SeedColumnName { get; init; }
}
