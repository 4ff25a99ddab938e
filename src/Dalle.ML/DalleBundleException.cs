namespace Dalle.ML;

/// <summary>
/// A model bundle cannot be used: a file is missing, altered or malformed, a graph does not fit the manifest, or a path leaves the
/// folder. The message names the file and what to do about it. Nothing of the bundle has run.
/// </summary>
public sealed class DalleBundleException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="bundlePath">The bundle's folder.</param>
    /// <param name="message">What is wrong with it.</param>
    /// <param name="innerException">The error underneath, if any.</param>
    public DalleBundleException(string bundlePath, string message, Exception? innerException = null)
        : base($"The model bundle '{bundlePath}' cannot be used: {message}", innerException) => BundlePath = bundlePath;

    /// <summary>The bundle's folder.</summary>
    public string BundlePath { get; }
}
