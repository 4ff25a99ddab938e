using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Dalle.ML.Cli.Tests;

/// <summary>A folder with prompts and what batches make of them.</summary>
internal sealed class BatchSandbox : IDisposable
{
    /// <summary>How many prompts most tests have.</summary>
    public const int Prompts = 60;

    /// <summary>The options of most tests.</summary>
    public static readonly string[] Common = ["--seed", "7", "--candidates", "1"];

    // Of who waits for a run, on a machine that may be busy with others.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly TemporaryFolder _folder = new();

    public string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    public Task<Tool> RunAsync(params string[] arguments) => Tool.RunAsync(Folder, ["batch", .. arguments]);

    /// <summary>Runs the prompts of most tests into a folder in one go.</summary>
    public async Task RunUndisturbedAsync(string folder, int prompts = Prompts)
    {
        Write("prompts.txt", string.Concat(Enumerable.Range(0, prompts).Select(i => $"a red apple number {i}\n")));
        Assert.Equal(0, (await RunAsync(["prompts.txt", "-o", folder, .. Common])).ExitCode);
    }

    /// <summary>Waits until a run has noted a number of images, or has ended.</summary>
    public async Task UntilNotedAsync(string manifest, int lines, Process run)
    {
        for (var clock = Stopwatch.StartNew(); !run.HasExited && BatchFolderState.ManifestOrEmpty(In(manifest)).Length < lines; await Task.Delay(10))
            Assert.True(clock.Elapsed < Patience, $"Nothing was generated for {Patience.TotalMinutes} minutes.");
    }

    public void Write(string name, string content) => File.WriteAllText(In(name), content, new UTF8Encoding(false));

    public string In(string name) => Path.Combine(Folder, name);

    public JsonObject[] Manifest(string name) => [.. File.ReadAllLines(In(name)).Select(line => JsonNode.Parse(line)!.AsObject())];

    public static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
