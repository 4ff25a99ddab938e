using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dalle.ML.Generation;
using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>What a saved pipeline keeps of a generation: the options, and the path and hash of the model, not its weights.</summary>
internal sealed record SavedGeneration
{
    public required bool IsBuiltIn { get; init; }

    public required string ModelPath { get; init; }

    public required string ModelHash { get; init; }

    public required ulong Seed { get; init; }

    public int? Candidates { get; init; }

    public float? Temperature { get; init; }

    public float? GuidanceScale { get; init; }

    public int? TopK { get; init; }

    public float? TopP { get; init; }

    public int? GpuDeviceId { get; init; }

    public bool FallbackToCpu { get; init; }

    [JsonIgnore]
    public GenerationOptions Generation => new()
    {
        Candidates = Candidates,
        Sampling = new SamplingOptions { Temperature = Temperature, GuidanceScale = GuidanceScale, TopK = TopK, TopP = TopP },
    };

    public static SavedGeneration From(DalleGenerateEstimator.Options options, DalleModelInfo model) => new()
    {
        IsBuiltIn = options.ModelPath is null,
        ModelPath = model.Path,
        ModelHash = model.Hash,
        Seed = options.Seed!.Value,
        Candidates = options.Generation.Candidates,
        Temperature = options.Generation.Sampling.Temperature,
        GuidanceScale = options.Generation.Sampling.GuidanceScale,
        TopK = options.Generation.Sampling.TopK,
        TopP = options.Generation.Sampling.TopP,
        GpuDeviceId = options.GpuDeviceId,
        FallbackToCpu = options.FallbackToCpu,
    };

    public static SavedGeneration FromText(string text) =>
        JsonSerializer.Deserialize(Convert.FromHexString(text), SavedGenerationContext.Default.SavedGeneration)!;

    /// <summary>The options as hex digits, which need no escaping inside an expression.</summary>
    public string ToText() => Convert.ToHexString(JsonSerializer.SerializeToUtf8Bytes(this, SavedGenerationContext.Default.SavedGeneration));

    /// <summary>Loads the model that the pipeline was saved with.</summary>
    /// <exception cref="DalleBundleException">It is not there any more, or has changed.</exception>
    public DalleModel LoadModel()
    {
        var folder = FindFolder();
        var model = Load(folder);
        if (model.Info.Hash == ModelHash)
            return model;
        model.Dispose();
        throw new DalleBundleException(folder, $"the pipeline was saved with the model of hash {ModelHash}, and this one has {model.Info.Hash}. Put the old model there, or fit and save the pipeline again.");
    }

    private DalleModel Load(string folder)
    {
        var device = GpuDeviceId is { } id ? DalleDevice.Cuda(id) : DalleDevice.Cpu;
        try
        {
            return DalleModel.Load(folder, device);
        }
        catch (DalleDeviceException exception) when (FallbackToCpu)
        {
            // A mapping that ML.NET has loaded has no channel to warn on.
            Trace.TraceWarning(exception.Message + " Running on the CPU instead.");
            return DalleModel.Load(folder);
        }
    }

    /// <summary>Where the model lies here: the built-in one beside the assembly, others where they lay or below the application.</summary>
    private string FindFolder()
    {
        if (IsBuiltIn)
            return DalleModel.DefaultPath;
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(ModelPath.Replace('\\', '/')));
        string[] places = [ModelPath, Path.Combine(AppContext.BaseDirectory, "models", name), Path.Combine(Environment.CurrentDirectory, name)];
        return places.FirstOrDefault(place => File.Exists(Path.Combine(place, Bundle.ManifestName)))
            ?? throw new DalleBundleException(ModelPath, $"the pipeline was saved with a model that is in none of these folders: {string.Join(", ", places)}. Copy it to one of them.");
    }
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SavedGeneration))]
internal sealed partial class SavedGenerationContext : JsonSerializerContext;
