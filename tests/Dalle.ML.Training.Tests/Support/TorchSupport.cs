using Dalle.ML.Training.Native;

namespace Dalle.ML.Training.Tests;

/// <summary>Loads libtorch for tests, also on Debian 12 and Ubuntu 22.04.</summary>
internal static class TorchSupport
{
    private static readonly Lazy<string?> Problem = new(Load);

    /// <summary>Skips the test where libtorch cannot be loaded.</summary>
    public static void Require() => Assert.SkipWhen(Problem.Value is not null, $"libtorch cannot be loaded: {Problem.Value}");

    private static string? Load()
    {
        Environment.SetEnvironmentVariable(OldLibStdCpp.Variable, "1");
        try
        {
            LibTorch.EnsureLoaded();
            return null;
        }
        catch (DllNotFoundException exception)
        {
            return exception.Message;
        }
    }
}
