namespace Dalle.ML.Training.Data;

/// <summary>How a user's images become a set to train on.</summary>
internal sealed record TrainingSetOptions
{
    /// <summary>Width and height that images are brought to.</summary>
    public required int ImageSize { get; init; }

    /// <summary>The part of the images that is only measured, never learnt from.</summary>
    public double ValidationFraction { get; init; } = 0.05;

    /// <summary>The part of the images that may be unreadable; they are left out.</summary>
    public double MaxUnreadable { get; init; } = 0.1;

    /// <summary>Whether images are also learnt mirrored left to right. Captions that tell left from right are then wrong for half of them.</summary>
    public bool Flips { get; init; }

    /// <summary>Whether there must be captions: only the discrete VAE learns without.</summary>
    public bool NeedsCaptions { get; init; } = true;

    /// <summary>Tells which images are only measured.</summary>
    public int Seed { get; init; }
}
