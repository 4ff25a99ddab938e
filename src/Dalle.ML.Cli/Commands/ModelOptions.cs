using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>Which model runs, and where.</summary>
internal static class ModelOptions
{
    private static readonly Option<string> Bundle = new("--model", "-m") { Description = "The bundle's folder [default: the built-in model]." };

    private static readonly Option<string> Device = new Option<string>("--device") { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu", CompletionSources = { "cpu", "cuda" } }
        .MustParse(DalleDevice.Parse, "cpu, cuda or cuda:N");

    private static readonly Option<int?> IntraOpThreads = new Option<int?>("--threads") { Description = "Threads of the CPU that share an operator [default: one for each core]." }
        .MustBe(count => count is null or >= 1, "1 or more");

    private static readonly Option<int?> SpinDuration = new Option<int?>("--spin") { Description = "Microseconds that a thread looks for work before it sleeps; more pays where nothing else wants the cores [default: 10 in a transformer, else 0]." }
        .MustBe(microseconds => microseconds is null or (>= 0 and <= 1_000_000), "0 to 1000000");

    private static readonly Option<double?> GpuMemory = new Option<double?>("--gpu-memory") { Description = "GiB of a GPU's memory that each graph of the model may take [default: all]." }
        .MustBe(gib => gib is null or (>= 0.1 and <= 1024), "0.1 to 1024");

    public static IEnumerable<Option> All => [Bundle, Device, GpuMemory, .. Threads];

    public static IEnumerable<Option> Threads => [IntraOpThreads, SpinDuration];

    /// <summary>The folder of the model that is asked for.</summary>
    public static string PathOf(ParseResult parsed) => parsed.GetPath(Bundle) ?? DalleModel.DefaultPath;

    public static DalleDevice DeviceOf(ParseResult parsed) => DalleDevice.Parse(parsed.GetRequiredValue(Device)) with
    {
        IntraOpThreads = parsed.GetValue(IntraOpThreads),
        SpinDuration = parsed.GetValue(SpinDuration) is { } microseconds ? TimeSpan.FromMicroseconds(microseconds) : null,
        GpuMemoryLimit = (long?)(parsed.GetValue(GpuMemory) * (1 << 30)),
    };

    public static DalleModel Load(ParseResult parsed) => DalleModel.Load(PathOf(parsed), DeviceOf(parsed));
}
