using System.Text.RegularExpressions;

namespace Dalle.ML.Docs.Tests;

/// <summary>What the pages point to is there.</summary>
public sealed partial class LinkTests
{
    private const int LinesOfReadme = 150;

    public static IEnumerable<TheoryDataRow<string>> Pages => Page.All.Select(page => new TheoryDataRow<string>(page.Name));

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_lead_to_files_and_headings(string name)
    {
        var page = new Page(name);
        var targets = Link().Matches(page.Text).Concat(Picture().Matches(page.Text)).Select(match => match.Groups["target"].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal));
        foreach (var target in targets)
        {
            var (path, heading) = target.Split('#') is [var before, var after] ? (before, after) : (target, null);
            var file = path.Length == 0 ? page.FullPath : Path.GetFullPath(path, Path.GetDirectoryName(page.FullPath)!);
            Assert.True(Path.Exists(file), $"{name} links to '{target}', which does not exist.");
            if (heading is not null)
                Assert.True(File.ReadLines(file).Where(line => line.StartsWith('#')).Select(Anchor).Contains(heading), $"{name} links to '{target}': there is no such heading.");
        }
    }

    /// <summary>A page that names a source file, e.g. <c>Sampler.cs</c>, names one that exists, below the folder that it states.</summary>
    [Theory]
    [MemberData(nameof(Pages))]
    public void Source_files_that_are_named_exist(string name)
    {
        var files = new[] { "src", "tests", "samples" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Page.Root, folder), "*.cs", SearchOption.AllDirectories))
            .Select(path => "/" + Path.GetRelativePath(Page.Root, path).Replace('\\', '/')).ToArray();
        foreach (Match match in SourceFile().Matches(new Page(name).Text))
            Assert.True(files.Any(file => file.EndsWith("/" + match.Groups["path"].Value, StringComparison.Ordinal)), $"{name} names '{match.Groups["path"].Value}', which does not exist.");
    }

    /// <summary>The samples that XML documentation includes, by paths from the file that names them, as docfx reads them.</summary>
    [Fact]
    public void Samples_in_the_documentation_of_members_exist()
    {
        var included = Directory.EnumerateFiles(Path.Combine(Page.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => IncludedSource().Matches(File.ReadAllText(file)).Select(match => Path.GetFullPath(match.Groups["path"].Value, Path.GetDirectoryName(file)!))).ToArray();
        Assert.NotEmpty(included);
        Assert.All(included, file => Assert.True(File.Exists(file), file));
    }

    [Fact]
    public void The_readme_fits_on_its_screen() => Assert.InRange(File.ReadLines(Path.Combine(Page.Root, "README.md")).Count(), 1, LinesOfReadme);

    [Fact]
    public void The_readme_links_to_every_page_of_docs()
    {
        var readme = File.ReadAllText(Path.Combine(Page.Root, "README.md"));
        var pages = Directory.EnumerateFiles(Path.Combine(Page.Root, "docs"), "*.md").Select(Path.GetFileName);
        Assert.All(pages, page => Assert.Contains($"(docs/{page}", readme, StringComparison.Ordinal));
    }

    /// <summary>A heading's anchor, as GitHub makes it.</summary>
    private static string Anchor(string heading) =>
        string.Concat(heading.TrimStart('#').Trim().ToLowerInvariant().Where(character => char.IsLetterOrDigit(character) || character is ' ' or '-' or '_')).Replace(' ', '-');

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"src=""(?<target>[^""]+)""")]
    private static partial Regex Picture();

    [GeneratedRegex(@"<code source=""(?<path>[^""]+)""")]
    private static partial Regex IncludedSource();

    [GeneratedRegex(@"`(?<path>[\w./]*\w\.cs)`")]
    private static partial Regex SourceFile();
}
