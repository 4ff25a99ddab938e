using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms;

/// <summary>As <see cref="GenerateMapping"/>, with a column of seeds.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class SeededGenerateMapping : CustomMappingFactory<GenerateMapping.SeededInput, GenerateMapping.Output>
{
    public const string Contract = "Dalle.ML.GenerateSeeded/1";

    public override Action<GenerateMapping.SeededInput, GenerateMapping.Output> GetMapping()
    {
        var models = new SavedModels();
        return (input, output) => models.Generate(input.Prompt, input.InputSeed, input.Options, output);
    }
}
