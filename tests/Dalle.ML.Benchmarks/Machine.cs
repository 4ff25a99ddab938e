using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>What the numbers were measured on.</summary>
/// <param name="Processor">The processor's name, where the system tells it.</param>
/// <param name="Cores">Logical processors that the process may use.</param>
/// <param name="Load">Processes that wanted to run in the minute before, on Linux: others disturb.</param>
/// <param name="System">The operating system.</param>
/// <param name="DotNet">The version of .NET.</param>
/// <param name="MLNet">The version of ML.NET.</param>
/// <param name="OnnxRuntime">The version of ONNX Runtime.</param>
internal sealed record Machine(string Processor, int Cores, double? Load, string System, string DotNet, string MLNet, string OnnxRuntime)
{
    /// <summary>To be called when a session exists: it is not for a benchmark to start ONNX Runtime.</summary>
    public static Machine Describe(double? load) => new(
        ProcessorName(),
        Environment.ProcessorCount,
        load,
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        VersionOf(typeof(MLContext)),
        OrtEnv.Instance().GetVersionString());

    public static double? CurrentLoad()
    {
        const string Path = "/proc/loadavg";
        return File.Exists(Path) && double.TryParse(File.ReadAllText(Path).Split(' ')[0], out var load) ? load : null;
    }

    public override string ToString()
    {
        var load = Load is null ? "" : $" (load before: {Load})";
        return $"{Processor}, {Cores} cores{load}, {System}, {DotNet}, ML.NET {MLNet}, ONNX Runtime {OnnxRuntime}";
    }

    /// <summary>The version of the library that has a type.</summary>
    public static string VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static string ProcessorName()
    {
        const string Path = "/proc/cpuinfo";
        var lines = File.Exists(Path) ? File.ReadLines(Path).TakeWhile(line => line.Length > 0).ToArray() : [];
        // The name of a virtual machine's processor may not tell of which generation it is.
        return Find("model name") is { } name
            ? $"{name} (family {Find("cpu family")}, model {Find("model")})"
            : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();

        string? Find(string key) => lines.Select(line => line.Split(':', 2)).FirstOrDefault(pair => pair[0].Trim() == key)?[^1].Trim();
    }
}
