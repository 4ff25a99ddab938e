using Microsoft.ML;
using Microsoft.ML.Data;
using Standins.Tests.Core.ThirdParty;

namespace Standins.Tests.Core;

public class PredictionEngineTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class Answer
    {
        public string Loud { get; set; } = "";

        public int Number { get; set; }
    }

    public sealed class AnswerWithMore
    {
        public string Loud { get; set; } = "";

        public string More { get; set; } = "untouched";
    }

    public sealed class Echo
    {
        public string Text { get; set; } = "";
    }

    public sealed class Numbers
    {
        public float[] Values { get; set; } = [];
    }

    public sealed class Doubled
    {
        [VectorType(4)]
        public float[] Twice { get; set; } = [];
    }

    [Fact]
    public void Each_example_has_its_own_prediction()
    {
        using var engine = _ml.Model.CreatePredictionEngine<TextRow, Answer>(Model());

        Assert.Equal("A", engine.Predict(new TextRow { Text = "a" }).Loud);
        var answer = new Answer();
        var same = answer;
        engine.Predict(new TextRow { Text = "b", Number = 5 }, ref answer);
        Assert.Same(same, answer);
        Assert.Equal(("B", 5), (answer.Loud, answer.Number));
        Assert.NotNull(engine.OutputSchema.GetColumnOrNull("Loud"));
    }

    [Fact]
    public void Only_what_the_answer_asks_for_is_computed()
    {
        var calls = 0;
        var model = _ml.Transforms.CustomMapping<TextRow, Answer>((_, _) => calls++, null).Fit(Samples.View(_ml));
        using var engine = _ml.Model.CreatePredictionEngine<TextRow, Echo>(model);

        Assert.Equal("x", engine.Predict(new TextRow { Text = "x" }).Text);
        Assert.Equal(0, calls);
    }

    [Fact]
    public void Missing_columns_are_ignored_unless_they_may_not_be()
    {
        using var engine = _ml.Model.CreatePredictionEngine<TextRow, AnswerWithMore>(Model());
        Assert.Equal("untouched", engine.Predict(new TextRow()).More);
        Expect.SchemaMismatch(() => _ml.Model.CreatePredictionEngine<TextRow, AnswerWithMore>(Model(), ignoreMissingColumns: false));
        Expect.SchemaMismatch(() => _ml.Model.CreatePredictionEngine<TextRow, AnswerWithMore>(
            Model(), new PredictionEngineOptions { IgnoreMissingColumns = false }));
    }

    [Fact]
    public void An_example_that_lacks_an_input_is_an_error() =>
        Expect.SchemaMismatch(() => _ml.Model.CreatePredictionEngine<Numbers, Answer>(Model()));

    [Fact]
    public void A_schema_gives_vectors_their_sizes()
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Values", new VectorDataViewType(NumberDataViewType.Single, 2));
        var schema = builder.ToSchema();
        var data = new EmptyView(schema);
        var model = _ml.Transforms.Concatenate("Twice", "Values", "Values").Fit(data);
        using var engine = _ml.Model.CreatePredictionEngine<Numbers, Doubled>(model, schema);

        Assert.Equal(4, ((VectorDataViewType)engine.OutputSchema["Twice"].Type).Size);
        Assert.Equal([1, 2, 1, 2], engine.Predict(new Numbers { Values = [1, 2] }).Twice);
    }

    [Fact]
    public void Several_engines_work_on_one_model()
    {
        var model = Model();
        Parallel.For(0, 8, i =>
        {
            var engine = _ml.Model.CreatePredictionEngine<TextRow, Answer>(model, new PredictionEngineOptions { OwnsTransformer = false });
            for (var n = 0; n < 50; n++)
                Assert.Equal($"T{i}.{n}", engine.Predict(new TextRow { Text = $"t{i}.{n}" }).Loud);
            engine.Dispose();
        });
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void The_engine_disposes_the_transformer_that_it_owns(bool owns, int disposals)
    {
        var member = new DisposableTransformer();
        var model = new TransformerChain<ITransformer>(member);
        var engine = _ml.Model.CreatePredictionEngine<TextRow, TextRow>(model, new PredictionEngineOptions { OwnsTransformer = owns });
        engine.Dispose();
        engine.Dispose();
        Assert.Equal(disposals, member.Disposals);
    }

    private ShoutTransformer Model() => new ShoutEstimator(_ml, "Loud", "Text").Fit(Samples.View(_ml));
}
