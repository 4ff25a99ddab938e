using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>What ML.NET expects of every estimator and transformer, and users of every component here.</summary>
public abstract class ComponentContract<TTransformer> : IDisposable
    where TTransformer : ComponentTransformer
{
    private readonly TemporaryFolder _folder = new();

    protected ComponentContract()
    {
        (int Width, int Height)[] sizes = [(64, 64), (100, 70), (40, 90), (64, 64)];
        Rows = [.. Enumerable.Range(0, Prompts.Length).Select(row => new PipelineRow
        {
            Prompt = Prompts[row],
            RowSeed = (ulong)row + 40,
            File = SavePicture(row, sizes[row].Width, sizes[row].Height),
            Codes = [.. Enumerable.Range(0, 64).Select(i => (i * 37 + row * 11) % 2048)],
            PromptCodes = [.. Enumerable.Range(0, 24).Select(i => (i * 17 + row) % 1000)],
            Pixels = [.. Enumerable.Range(0, 3 * 64 * 64 * 4).Select(i => i % 4 == 3 ? byte.MaxValue : (byte)(i / 97 * (row + 1)))],
        })];
    }

    protected static string[] Prompts { get; } = ["a red heart", "a cat", "three bananas", "two foxes"];

    protected MLContext ML { get; } = new(seed: 1);

    protected PipelineRow[] Rows { get; }

    /// <summary>The component's options, with the columns of <see cref="PipelineRow"/> and "Picture" as inputs.</summary>
    protected abstract ComponentOptions Options { get; }

    /// <summary>Names and types of the columns that it reads.</summary>
    protected abstract string[] Inputs { get; }

    /// <summary>Names and types of the columns that it makes.</summary>
    protected abstract string[] Outputs { get; }

    /// <summary>What the columns that it makes are annotated with.</summary>
    protected virtual string[] Annotations => [];

    /// <summary>A row that it fails on; null if there is none.</summary>
    protected virtual PipelineRow? Broken => null;

    private IEnumerable<string> OutputNames => Outputs.Select(output => output.Split(':')[0]);

    private bool ReadsPictures => Inputs.Contains("Picture");

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected abstract ComponentEstimator<TTransformer> Create(ComponentOptions options);

    /// <summary>The rows with their pictures loaded.</summary>
    protected IDataView Load(params IEnumerable<PipelineRow> rows)
    {
        var data = ML.Data.LoadFromEnumerable(rows);
        return Pictures.Fit(data).Transform(data);
    }

    protected IEstimator<ITransformer> Pictures => ML.Transforms.LoadImages("Picture", _folder.Path, "File");

    /// <summary>What the component makes of the rows, a line a row.</summary>
    protected string[] Run(ComponentOptions options, params IEnumerable<PipelineRow> rows)
    {
        using var transformer = Create(options).Fit(Load(Rows));
        return Read(transformer.Transform(Load(rows)));
    }

    private string[] Read(IDataView view)
    {
        var columns = OutputNames.Select(name => ColumnText.Of(view, name)).ToArray();
        return [.. Enumerable.Range(0, columns[0].Length).Select(row => string.Join(' ', columns.Select(column => column[row])))];
    }

    [Fact]
    public void Schemas_of_estimator_transformer_mapper_and_view_agree()
    {
        var data = Load(Rows);
        var estimator = Create(Options);
        using var transformer = estimator.Fit(data);
        var schema = transformer.GetOutputSchema(data.Schema);
        Assert.Equal(Outputs, Types(schema).Except(Types(data.Schema)));
        Assert.Equal(Types(schema), Types(transformer.Transform(data).Schema));
        var shape = estimator.GetOutputSchema(ShapeOfData());
        Assert.Equal(schema.Where(column => !column.IsHidden).Select(column => column.Name).Order(), shape.Select(column => column.Name).Order());
        foreach (var column in schema)
        {
            var shaped = shape.Single(candidate => candidate.Name == column.Name);
            Assert.Equal(column.Type is VectorDataViewType vector ? vector.ItemType : column.Type, shaped.ItemType);
            var kind = column.Type is not VectorDataViewType { IsKnownSize: var isKnown } ? SchemaShape.Column.VectorKind.Scalar
                : isKnown ? SchemaShape.Column.VectorKind.Vector
                : SchemaShape.Column.VectorKind.VariableVector;
            Assert.Equal(kind, shaped.Kind);
        }
        var mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        Assert.Same(data.Schema, mapper.InputSchema);
        Assert.Equal(Types(schema), Types(mapper.OutputSchema));
        Assert.Equal(Inputs.Order(), mapper.GetDependencies([mapper.OutputSchema[OutputNames.First()]]).Select(column => column.Name).Order());
        Assert.Equal(["RowSeed"], mapper.GetDependencies([mapper.OutputSchema["RowSeed"]]).Select(column => column.Name));
    }

    [Fact]
    public void Scores_and_candidates_are_annotated()
    {
        var data = Load(Rows);
        using var transformer = Create(Options).Fit(data);
        Assert.Equal(Annotations, AnnotationsOf(transformer.GetOutputSchema(data.Schema)));
        Assert.Equal(Annotations, AnnotationsOf(transformer.Transform(data).Schema));
        Assert.Equal(Annotations, AnnotationsOf(((ITransformer)transformer).GetRowToRowMapper(data.Schema).OutputSchema));

        IEnumerable<string> AnnotationsOf(DataViewSchema schema) => OutputNames.SelectMany(name => ColumnText.OfAnnotations(schema[name]));
    }

    [Fact]
    public void Nothing_is_done_before_it_is_read_and_a_reader_can_be_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        using var transformer = Create(Options with { CancellationToken = cancelled.Token }).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        Assert.Equal(Prompts, view.GetColumn<string>("Prompt"));
        using var cursor = view.GetRowCursor(view.Schema);
        while (cursor.MoveNext())
            Assert.All(OutputNames, name => Assert.True(cursor.IsColumnActive(view.Schema[name])));
        Assert.ThrowsAny<OperationCanceledException>(() => Read(view));
    }

    [Fact]
    public void A_set_of_cursors_covers_all_rows_once()
    {
        using var transformer = Create(Options).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        var found = new List<string>();
        foreach (var cursor in view.GetRowCursorSet(view.Schema, 4))
        {
            using (cursor)
            {
                var columns = OutputNames.Select(name => ColumnText.Reader(cursor, view.Schema[name])).ToArray();
                while (cursor.MoveNext())
                    found.Add(string.Join(' ', columns.Select(read => read())));
            }
        }
        Assert.Equal(Read(view).Order(), found.Order());
    }

    [Fact]
    public void A_getter_of_another_type_or_an_inactive_column_is_refused()
    {
        using var transformer = Create(Options).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        var output = view.Schema[OutputNames.First()];
        using var cursor = view.GetRowCursor([output]);
        Assert.False(cursor.IsColumnActive(view.Schema["Prompt"]));
        Assert.ThrowsAny<InvalidOperationException>(() => cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema["Prompt"]));
        Assert.ThrowsAny<InvalidOperationException>(() => cursor.GetGetter<double>(output));
    }

    [Fact]
    public void A_missing_input_column_and_one_of_another_type_are_refused_by_name()
    {
        var estimator = Create(Options);
        using var fitted = estimator.Fit(Load(Rows));
        foreach (var input in Inputs)
        {
            IEstimator<ITransformer>[] faults =
            [
                ML.Transforms.DropColumns(input),
                ML.Transforms.CopyColumns(input, input == "Prompt" ? "RowSeed" : "Prompt"),
                ML.Transforms.CopyColumns(input, input == "Codes" ? "Pixels" : "Codes"),
            ];
            foreach (var fault in faults)
            {
                var data = fault.Fit(Load(Rows)).Transform(Load(Rows));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => estimator.Fit(data)));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => fitted.Transform(data)));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => estimator.GetOutputSchema(fault.GetOutputSchema(ShapeOfData()))));
            }
        }

        static void AssertNames(string column, Exception exception) => Assert.Contains($"'{column}'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prediction_engine_gives_what_the_view_gives()
    {
        var expected = Run(Options, Rows);
        var data = ML.Data.LoadFromEnumerable(Rows);
        var pipeline = Pictures.Append(Create(Options)).Fit(data);
        using var engine = ML.Model.CreatePredictionEngine<PipelineRow, Prediction>(pipeline);
        Assert.Equal(expected, Rows.Select(row => engine.Predict(row).Text(OutputNames)));
    }

    [Fact]
    public void Threads_give_what_one_gives()
    {
        var data = ML.Data.LoadFromEnumerable(Rows);
        var pipeline = Pictures.Append(Create(Options)).Fit(data);
        var expected = Read(pipeline.Transform(data));
        var path = Save(pipeline, data);
        var loaded = ML.Model.Load(path, out _);
        var all = new string[6][];
        Parallel.For(0, all.Length, i =>
        {
            using var engine = ML.Model.CreatePredictionEngine<PipelineRow, Prediction>(i % 2 == 0 ? pipeline : loaded, new PredictionEngineOptions { OwnsTransformer = false });
            all[i] = i < 2 ? Read(pipeline.Transform(data)) : i < 4 ? Read(loaded.Transform(data)) : [.. Rows.Select(row => engine.Predict(row).Text(OutputNames))];
        });
        Assert.All(all, values => Assert.Equal(expected, values));
        pipeline.Dispose();
    }

    [Fact]
    public void Disposing_frees_the_model_and_may_be_repeated()
    {
        var transformer = Create(Options).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        transformer.Dispose();
        transformer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Read(view));
    }

    /// <summary>Columns, types and values, that is; ML.NET does not save the annotations that third parties give.</summary>
    [Fact]
    public async Task A_saved_pipeline_gives_the_same_in_a_fresh_process()
    {
        var data = ML.Data.LoadFromEnumerable(Rows);
        ITransformer pipeline = ReadsPictures ? Pictures.Append(Create(Options)).Fit(data) : Create(Options).Fit(data);
        var original = pipeline.Transform(data);
        var path = Save(pipeline, data);
        var reloaded = new MLContext().Model.Load(path, out _).Transform(data);
        Assert.Equal(Types(original.Schema), Types(reloaded.Schema));
        Assert.Equal(Read(original), Read(reloaded));
        Assert.Equal(Read(original), await PipelineProcess.RunAsync(path, Rows, OutputNames));
    }

    [Fact]
    public void Pictures_of_a_stated_size_are_read_before_and_after_saving()
    {
        Assert.SkipUnless(ReadsPictures, "It reads no pictures.");
        var data = ML.Data.LoadFromEnumerable(Rows);
        var pipeline = Pictures.Append(ML.Transforms.ResizeImages("Picture", imageWidth: 48, imageHeight: 56)).Append(Create(Options)).Fit(data);
        var original = pipeline.Transform(data);
        var reloaded = new MLContext().Model.Load(Save(pipeline, data), out _).Transform(data);
        Assert.Equal(Types(original.Schema), Types(reloaded.Schema));
        Assert.Equal(Read(original), Read(reloaded));
        Assert.NotEqual(Run(Options, Rows), Read(original));
    }

    [Fact]
    public void A_row_that_fails_is_named_or_missing_and_the_others_are_unaffected()
    {
        Assert.SkipWhen(Broken is null, "It takes any row.");
        var broken = Broken!;
        PipelineRow[] rows = [Rows[0], broken, Rows[1], Rows[2]];
        var expected = Run(Options, Rows[..3]);
        using var strict = Create(Options).Fit(Load(Rows));
        var view = strict.Transform(Load(rows));
        using (var cursor = view.GetRowCursor(view.Schema))
        {
            var read = OutputNames.Select(name => ColumnText.Reader(cursor, view.Schema[name])).ToArray();
            for (var row = 0; row < rows.Length; row++)
            {
                Assert.True(cursor.MoveNext());
                if (row != 1)
                {
                    Assert.Equal(expected[row == 0 ? 0 : row - 1], string.Join(' ', read.Select(value => value())));
                    continue;
                }
                var failure = Assert.Throws<InvalidOperationException>(() => read[0]());
                Assert.Contains("Row 1", failure.Message, StringComparison.Ordinal);
                if (Inputs.Contains("Prompt"))
                    Assert.Contains($"'{broken.Prompt}'", failure.Message, StringComparison.Ordinal);
            }
        }

        var data = ML.Data.LoadFromEnumerable(rows);
        var pipeline = Pictures.Append(Create(Options with { ErrorColumnName = "Error" })).Fit(data);
        var lenient = pipeline.Transform(data);
        var reloaded = ML.Model.Load(Save(pipeline, data), out _).Transform(data);
        Assert.Equal(Types(lenient.Schema), Types(reloaded.Schema));
        foreach (var result in new[] { lenient, reloaded })
        {
            var values = Read(result);
            Assert.Equal(expected, new[] { values[0], values[2], values[3] });
            Assert.Equal([false, true, false, false], ColumnText.Of(result, "Error").Select(error => error.Length > 0));
            foreach (var column in OutputNames.Select(name => result.Schema[name]))
                AssertMissing(ColumnText.Of(result, column.Name)[1], column.Type);
        }

        static void AssertMissing(string value, DataViewType type)
        {
            var size = type is VectorDataViewType vector ? vector.Size : 1;
            Assert.Contains(value, new[] { "none", "0", "NaN", "-1" }.Select(item => string.Join(',', Enumerable.Repeat(item, size))));
        }
    }

    private string Save(ITransformer pipeline, IDataView data)
    {
        var path = Path.Combine(_folder.Path, $"{Guid.NewGuid()}.zip");
        ML.Model.Save(pipeline, data.Schema, path);
        return path;
    }

    /// <summary>A shape can be had from an estimator only: of a mapping to such rows, with pictures loaded.</summary>
    private SchemaShape ShapeOfData() =>
        Pictures.GetOutputSchema(ML.Transforms.CustomMapping<Nothing, PipelineRow>((_, _) => { }, null).GetOutputSchema(new SchemaShape([])));

    private static IEnumerable<string> Types(DataViewSchema schema) => schema.Where(column => !column.IsHidden).Select(column => $"{column.Name}: {column.Type}");

    private string SavePicture(int row, int width, int height)
    {
        var pixels = new byte[width * height * 4];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i % 4 == 3 ? byte.MaxValue : (byte)(i / 4 % width * (3 + row) + i / 4 / width * (i % 4 + 1));
        using var image = MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels);
        var name = $"{row}.png";
        image.Save(Path.Combine(_folder.Path, name));
        return name;
    }

    private sealed class Nothing;
}
