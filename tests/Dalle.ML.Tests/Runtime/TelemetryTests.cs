using Microsoft.ML;

namespace Dalle.ML.Tests.Runtime;

public sealed class TelemetryTests
{
    [Fact]
    public async Task Nothing_appears_in_the_users_folders()
    {
        using var folder = new TemporaryFolder();
        var pipeline = Path.Combine(folder.Path, "pipeline.zip");
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable([new Row { Prompt = "a cat" }]);
        using (var transformer = ml.Transforms.DalleGenerate(new() { InputColumnName = "Prompt", SeedColumnName = "Seed", ScoreColumnName = "Score" }).Fit(data))
            ml.Model.Save(transformer, data.Schema, pipeline);

        var home = Directory.CreateDirectory(Path.Combine(folder.Path, "home")).FullName;
        string[] places = ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "LOCALAPPDATA", "APPDATA"];
        Assert.Single(await PipelineProcess.RunAsync(pipeline, [new PipelineHost.PipelineRow { Prompt = "a cat" }], ["Image"], [.. places.Select(place => (place, (string?)home)), ("ORT_DISABLE_TELEMETRY", null)]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(home, "*", SearchOption.AllDirectories));
    }

    private sealed class Row
    {
        public string Prompt { get; set; } = "";
    }
}
