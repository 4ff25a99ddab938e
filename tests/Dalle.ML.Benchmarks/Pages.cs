namespace Dalle.ML.Benchmarks;

/// <summary>The size of the pages that memory is asked for in; only Linux lets a program choose.</summary>
internal enum Pages
{
    /// <summary>4 KB on most processors.</summary>
    Small,

    /// <summary>2 MB, which spare the processor most look-ups of addresses.</summary>
    Huge,
}
