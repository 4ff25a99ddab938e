namespace Dalle.ML.Cli;

/// <summary>One prompt failed for a reason that does not affect the others.</summary>
internal sealed class PromptException(string message) : Exception(message);
