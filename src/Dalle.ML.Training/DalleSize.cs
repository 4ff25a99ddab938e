namespace Dalle.ML.Training;

/// <summary>Sizes of models to train.</summary>
public enum DalleSize
{
    /// <summary>32 × 32 pixels and networks of a million parameters: tries data and settings out in minutes. Its images are rough.</summary>
    Tiny,

    /// <summary>64 × 64 pixels: hours on a few cores of a CPU.</summary>
    Small,

    /// <summary>128 × 128 pixels: for a GPU.</summary>
    Medium,
}
