using System.Diagnostics;
using System.Globalization;

namespace Dalle.ML.Benchmarks;

/// <summary>The same geometry in PyTorch, as Debian's python3-torch has it: a process that waits for its turns.</summary>
internal sealed class PyTorchDecoder(string name, int layers, int dim, int heads) : IDisposable
{
    private const string Python = "/usr/bin/python3";

    // As the random geometries of the family 'dalle' have them.
    private const int TextLength = 64;
    private const int ImageTokens = 256;
    private const int Vocabulary = 8192;

    private static readonly Lazy<bool> HasTorch = new(FindsTorch);

    private readonly Lazy<Process> _process = new(() => Run(
        [Path.Combine(AppContext.BaseDirectory, "pytorch_decoder.py"),
        .. new[] { layers, dim, heads, TextLength, ImageTokens, Vocabulary, Environment.ProcessorCount }.Select(number => number.ToString(CultureInfo.InvariantCulture))]));

    /// <summary>Whether there is anything to compare with.</summary>
    public static bool IsInstalled => HasTorch.Value;

    /// <summary>A step of so many rows, beside ours of as many.</summary>
    public Measurement Step(int rows, Measurement ours) => new($"{name} in PyTorch: step, rows = {rows}", "ms", () =>
    {
        _process.Value.StandardInput.WriteLine(rows);
        return double.Parse(
            _process.Value.StandardOutput.ReadLine() ?? throw new InvalidOperationException("PyTorch gave up."), CultureInfo.InvariantCulture);
    })
    {
        Baselines = [ours],
        Figures = (results, theirs) =>
        {
            var cost = results.MedianRatio(theirs, ours);
            return [new Figure("timesOurs", cost, $"{cost:F1} × ours")];
        },
    };

    public void Dispose()
    {
        if (!_process.IsValueCreated)
            return;
        _process.Value.StandardInput.Close();
        _process.Value.WaitForExit();
        _process.Value.Dispose();
    }

    private static bool FindsTorch()
    {
        if (!File.Exists(Python))
            return false;
        using var process = Run("-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)");
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private static Process Run(params string[] arguments) => Process.Start(new ProcessStartInfo(Python, arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;
}
