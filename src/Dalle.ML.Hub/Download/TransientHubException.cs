namespace Dalle.ML.Hub.Download;

/// <summary>A failure that may pass: a broken connection, a busy server, an address that has expired.</summary>
/// <param name="message">What happened.</param>
/// <param name="innerException">The cause, if there is one.</param>
internal sealed class TransientHubException(string message, Exception? innerException = null) : DalleHubException(message, innerException)
{
    /// <summary>How long the server asks to wait; null if it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
