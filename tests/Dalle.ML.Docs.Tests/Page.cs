using System.Text.RegularExpressions;

namespace Dalle.ML.Docs.Tests;

/// <summary>A fenced block of a page.</summary>
/// <param name="Language">The word behind the fence.</param>
/// <param name="Line">Line of the fence, from 1.</param>
/// <param name="Text">What it holds.</param>
/// <param name="Marks">The HTML comment before it: <c>continues</c> the C# block above, <c>run</c>.</param>
internal sealed record Block(string Language, int Line, string Text, string[] Marks);

/// <summary>A page of the documentation.</summary>
/// <param name="Name">Its path below the repository.</param>
internal sealed partial record Page(string Name)
{
    /// <summary>The repository that the tests were built in.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>README.md, CONTRIBUTING.md, CHANGELOG.md and everything below docs.</summary>
    public static IReadOnlyList<Page> All { get; } =
    [
        .. Directory.EnumerateFiles(Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Select(path => new Page(Path.GetRelativePath(Root, path).Replace('\\', '/'))).OrderBy(page => page.Name, StringComparer.Ordinal),
    ];

    public string FullPath => Path.Combine(Root, Name);

    public string Text => File.ReadAllText(FullPath);

    /// <summary>The fenced blocks, in their order.</summary>
    public IEnumerable<Block> Blocks()
    {
        var text = Text;
        return Fence().Matches(text).Select(match => new Block(
            match.Groups["language"].Value,
            text[..match.Index].Count(character => character == '\n') + 1 + match.Value[..match.Value.IndexOf("```", StringComparison.Ordinal)].Count(character => character == '\n'),
            match.Groups["text"].Value,
            match.Groups["marks"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "README.md")))
            folder = folder.Parent!;
        return folder.FullName;
    }

    [GeneratedRegex(@"(^<!-- (?<marks>[a-z, ]+) -->\n)?^```(?<language>\w*)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
