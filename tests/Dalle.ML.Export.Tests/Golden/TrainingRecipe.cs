using System.Diagnostics;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// The recipes under <c>onnx/training</c> in their smallest configuration, run once for all tests of what they export: on one thread, with a
/// kill in between.
/// </summary>
public sealed class TrainingRecipe : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly TemporaryFolder _folder = new();
    private readonly string? _missing;

    public TrainingRecipe()
    {
        if (!File.Exists(Python) || Run("-c", "import sys; sys.path.append('onnx/training'); import torch, sprites; sprites.atlas()") is { Code: not 0 })
        {
            _missing = "PyTorch, Noto Color Emoji or CLDR is missing: apt-get install python3-torch fonts-noto-color-emoji unicode-cldr-core.";
            return;
        }
        var (code, output) = Run("onnx/training/smoke.py", "--folder", _folder.Path);
        Assert.True(code == 0, output);
        BundleExporter.Export("dalle", [Path.Combine(_folder.Path, "model")], Path.Combine(_folder.Path, "bundle"));
        BundleExporter.Export("unclip", [Path.Combine(_folder.Path, "unclip")], Path.Combine(_folder.Path, "unclip-bundle"));
    }

    public string Bundle => Of("bundle");

    public string Reference => Of("golden");

    public string UnclipBundle => Of("unclip-bundle");

    public string UnclipReference => Of("unclip-golden");

    public void Dispose() => _folder.Dispose();

    private string Of(string name)
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        return Path.Combine(_folder.Path, name);
    }

    private static (int Code, string Output) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}

/// <summary>The tests that share it.</summary>
[CollectionDefinition(Name)]
public sealed class SharedTrainingRecipe : ICollectionFixture<TrainingRecipe>
{
    public const string Name = "training recipe";
}
