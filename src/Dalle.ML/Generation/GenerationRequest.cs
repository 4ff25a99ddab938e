namespace Dalle.ML.Generation;

/// <summary>One image to generate.</summary>
/// <param name="Prompt">What to draw. Words beyond the model's text length are cut off.</param>
/// <param name="Seed">The same prompt, seed and options give the same image, whatever else is generated with it.</param>
public readonly record struct GenerationRequest(string Prompt, ulong Seed);
