using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Options of the model and its device.</summary>
internal static class ModelOptions
{
    private static readonly Option<string> Bundle = new("--model", "-m") { HelpName = "model", Description = "Folder or name of the model [default: the built-in model]." };

    private static readonly Option<string> Device = new Option<string>("--device") { HelpName = "device", Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu", CompletionSources = { "cpu", "cuda" } }
        .MustParse(DalleDevice.Parse, "cpu, cuda or cuda:N");

    // More are slower, and thousands exhaust the memory.
    private static readonly int MostThreads = 4 * Environment.ProcessorCount;

    private static readonly Option<int?> IntraOpThreads = new Option<int?>("--threads") { HelpName = "n", Description = "CPU threads per operator [default: one per core]." }
        .MustBeNumber(1, MostThreads, string.Create(CultureInfo.InvariantCulture, $"a whole number from 1 to {MostThreads}, four times the cores of this machine"));

    private static readonly Option<int?> SpinDuration = new Option<int?>("--spin") { HelpName = "us", Description = "Microseconds that an idle thread spins before it sleeps; more helps on an otherwise idle machine [default: 10 in a transformer, else 0]." }
        .MustBeNumber(0, 1_000_000);

    private static readonly Option<double?> GpuMemory = new Option<double?>("--gpu-memory") { HelpName = "gib", Description = "GPU memory limit of each graph in GiB [default: none]." }
        .MustBeNumber(0.1, 1024);

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

    /// <summary>Loads a model that generates from prompts at once.</summary>
    public static DalleModel LoadForPrompts(ParseResult parsed) => DalleModel.LoadForImages(PathOf(parsed), DeviceOf(parsed));

    /// <summary>Loads a model that completes text.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static DalleModel LoadForText(ParseResult parsed)
    {
        var model = Load(parsed);
        if (model.Info.CanCompleteText)
            return model;
        var name = model.Info.Name;
        model.Dispose();
        throw new UsageException($"the model '{name}' does not complete text: its bundle has no logits of the text. Name another one with --model: "
            + "what 'dalle export' makes of dalle, dalle-pytorch, ru-dalle and minDALL-E has them.");
    }

    /// <summary>Loads a model that generates from images, or at least from image embeddings.</summary>
    /// <exception cref="UsageException">It does not.</exception>
    public static DalleModel LoadForImages(ParseResult parsed, bool needsImages = true)
    {
        var model = Load(parsed);
        if (needsImages ? model.Info.CanVary : model.Info is { CanGenerate: true, TokenRows: 0 })
            return model;
        var name = model.Info.Name;
        model.Dispose();
        throw new UsageException($"the model '{name}' is not one of DALL·E 2{(needsImages ? " with an image encoder" : "")}. Name one with --model, for example what 'dalle export karlo' made.");
    }
}
