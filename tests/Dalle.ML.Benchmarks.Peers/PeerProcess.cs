using System.Diagnostics;
using System.Globalization;
using Dalle.ML.Training.Native;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>A peer in a process that waits for its turns, so that its threads and its settings are its own.</summary>
internal sealed class PeerProcess : IPeer
{
    /// <summary>The argument by which this program is such a process.</summary>
    public const string Argument = "--peer";

    private readonly Process _process;

    private PeerProcess(Process process, string description) => (_process, Description) = (process, description);

    public string Description { get; }

    /// <summary>Starts a peer.</summary>
    /// <param name="name">What to call it if it cannot be had, for which its process has told why.</param>
    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Null where it cannot be had.</returns>
    public static PeerProcess? Start(string name, string file, params IEnumerable<string> arguments)
    {
        const string WaitPolicy = "OMP_WAIT_POLICY";
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var variables = start.Environment;
        // PyTorch's threads of OpenMP would spin on the cores that those of its BLAS work on. llama.cpp has only those of OpenMP, which gain by it.
        if (arguments.Contains(LlamaDecoder.Library))
            variables.Remove(WaitPolicy);
        else
            variables[WaitPolicy] = "PASSIVE";
        variables[OldLibStdCpp.Variable] = "1";
        foreach (var variable in variables.Keys.Where(key => key.StartsWith("OPENBLAS_", StringComparison.Ordinal)).ToArray())
            variables.Remove(variable);
        var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine() is { } description)
            return new PeerProcess(process, description);
        Console.Error.WriteLine($"{name} is left out.");
        process.Dispose();
        return null;
    }

    /// <summary>Is the process: describes the peer, and answers every number of rows with the milliseconds of a step.</summary>
    public static void Serve(IPeer peer)
    {
        Console.WriteLine(peer.Description);
        while (Console.ReadLine() is { } line)
            Console.WriteLine(peer.Step(int.Parse(line, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture));
    }

    public double Step(int rows)
    {
        _process.StandardInput.WriteLine(rows);
        return double.Parse(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{Description} gave up."), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
