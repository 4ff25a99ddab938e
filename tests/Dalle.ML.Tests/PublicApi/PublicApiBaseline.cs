namespace Dalle.ML.Tests.PublicApi;

/// <summary>Public surfaces that are written down in files of the repository.</summary>
internal static class PublicApiBaseline
{
    /// <param name="file">The file, from the root of the repository.</param>
    /// <param name="surface">What it should say.</param>
    public static void AssertMatches(string file, IEnumerable<string> surface)
    {
        var baseline = Path.Combine(Repository.Root, file);
        string[] actual = [.. surface], expected = File.Exists(baseline) ? File.ReadAllLines(baseline) : [];
        if (actual.SequenceEqual(expected))
            return;

        var proposal = Path.Combine(AppContext.BaseDirectory, "PublicApi.actual.txt");
        File.WriteAllLines(proposal, actual);
        var (now, before) = (WithTypes(actual).ToArray(), WithTypes(expected).ToArray());
        Assert.Fail($"""
            The public API is not the one in {file}.
            More: {Lines(now.Except(before))}
            Less: {Lines(before.Except(now))}
            If that is meant, take it over and commit it:
              cp '{proposal}' '{baseline}'
            """);
    }

    /// <summary>The lines, those of members with the type that they belong to.</summary>
    private static IEnumerable<string> WithTypes(IEnumerable<string> lines)
    {
        var type = "";
        foreach (var line in lines)
            yield return line.StartsWith(' ') ? $"{type} {{ {line.Trim()} }}" : type = line;
    }

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => "\n  " + line));
}
