namespace Dalle.ML.Hub.Download;

/// <summary>A server has another file than the planned one, or none: the plan is void.</summary>
/// <param name="message">What differs.</param>
internal sealed class ChangedFileException(string message) : DalleHubException(message);
