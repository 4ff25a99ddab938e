namespace Dalle.ML.Prompts;

/// <summary>A prompt as a file has it.</summary>
/// <param name="Line">The line that it begins on, from 1.</param>
/// <param name="Prompt">What to generate.</param>
/// <param name="Id">Its name, if it is given one.</param>
/// <param name="Seed">Its own seed, if it is given one.</param>
internal readonly record struct PromptRecord(int Line, string Prompt, string? Id, ulong? Seed);
