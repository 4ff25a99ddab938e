using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Hub.Tests;

/// <summary>The names of models in code, where they are looked up by the environment of the process, which is that of all tests.</summary>
[Collection(nameof(NameTests))]
[CollectionDefinition(nameof(NameTests), DisableParallelization = true)]
public sealed class NameTests : HubTest
{
    [Fact]
    public async Task A_pulled_model_is_loaded_by_its_name()
    {
        const string Variable = "DALLE_MODELS";
        var folder = await PullAsync(Mini);
        var before = System.Environment.GetEnvironmentVariable(Variable);
        System.Environment.SetEnvironmentVariable(Variable, Models);
        try
        {
            using var byName = DalleModel.Load(Mini);
            Assert.Equal(Mini, byName.Info.Name);
            var ml = new MLContext(seed: 1);
            var rows = ml.Data.LoadFromEnumerable([new { Prompt = "a cat" }]);
            Assert.Equal(Pixels(folder), Pixels(Mini));

            byte[] Pixels(string path)
            {
                using var model = ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { InputColumnName = "Prompt", ModelPath = path }).Fit(rows);
                using var image = model.Transform(rows).GetColumn<MLImage>("Image").Single();
                return image.Pixels.ToArray();
            }
        }
        finally
        {
            System.Environment.SetEnvironmentVariable(Variable, before);
        }
    }
}
