namespace Dalle.ML.Runtime;

/// <summary>
/// How many threads a product of matrices is worth sharing among: one for each core, since two on a core wait for the same units, and no more
/// than the process may use. ONNX Runtime alone would count the cores of the whole machine, of which a container or a job may have a few.
/// </summary>
internal static class CpuCores
{
    private const string Processors = "/sys/devices/system/cpu";

    /// <summary>Number of threads; 0, ONNX Runtime's own choice, where the system does not tell what a core is.</summary>
    public static int Threads { get; } = Count() is > 0 and var cores ? Math.Min(cores, Environment.ProcessorCount) : 0;

    private static int Count()
    {
        try
        {
            return Directory.EnumerateDirectories(Processors, "cpu*")
                .Select(processor => Path.Combine(processor, "topology", "thread_siblings_list"))
                .Where(File.Exists).Select(File.ReadAllText).Distinct().Count();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
