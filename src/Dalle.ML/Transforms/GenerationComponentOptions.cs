using System.Text.Json.Serialization;

namespace Dalle.ML.Transforms;

/// <summary>Options shared by components that generate images or image tokens.</summary>
public abstract record GenerationComponentOptions : SeededComponentOptions
{
    private protected GenerationComponentOptions()
    {
    }

    /// <summary>How images are generated.</summary>
    public GenerationOptions Generation { get; init; } = new();

    /// <summary>Receives a report at each token, or step of a diffusion network. Not saved with the pipeline.</summary>
    [JsonIgnore]
    public IProgress<GenerationProgress>? Progress { get; init; }

    internal int CandidatesOf(DalleModelInfo model) => Generation.Candidates ?? model.Defaults.Candidates!.Value;
}
