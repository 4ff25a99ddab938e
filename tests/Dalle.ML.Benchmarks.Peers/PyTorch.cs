using System.Globalization;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>The decoder in PyTorch, as Debian's python3-torch has it.</summary>
internal static class PyTorch
{
    private const string Python = "/usr/bin/python3";

    /// <returns>Null where it is not installed.</returns>
    public static PeerProcess? Start(Geometry geometry)
    {
        if (!File.Exists(Python))
        {
            Console.Error.WriteLine($"PyTorch is left out: there is no {Python}.");
            return null;
        }
        int[] numbers =
        [
            geometry.Layers, geometry.Dim, geometry.Heads, Geometry.Vocabulary, Geometry.Capacity, Geometry.First, Geometry.Steps, Environment.ProcessorCount,
        ];
        return PeerProcess.Start(
            "PyTorch",
            Python,
            [Path.Combine(AppContext.BaseDirectory, "pytorch_decoder.py"), .. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))]);
    }
}
