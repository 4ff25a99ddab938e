namespace Dalle.ML.Cli;

/// <summary>The command line is wrong; the message names the option and the fix.</summary>
internal sealed class UsageException(string message) : Exception(message);
