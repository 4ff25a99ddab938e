namespace Dalle.ML.Hub;

/// <summary>A step of a pull.</summary>
public enum PullStage
{
    /// <summary>All files were found and their sizes are known; nothing is downloaded yet.</summary>
    Planned,

    /// <summary>A file is being downloaded.</summary>
    Downloading,

    /// <summary>A file is complete, and its hash is being computed.</summary>
    Verifying,

    /// <summary>A file was verified.</summary>
    Verified,

    /// <summary>The checkpoint is complete and is being exported as a bundle.</summary>
    Exporting,
}
