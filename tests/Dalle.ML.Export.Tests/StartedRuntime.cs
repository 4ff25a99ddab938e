using Dalle.ML.Runtime;

[assembly: AssemblyFixture(typeof(Dalle.ML.Export.Tests.StartedRuntime))]

namespace Dalle.ML.Export.Tests;

/// <summary>
/// Starts ONNX Runtime before any test: some make sessions of their own, and one that was quicker than the library would decide for all which
/// threads there are.
/// </summary>
public sealed class StartedRuntime
{
    public StartedRuntime() => OrtRuntime.Start(DalleDevice.Cpu);
}
