using Dalle.ML.Bundles;
using Dalle.ML.Engine;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Dalle.ML.Transforms.Saving;
using Microsoft.ML;
using Microsoft.ML.Data;

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
        var bundle = _folder.CopyOf(TinyModel.Path, "relative");
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

    [Theory]
    [InlineData("/srv/app/models/emoji-32")]
    [InlineData(@"C:\app\models\emoji-32")]
    public void A_built_in_model_of_an_earlier_version_is_named_with_where_it_is_to_be_had(string path)
    {
        var bundle = _folder.CopyOf(TinyModel.Path, "earlier");
        File.AppendAllText(Path.Combine(bundle, Bundle.ManifestName), "   ");
        var saved = new SavedModel { IsBuiltIn = true, Path = path, Hash = Bundle.HashOf(bundle) };

        var error = Assert.Throws<DalleBundleException>(() => saved.Find());
        string[] due = ["'emoji-32'", "an earlier version", $"'{Path.GetFileName(DalleModel.DefaultPath)}'", "docs/models.md", "models/emoji-32", "DALLE_MODELS", "DalleModel.Register", saved.Hash];
        Assert.All(due, words => Assert.Contains(words, error.Message, StringComparison.Ordinal));

        DalleModel.Register(bundle);
        Assert.Equal(bundle, saved.Find());
    }

    [Fact]
    public void LoadDalle_refuses_a_moved_or_altered_model_when_it_loads()
    {
        var (pipeline, bundle, _) = Save("altered");
        var weights = Path.Combine(bundle, "clip_text.weights");
        var bytes = File.ReadAllBytes(weights);
        File.WriteAllBytes(weights, [.. bytes[..^1], (byte)~bytes[^1]]);
        Assert.Contains("'clip_text.weights'", Assert.Throws<DalleBundleException>(Load).Message, StringComparison.Ordinal);
        File.WriteAllBytes(weights, bytes);
        Load();
        File.AppendAllText(Path.Combine(bundle, Bundle.ManifestName), " ");
        Assert.Contains("Restore the old model", Assert.Throws<DalleBundleException>(Load).Message, StringComparison.Ordinal);
        Directory.Move(bundle, bundle + "-moved");
        var moved = Assert.Throws<DalleBundleException>(Load);
        Assert.Equal(bundle, moved.BundlePath);
        Assert.Contains("DalleModel.Register", moved.Message, StringComparison.Ordinal);

        // ML.NET tells a mapping nothing of the file when it loads it: plain Load cannot know, and WithDalle does.
        var loaded = _ml.Model.Load(pipeline, out var schema);
        Assert.Equal(moved.Message, Assert.Throws<DalleBundleException>(() => loaded.WithDalle(_ml, schema)).Message);

        void Load()
        {
            using var restored = (IDisposable)_ml.Model.LoadDalle(pipeline, out _);
        }
    }

    [Fact]
    public void A_pipeline_that_cannot_be_restored_holds_no_model()
    {
        var (first, second) = (_folder.CopyOf(TinyModel.Path, "first"), _folder.CopyOf(TinyModel.Path, "second"));
        var data = _ml.Data.LoadFromEnumerable(_rows);
        var path = Path.Combine(_folder.Path, "two.zip");
        using (var fitted = _ml.Transforms.ClipEmbedText("A", "Prompt", modelPath: first).Append(_ml.Transforms.ClipEmbedText("B", "Prompt", modelPath: second)).Fit(data))
            _ml.Model.Save(fitted, data.Schema, path);
        File.Delete(Path.Combine(second, "clip_text.onnx"));
        Assert.Throws<DalleBundleException>(() => _ml.Model.LoadDalle(path, out _));
        Assert.False(EngineHandle.IsOpen(first));
    }

    [Fact]
    public void Components_are_restored_wherever_they_are_in_a_pipeline_and_the_other_steps_kept()
    {
        var data = _ml.Data.LoadFromEnumerable(_rows);
        var inner = _ml.Transforms.CopyColumns("Text", "Prompt").Append(_ml.Transforms.ClipEmbedText("A", "Text", modelPath: TinyModel.Path));
        var pipeline = inner.Append(_ml.Transforms.ClipEmbedText("B", "Text", modelPath: TinyModel.Path).Append(_ml.Transforms.Concatenate("Features", "A", "B")));
        var path = Path.Combine(_folder.Path, "nested.zip");
        using var fitted = pipeline.Fit(data);
        _ml.Model.Save(fitted, data.Schema, path);
        using var restored = (IDisposable)_ml.Model.LoadDalle(path, out _);
        Assert.Equal(2, Steps((ITransformer)restored).OfType<ClipEmbedTextTransformer>().Count());
        Assert.Equal(ColumnText.Of(fitted.Transform(data), "Features"), ColumnText.Of(((ITransformer)restored).Transform(data), "Features"));

        // What has no component of ours is what it was.
        var plain = _ml.Transforms.CopyColumns("Text", "Prompt").Fit(data);
        Assert.Same(plain, plain.WithDalle(_ml, data.Schema));

        static IEnumerable<ITransformer> Steps(ITransformer step) => step is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [step];
    }

    [Fact]
    public void WithDalle_refuses_data_that_a_component_cannot_take()
    {
        var (pipeline, bundle, _) = Save("refusing");
        var loaded = _ml.Model.Load(pipeline, out _);
        var other = _ml.Transforms.CopyColumns("Prompt", "RowSeed").Fit(_ml.Data.LoadFromEnumerable(_rows)).Transform(_ml.Data.LoadFromEnumerable(_rows));
        Assert.Contains("'Prompt'", Assert.Throws<ArgumentOutOfRangeException>(() => loaded.WithDalle(_ml, other.Schema)).Message, StringComparison.Ordinal);
        Assert.False(EngineHandle.IsOpen(bundle));
        Assert.Throws<ArgumentNullException>(() => loaded.WithDalle(null!, other.Schema));
        Assert.Throws<ArgumentNullException>(() => DalleCatalog.WithDalle(null!, _ml, other.Schema));
        Assert.Throws<ArgumentNullException>(() => DalleCatalog.LoadDalle(null!, pipeline, out _));
    }

    [Fact]
    public void Columns_of_images_that_ML_NET_does_not_save_are_no_hindrance()
    {
        using var image = MLImage.CreateFromPixels(8, 8, MLPixelFormat.Bgra32, [.. Enumerable.Repeat((byte)200, 256)]);
        var data = _ml.Data.LoadFromEnumerable([new ImageRow { Picture = image, Sized = image }]);
        var path = Path.Combine(_folder.Path, "images.zip");
        using var fitted = _ml.Transforms.ClipEmbedImage("A", "Picture", modelPath: TinyModel.Path)
            .Append(_ml.Transforms.ResizeImages("Small", 4, 4, "Sized")).Append(_ml.Transforms.ClipEmbedImage("B", "Small", modelPath: TinyModel.Path)).Fit(data);
        _ml.Model.Save(fitted, data.Schema, path);
        var loaded = _ml.Model.Load(path, out var schema);
        Assert.DoesNotContain(schema, column => column.Type is Microsoft.ML.Transforms.Image.ImageDataViewType);
        using var restored = (IDisposable)loaded.WithDalle(_ml, schema);
        foreach (var column in new[] { "A", "B" })
            Assert.Equal(ColumnText.Of(fitted.Transform(data), column), ColumnText.Of(((ITransformer)restored).Transform(data), column));
    }

    [Fact]
    public void A_model_given_to_many_components_is_loaded_once_and_stays_its_owners()
    {
        var data = _ml.Data.LoadFromEnumerable(_rows);
        using var model = DalleModel.Load(_folder.CopyOf(TinyModel.Path, "shared"));

        // Once it is loaded, nobody needs its files any more: whoever loaded it again would miss them.
        _ = model.EmbedText("a cat");
        Directory.Delete(model.Info.Path, recursive: true);
        var pipeline = _ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", Model = model })
            .Append(_ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", OutputColumnName = "Again", Model = model }));
        using (var fitted = pipeline.Fit(data))
            Assert.Equal(ColumnText.Of(fitted.Transform(data), "Embedding"), ColumnText.Of(fitted.Transform(data), "Again"));
        Assert.Equal(model.Info.EmbeddingDimension, model.EmbedText("two foxes").Length);
    }

    private (string Pipeline, string Bundle, string[] Expected) Save(string name)
    {
        // Each test has a model of its own.
        var bundle = _folder.CopyOf(TinyModel.Path, name);
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

    private sealed class ImageRow
    {
        public string Name { get; set; } = "";

        [MLImageType]
        public MLImage? Picture { get; set; }

        [Microsoft.ML.Transforms.Image.ImageType(8, 8)]
        public MLImage? Sized { get; set; }
    }
}
