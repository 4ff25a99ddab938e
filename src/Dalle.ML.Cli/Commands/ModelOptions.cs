using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>Options of the model and its device.</summary>
internal static class ModelOptions
{
    private static readonly Option<string> Bundle = new("--model", "-m") { HelpName = "model", Description = "Folder or name of the model [default: the built-in model]." };

    private static readonly Option<string> Device = new Option<string>("--device") { HelpName = "device", Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu", CompletionSources = { "cpu", "cuda" } }
        .MustParse(DalleDevice.Parse, "cpu, cuda or cuda:N");

    private static readonly Option<int?> IntraOpThreads = new Option<int?>("--threads") { HelpName = "n", Description = "CPU threads per operator [default: one per core]." }
        .MustBe(count => count is null or >= 1, "1 or more");

    private static readonly Option<int?> SpinDuration = new Option<int?>("--spin") { HelpName = "us", Description = "Microseconds that an idle thread spins before it sleeps; more helps on an otherwise idle machine [default: 10 in a transformer, else 0]." }
        .MustBe(microseconds => microseconds is null or (>= 0 and <= 1_000_000), "0 to 1000000");

    private static readonly Option<double?> GpuMemory = new Option<double?>("--gpu-memory") { HelpName = "gib", Description = "GPU memory limit of each graph in GiB [default: none]." }
        .MustBe(gib => gib is null or (>= 0.1 and <= 1024), "0.1 to 1024");

    public static IEnumerable<Option> All => [Bundle, Device, GpuMemory, .. Threads];

    public static IEnumerable<Option> Threads => [IntraOpThreads, SpinDuration];

    /// <summary>Folder of the chosen model.</summary>
    public static string PathOf(ParseResult parsed) => parsed.GetModelPath(Bundle) ?? DalleModel.DefaultPath;

    public static DalleDevice DeviceOf(ParseResult parsed) => DalleDevice.Parse(parsed.GetRequiredValue(Device)) with
    {
        IntraOpThreads = parsed.GetValue(IntraOpThreads),
        SpinDuration = parsed.GetValue(SpinDuration) is { } microseconds ? TimeSpan.FromMicroseconds(microseconds) : null,
        GpuMemoryLimit = (long?)(parsed.GetValue(GpuMemory) * (1 << 30)),
    };

    public static DalleModel Load(ParseResult parsed) => DalleModel.Load(PathOf(parsed), DeviceOf(parsed));
}
