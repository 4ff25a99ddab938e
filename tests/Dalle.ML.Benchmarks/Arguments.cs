namespace Dalle.ML.Benchmarks;

/// <summary>What the command line asks for.</summary>
/// <param name="Filter">Measures only what has this in its name, and what that is compared with.</param>
/// <param name="Rounds">Number of samples of each.</param>
/// <param name="Json">The file for the numbers.</param>
/// <param name="Checkpoint">The folder of trained weights of our own family, of which precisions are compared.</param>
internal sealed record Arguments(string Filter, int Rounds, string Json, string Checkpoint)
{
    public const string Usage = """
        Measures this machine with the built-in model, and with larger ones of random weights, which are exported once (1.7 GB of
        artifacts/bench). Nothing is asserted.

          bench [filter] [--rounds N] [--json PATH] [--checkpoint DIR]
          bench --stream
          bench soak --minutes N --seed N
          bench serve --rounds N
          bench diffusion BUNDLE --rounds N

          filter         measures only what has this in its name, and what that is compared with
          --rounds N     samples of each, 15 unless told
          --json PATH    where the numbers go, artifacts/bench.json unless told
          --checkpoint   the trained weights whose precisions are compared, as onnx/training/export.py writes them;
                         ../shared/models/emoji-64 unless told
          soak           uses the built-in model in every way at once for so long, and says whether memory, handles and threads stay level
          serve          starts `dalle serve` and asks it for images by 1, 4, 8 and 16 clients, 300 at once, and 2,000 one after the other
          diffusion      a step of each network of a model of DALL·E 2, and the share of its time that the products would need at best
          --stream       reads 2,000 images off a view of 100,000 rows instead, and prints the working set
        """;

    private const string Solution = "Dalle.ML.sln";

    private static Arguments Default => new(
        Filter: "", Rounds: 15, Path.Combine(RepositoryRoot(), "artifacts", "bench.json"),
        Path.GetFullPath(Path.Combine(RepositoryRoot(), "..", "shared", "models", "emoji-64")));

    /// <returns>Null where the words make no sense.</returns>
    public static Arguments? Parse(string[] words) => words switch
    {
        [] => Default,
        [.. var before, "--json", var path] => Parse(before) is { } rest ? rest with { Json = Path.GetFullPath(path) } : null,
        [.. var before, "--checkpoint", var path] => Parse(before) is { } rest ? rest with { Checkpoint = Path.GetFullPath(path) } : null,
        [.. var before, "--rounds", var number] when int.TryParse(number, out var rounds) && rounds > 0 =>
            Parse(before) is { } rest ? rest with { Rounds = rounds } : null,
        [.. var before, var filter] when !filter.StartsWith('-') =>
            Parse(before) is { Filter: "" } rest ? rest with { Filter = filter } : null,
        _ => null,
    };

    /// <summary>The folder of the solution that this program was built from, or else the current one.</summary>
    public static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, Solution)))
            folder = folder.Parent;
        return folder?.FullName ?? Environment.CurrentDirectory;
    }
}
