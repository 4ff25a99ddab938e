namespace Dalle.ML.Cli;

/// <summary>One prompt cannot be finished, for a reason that does not concern the others.</summary>
internal sealed class PromptException(string message) : Exception(message);
