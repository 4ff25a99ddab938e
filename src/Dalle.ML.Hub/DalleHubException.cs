namespace Dalle.ML.Hub;

/// <summary>A published model cannot be found, downloaded or verified, or its licence was not accepted.</summary>
public class DalleHubException : IOException
{
    /// <summary>Initializes an exception.</summary>
    /// <param name="message">What is wrong, and what to do.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public DalleHubException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
