using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>Who disposes images and models in ML.NET's pipelines: components neither leak them nor dispose those of others.</summary>
public sealed class OwnershipTests(Drawings drawings)
{
    private readonly MLContext _ml = new(seed: 1);

    /// <summary>Components give such getters the image of the row before, and dispose none themselves.</summary>
    [Theory]
    [InlineData("Picture")]
    [InlineData("Small")]
    [InlineData("Gray")]
    public void Getters_of_loaded_and_resized_images_dispose_the_image_that_they_are_given(string column)
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.ResizeImages("Small", 8, 8, "Picture").Append(_ml.Transforms.ConvertToGrayscale("Gray", "Small"));
        var view = pipeline.Fit(data).Transform(data);
        using var cursor = view.GetRowCursor([view.Schema[column]]);
        var getter = cursor.GetGetter<MLImage>(view.Schema[column]);
        MLImage image = null!;
        Assert.True(cursor.MoveNext());
        getter(ref image);
        var first = image;
        Assert.NotEqual(0, first.Pixels.Length);
        Assert.True(cursor.MoveNext());
        getter(ref image);
        Assert.NotSame(first, image);
        Assert.Throws<InvalidOperationException>(() => first.Pixels.Length);
        image.Dispose();
    }

    [Fact]
    public void A_chain_frees_the_models_of_its_components_inner_chains_included()
    {
        var data = _ml.Data.LoadFromEnumerable(drawings.Rows);
        var inner = _ml.Transforms.CopyColumns("Text", "Prompt").Append(_ml.Transforms.ClipEmbedText("Embedding", "Text"));
        var model = _ml.Transforms.CopyColumns("Again", "Prompt").Append(inner).Fit(data);
        var view = model.Transform(data);
        Assert.Equal(drawings.Rows.Length, view.GetColumn<float[]>("Embedding").Count());
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => view.GetColumn<float[]>("Embedding").Count());
    }

    [Fact]
    public void A_prediction_engine_frees_the_models_that_it_owns()
    {
        var data = _ml.Data.LoadFromEnumerable(drawings.Rows);
        var model = _ml.Transforms.CopyColumns("Text", "Prompt").Append(_ml.Transforms.ClipEmbedText("Embedding", "Text")).Fit(data);
        var view = model.Transform(data);
        using (var sharing = _ml.Model.CreatePredictionEngine<Drawing, Embedded>(model, new PredictionEngineOptions { OwnsTransformer = false }))
            Assert.Equal(192, sharing.Predict(drawings.Rows[0]).Embedding.Length);
        Assert.Equal(drawings.Rows.Length, view.GetColumn<float[]>("Embedding").Count());
        using (var owning = _ml.Model.CreatePredictionEngine<Drawing, Embedded>(model))
            Assert.Equal(192, owning.Predict(drawings.Rows[0]).Embedding.Length);
        Assert.Throws<ObjectDisposedException>(() => view.GetColumn<float[]>("Embedding").Count());
    }

    /// <summary>Engines give a getter the image of the prediction before, which ML.NET's getters dispose and components leave to its owner.</summary>
    [Fact]
    public void Generated_images_of_objects_are_the_callers()
    {
        var data = _ml.Data.LoadFromEnumerable(drawings.Rows);
        var options = new DalleGenerateEstimator.Options { InputColumnName = "Prompt", Generation = new() { Candidates = 1 } };
        var model = _ml.Transforms.CopyColumns("Text", "Prompt").Append(_ml.Transforms.DalleGenerate(options)).Fit(data);
        var (first, second) = (new Generated(), new Generated());
        using var engine = _ml.Model.CreatePredictionEngine<Drawing, Generated>(model);
        engine.Predict(drawings.Rows[0], ref first);
        engine.Predict(drawings.Rows[^1], ref second);
        AssertApart(first, second);
        var generated = model.Transform(_ml.Data.LoadFromEnumerable([drawings.Rows[0], drawings.Rows[^1]]));
        AssertApart(_ml.Data.CreateEnumerable<Generated>(generated, reuseRowObject: false).ToArray());
    }

    private static void AssertApart(params Generated[] rows)
    {
        Assert.NotEqual(rows[0].Image!.Pixels.ToArray(), rows[1].Image!.Pixels.ToArray());
        foreach (var row in rows)
            row.Image!.Dispose();
    }

    private sealed class Embedded
    {
        public float[] Embedding { get; set; } = [];
    }

    private sealed class Generated
    {
        [MLImageType]
        public MLImage? Image { get; set; }
    }
}
