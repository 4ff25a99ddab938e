namespace Dalle.ML.Ecosystem.Tests;

/// <summary>A picture with what it was drawn from.</summary>
public sealed class Drawing
{
    public string Kind { get; set; } = "";

    public string Prompt { get; set; } = "";

    public ulong Seed { get; set; }

    /// <summary>Name of the picture's file.</summary>
    public string File { get; set; } = "";
}
