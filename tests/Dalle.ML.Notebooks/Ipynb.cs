using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dalle.ML.Notebooks;

/// <summary>The file of a notebook: <see href="https://nbformat.readthedocs.io"/>, version 4.</summary>
public static class Ipynb
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, IndentSize = 1, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a notebook.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cells">Its cells.</param>
    /// <param name="outputs">The outputs of each code cell; null before it was run.</param>
    public static void Write(string path, IReadOnlyList<Cell> cells, IReadOnlyList<JsonArray>? outputs = null)
    {
        var count = 0;
        var written = cells.Select(cell =>
        {
            var json = new JsonObject { ["cell_type"] = cell.Kind, ["metadata"] = new JsonObject(), ["source"] = Lines(cell.Source) };
            if (cell.Kind == "code")
            {
                json["metadata"] = new JsonObject { ["polyglot_notebook"] = new JsonObject { ["kernelName"] = "csharp" } };
                json["outputs"] = outputs?[count] ?? [];
                count++;
                json["execution_count"] = outputs is null ? null : count;
            }
            return (JsonNode)json;
        });
        var notebook = new JsonObject
        {
            ["cells"] = new JsonArray([.. written]),
            ["metadata"] = new JsonObject
            {
                ["kernelspec"] = new JsonObject { ["display_name"] = ".NET (C#)", ["language"] = "C#", ["name"] = ".net-csharp" },
                ["language_info"] = new JsonObject { ["name"] = "polyglot-notebook" },
                ["polyglot_notebook"] = new JsonObject { ["kernelInfo"] = new JsonObject { ["defaultKernelName"] = "csharp", ["items"] = new JsonArray(new JsonObject { ["name"] = "csharp" }) } },
            },
            ["nbformat"] = 4,
            ["nbformat_minor"] = 4,
        };
        File.WriteAllText(path, notebook.ToJsonString(Format) + "\n");
    }

    /// <summary>The cells of a notebook.</summary>
    public static IReadOnlyList<Cell> ReadCells(string path) =>
        [.. Cells(path).Select(cell => new Cell((string)cell!["cell_type"]!, string.Concat(cell["source"]!.AsArray().Select(line => (string)line!))))];

    /// <summary>The outputs of each code cell.</summary>
    public static IReadOnlyList<JsonArray> ReadOutputs(string path) =>
        [.. Cells(path).Where(cell => (string)cell!["cell_type"]! == "code").Select(cell => cell!["outputs"]!.DeepClone().AsArray())];

    /// <summary>The errors among the outputs.</summary>
    public static IEnumerable<string> Errors(IEnumerable<JsonArray> outputs) =>
        outputs.SelectMany(output => output).Where(output => (string)output!["output_type"]! == "error").Select(output => (string)output!["evalue"]!);

    private static JsonArray Cells(string path) => JsonNode.Parse(File.ReadAllText(path))!["cells"]!.AsArray();

    private static JsonArray Lines(string text)
    {
        var lines = text.Split('\n');
        return new JsonArray([.. lines.Select((line, index) => (JsonNode)(index < lines.Length - 1 ? line + "\n" : line))]);
    }
}
