using System.Runtime.CompilerServices;
using Dalle.ML.Runtime;

namespace Dalle.ML.Export.Tests;

/// <summary>
/// ONNX Runtime is started as an application starts it, before tests that make sessions of their own: it is started once in a process, and which
/// of the tests that run at once came first would decide how.
/// </summary>
internal static class OnnxRuntimeStart
{
    [ModuleInitializer]
    public static void Start() => OrtRuntime.Start(DalleDevice.Cpu);
}
