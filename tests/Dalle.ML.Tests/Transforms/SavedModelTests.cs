using Dalle.ML.Models;
using Dalle.ML.PipelineHost;
using Microsoft.ML;

namespace Dalle.ML.Tests.Transforms;

/// <summary>How a saved pipeline finds its model again.</summary>
public sealed class SavedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);
    private readonly PipelineRow[] _rows = [new() { Prompt = "a cat" }, new() { Prompt = "a red heart" }];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_is_found_in_a_folder_of_the_environment()
    {
        var (pipeline, bundle, expected) = Save("elsewhere");
        var models = Directory.CreateDirectory(Path.Combine(_folder.Path, "models")).FullName;
        Directory.Move(bundle, Path.Combine(models, "elsewhere"));
        foreach (var folder in new[] { models, Path.Combine(models, "elsewhere") })
            Assert.Equal(expected, await PipelineProcess.RunAsync(pipeline, _rows, ["Embedding"], ("DALLE_MODELS", $"/no/such/folder{Path.PathSeparator}{folder}")));
    }

    [Fact]
    public async Task It_is_found_by_the_relative_path_that_it_was_given_by()
    {
        var bundle = _folder.CopyOf(DalleModel.DefaultPath, "relative");
        var (pipeline, _, expected) = Save(bundle: bundle, modelPath: Path.GetRelativePath(Environment.CurrentDirectory, bundle));
        Directory.Move(bundle, bundle + "-moved");
        var there = Directory.CreateDirectory(Path.Combine(_folder.Path, "a", "b")).FullName;
        var given = Path.GetFullPath(Path.GetRelativePath(Environment.CurrentDirectory, bundle), there);
        Directory.CreateDirectory(Path.GetDirectoryName(given)!);
        try
        {
            Directory.Move(bundle + "-moved", given);
            Assert.Equal(expected, await PipelineProcess.RunInAsync(there, pipeline, _rows, ["Embedding"]));
        }
        finally
        {
            Directory.Delete(given, recursive: true);
        }
    }

    [Fact]
    public void It_is_found_where_it_is_registered()
    {
        var (pipeline, bundle, expected) = Save("registered");

        // A model of its own, as others may be registered by other tests.
        Directory.Move(bundle, bundle + "-moved");
        DalleModel.Register(bundle + "-moved");
        Assert.Equal(expected, ColumnText.Of(_ml.Model.Load(pipeline, out _).Transform(_ml.Data.LoadFromEnumerable(_rows)), "Embedding"));
        Assert.Throws<DalleBundleException>(() => DalleModel.Register(_folder.Path));
    }

    [Fact]
    public async Task Another_model_in_its_place_is_passed_over_for_the_right_one()
    {
        var (pipeline, bundle, expected) = Save("changed");
        var right = Directory.CreateDirectory(Path.Combine(_folder.Path, "right")).FullName;
        _folder.CopyOf(bundle, Path.Combine("right", "changed"));
        File.AppendAllText(Path.Combine(bundle, Bundle.ManifestName), " ");
        Assert.Equal(expected, await PipelineProcess.RunAsync(pipeline, _rows, ["Embedding"], ("DALLE_MODELS", right)));
    }

    [Fact]
    public void A_changed_model_is_refused_with_both_hashes_and_a_lost_one_with_all_places()
    {
        var (pipeline, bundle, _) = Save("lost");
        var hash = Bundle.HashOf(bundle);
        File.AppendAllText(Path.Combine(bundle, Bundle.ManifestName), " ");
        var changed = Refusal();
        Assert.Contains(hash, changed.Message, StringComparison.Ordinal);
        Assert.Contains(Bundle.HashOf(bundle), changed.Message, StringComparison.Ordinal);

        Directory.Delete(bundle, recursive: true);
        var lost = Refusal();
        foreach (var words in new[] { hash, bundle, "DALLE_MODELS", "DalleModel.Register", Path.Combine(AppContext.BaseDirectory, "models", "lost") })
            Assert.Contains(words, lost.Message, StringComparison.Ordinal);

        // ML.NET may read in threads of its own and wrap what is thrown there.
        DalleBundleException Refusal()
        {
            var error = Record.Exception(() => ColumnText.Of(_ml.Model.Load(pipeline, out _).Transform(_ml.Data.LoadFromEnumerable(_rows)), "Embedding"));
            while (error is not null and not DalleBundleException)
                error = error.InnerException;
            return Assert.IsType<DalleBundleException>(error);
        }
    }

    [Fact]
    public void A_model_given_to_many_components_is_loaded_once_and_stays_its_owners()
    {
        var data = _ml.Data.LoadFromEnumerable(_rows);
        using var model = DalleModel.Load(_folder.CopyOf(DalleModel.DefaultPath, "shared"));

        // Once it is loaded, nobody needs its files any more: whoever loaded it again would miss them.
        _ = model.EmbedText("a cat");
        Directory.Delete(model.Info.Path, recursive: true);
        var pipeline = _ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", Model = model })
            .Append(_ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", OutputColumnName = "Again", Model = model }));
        using (var fitted = pipeline.Fit(data))
            Assert.Equal(ColumnText.Of(fitted.Transform(data), "Embedding"), ColumnText.Of(fitted.Transform(data), "Again"));
        Assert.Equal(model.Info.EmbeddingLength, model.EmbedText("two foxes").Length);
    }

    private (string Pipeline, string Bundle, string[] Expected) Save(string name)
    {
        // Each test has a model of its own.
        var bundle = _folder.CopyOf(DalleModel.DefaultPath, name);
        File.AppendAllText(Path.Combine(bundle, Bundle.ManifestName), string.Concat(Enumerable.Repeat("\n", name.Length)));
        return Save(bundle, bundle);
    }

    private (string Pipeline, string Bundle, string[] Expected) Save(string bundle, string modelPath)
    {
        var data = _ml.Data.LoadFromEnumerable(_rows);
        var pipeline = Path.Combine(_folder.Path, "pipeline.zip");
        using var fitted = _ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", ModelPath = modelPath }).Fit(data);
        _ml.Model.Save(fitted, data.Schema, pipeline);
        return (pipeline, bundle, ColumnText.Of(fitted.Transform(data), "Embedding"));
    }
}
