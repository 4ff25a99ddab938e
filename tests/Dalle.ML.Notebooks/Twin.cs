using System.Xml.Linq;

namespace Dalle.ML.Notebooks;

/// <summary>A cell of a notebook.</summary>
/// <param name="Kind"><c>code</c> or <c>markdown</c>, as notebooks call it.</param>
/// <param name="Source">Its text.</param>
public sealed record Cell(string Kind, string Source);

/// <summary>
/// A notebook as a file-based app. Its cells are in the percent format: <c>// %%</c> begins code, <c>// %% [markdown]</c> text in comments,
/// <c>// %% [types]</c> the types, which stand last in a program, and in a notebook behind its first cell.
/// </summary>
/// <param name="FullPath">The C# file.</param>
public sealed record Twin(string FullPath)
{
    private const string Project = "#:project ", Package = "#:package ", Separator = "// %%", Markdown = "// %% [markdown]", Types = "// %% [types]";

    /// <summary>The repository that this was built in.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All of them, by their numbers.</summary>
    public static IReadOnlyList<Twin> All { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Root, "notebooks"), "*.cs").Order(StringComparer.Ordinal).Select(path => new Twin(path))];

    public string Name => Path.GetFileNameWithoutExtension(FullPath);

    public string NotebookPath => Path.ChangeExtension(FullPath, ".ipynb");

    /// <summary>The names of the projects that it refers to.</summary>
    public IEnumerable<string> Projects => Directives(Project).Select(path => Path.GetFileName(path));

    /// <summary>The cells of the notebook: the title, the packages, and the rest.</summary>
    public IReadOnlyList<Cell> Cells()
    {
        var cells = new List<Cell>();
        var lines = new List<string>();
        var kind = "";
        foreach (var line in File.ReadLines(FullPath).SkipWhile(line => !line.StartsWith(Separator, StringComparison.Ordinal)).Append(Separator))
        {
            if (!line.StartsWith(Separator, StringComparison.Ordinal))
            {
                lines.Add(kind == "markdown" ? Uncommented(line) : line);
                continue;
            }
            var cell = new Cell(kind == "markdown" ? kind : "code", string.Join('\n', lines).Trim('\n'));
            if (kind == "types")
                cells.Insert(2, cell);
            else if (kind.Length > 0)
                cells.Add(cell);
            lines.Clear();
            kind = line switch { Separator => "code", Markdown => "markdown", Types => "types", _ => throw new InvalidDataException($"{FullPath}: '{line}' begins no cell.") };
        }
        cells.Insert(1, new Cell("code", string.Join('\n', References())));
        return cells;
    }

    /// <summary>A program refers to the projects beside it, a notebook to the packages that they are.</summary>
    private IEnumerable<string> References()
    {
        var version = XDocument.Load(Path.Combine(Root, "Directory.Build.props")).Descendants("Version").Single().Value;
        var versions = XDocument.Load(Path.Combine(Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => package.Attribute("Include")!.Value, package => package.Attribute("Version")!.Value);
        return Projects.Select(name => $"#r \"nuget: {name}, {version}\"").Concat(Directives(Package).Select(name => $"#r \"nuget: {name}, {versions[name]}\""));
    }

    private IEnumerable<string> Directives(string directive) =>
        File.ReadLines(FullPath).Where(line => line.StartsWith(directive, StringComparison.Ordinal)).Select(line => line[directive.Length..].Trim());

    private string Uncommented(string line) => line switch
    {
        "" or "//" => "",
        _ when line.StartsWith("// ", StringComparison.Ordinal) => line[3..],
        _ => throw new InvalidDataException($"{FullPath}: the text cell has a line that is no comment: '{line}'."),
    };

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Dalle.ML.sln")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
