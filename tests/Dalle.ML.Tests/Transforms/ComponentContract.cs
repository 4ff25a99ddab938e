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
            OtherPrompt = $"{row} dogs",
            Fraction = row / 4f,
            RowSeed = (ulong)row + 40,
            File = SavePicture(row, sizes[row].Width, sizes[row].Height),
            Codes = [.. Enumerable.Range(0, 64).Select(i => (i * 37 + row * 11) % 2048)],
            PromptCodes = [.. Enumerable.Range(0, 24).Select(i => (i * 17 + row) % 1000)],
            ImageEmbedding = [.. Enumerable.Range(0, 64).Select(i => MathF.Sin(i * (row + 2)))],
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

    protected virtual IEstimator<ITransformer> Pictures => ML.Transforms.LoadImages("Picture", _folder.Path, "File");

    /// <summary>Gives the pictures a size that their columns state.</summary>
    protected virtual IEstimator<ITransformer> Resize(int width, int height) => ML.Transforms.ResizeImages("Picture", width, height);

    /// <summary>What the component makes of the rows, a line a row.</summary>
    protected string[] Run(ComponentOptions options, params IEnumerable<PipelineRow> rows)
    {
        using var transformer = Create(options).Fit(Load(Rows));
        return Read(transformer.Transform(Load(rows)));
    }

    private string[] Read(IDataView view) => ColumnText.Lines(view, OutputNames);

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
            Assert.Equal(AnnotationsOf(column), shaped.Annotations.Select(annotation => $"{annotation.Name}: {annotation.Kind} {annotation.ItemType}").Order());
        }
        var mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        Assert.Same(data.Schema, mapper.InputSchema);
        Assert.Equal(Types(schema), Types(mapper.OutputSchema));
        Assert.Equal(Inputs.Order(), mapper.GetDependencies([mapper.OutputSchema[OutputNames.First()]]).Select(column => column.Name).Order());
        Assert.Equal(["RowSeed"], mapper.GetDependencies([mapper.OutputSchema["RowSeed"]]).Select(column => column.Name));

        // In the words of a shape: kinds and types, neither values nor sizes.
        static IEnumerable<string> AnnotationsOf(DataViewSchema.Column column) => column.Annotations.Schema
            .Select(annotation => annotation.Type is VectorDataViewType vector ? $"{annotation.Name}: Vector {vector.ItemType}" : $"{annotation.Name}: Scalar {annotation.Type}")
            .Order();
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
    public void Sets_of_cursors_and_shuffled_ones_give_each_row_once()
    {
        using var transformer = Create(Options).Fit(Load(Rows));

        // What is in memory can be shuffled. Caching comes before the pictures: it would leave them out.
        var cached = ML.Data.Cache(ML.Data.LoadFromEnumerable(Rows));
        var view = transformer.Transform(ReadsPictures ? Pictures.Fit(cached).Transform(cached) : cached);
        Assert.True(view.CanShuffle);
        var expected = view.GetColumn<string>("Prompt").Zip(Read(view), (prompt, values) => $"{prompt} {values}").Order().ToArray();
        Assert.Equal(expected, ReadAll(view.GetRowCursorSet(view.Schema, 4)));
        Assert.Equal(expected, ReadAll(view.GetRowCursorSet(view.Schema, 4, new Random(3))));
        Assert.Equal(expected, ReadAll(view.GetRowCursor(view.Schema, new Random(5))));

        IEnumerable<string> ReadAll(params DataViewRowCursor[] cursors)
        {
            var found = new List<string>();
            foreach (var cursor in cursors)
            {
                using (cursor)
                {
                    var columns = OutputNames.Prepend("Prompt").Select(name => ColumnText.Reader(cursor, view.Schema[name])).ToArray();
                    for (var row = 0; cursor.MoveNext(); row++)
                    {
                        Assert.Equal(row, cursor.Position);
                        found.Add(string.Join(' ', columns.Select(read => read())));
                    }
                }
            }
            return found.Order();
        }
    }

    [Fact]
    public void A_cursor_has_the_columns_that_it_was_asked_for()
    {
        using var transformer = Create(Options).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        var values = Read(view).Select(row => row.Split(' ')).ToArray();
        var lastOutput = OutputNames.Last();
        Assert.Equal(values.Select(row => row[^1]), ColumnText.Of(view, lastOutput));
        string[] names = [lastOutput, "RowSeed"];
        foreach (var asked in new[] { [], names[..1], names[1..], names })
        {
            using var cursor = view.GetRowCursor(asked.Select(name => view.Schema[name]));
            Assert.Same(view.Schema, cursor.Schema);
            Assert.Equal(asked.Order(), view.Schema.Where(cursor.IsColumnActive).Select(column => column.Name).Order());
            foreach (var column in view.Schema.Where(column => !cursor.IsColumnActive(column)))
                Assert.Contains($"'{column.Name}'", Assert.Throws<InvalidOperationException>(() => ColumnText.Reader(cursor, column)).Message, StringComparison.Ordinal);
            var rows = 0;
            while (cursor.MoveNext())
                rows++;
            Assert.Equal(Rows.Length, rows);
        }
    }

    [Fact]
    public void Getters_of_another_type_and_getters_off_a_row_are_refused()
    {
        using var transformer = Create(Options).Fit(Load(Rows));
        var view = transformer.Transform(Load(Rows));
        using var cursor = view.GetRowCursor(view.Schema);
        foreach (var name in OutputNames.Append("RowSeed"))
            Assert.Contains($"'{name}'", Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<double>(view.Schema[name])).Message, StringComparison.Ordinal);

        var getters = OutputNames.Append("Prompt").Select(name => ColumnText.Reader(cursor, view.Schema[name])).ToArray();
        var id = cursor.GetIdGetter();
        AssertOffRow();
        while (cursor.MoveNext())
            Id();
        Assert.False(cursor.MoveNext());
        AssertOffRow();

        void AssertOffRow()
        {
            Assert.Equal(-1, cursor.Position);
            Assert.All(getters, getter => Assert.Throws<InvalidOperationException>(getter));
            Assert.Throws<InvalidOperationException>(Id);
        }

        void Id()
        {
            DataViewRowId value = default;
            id(ref value);
        }
    }

    [Fact]
    public void A_mapped_row_follows_its_input()
    {
        var data = Load(Rows);
        using var transformer = Create(Options).Fit(data);
        var expected = Read(transformer.Transform(data));
        var mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        using var input = data.GetRowCursor(data.Schema.Where(column => column.Name != "RowSeed" || Inputs.Contains("RowSeed")));
        using var row = mapper.GetRow(input, OutputNames.Select(name => mapper.OutputSchema[name]));

        // Its columns are active where they are active in the input, asked for or not.
        Assert.True(row.IsColumnActive(mapper.OutputSchema["Prompt"]));
        Assert.Equal(Inputs.Contains("RowSeed"), row.IsColumnActive(mapper.OutputSchema["RowSeed"]));
        var prompt = ColumnText.Reader(row, mapper.OutputSchema["Prompt"]);
        var getters = OutputNames.Select(name => ColumnText.Reader(row, mapper.OutputSchema[name])).ToArray();
        Assert.Throws<InvalidOperationException>(() => row.GetGetter<double>(mapper.OutputSchema[OutputNames.First()]));
        Assert.All(getters, getter => Assert.Throws<InvalidOperationException>(getter));
        for (var i = 0; input.MoveNext(); i++)
        {
            Assert.Equal(i, row.Position);
            Assert.Equal(Prompts[i], prompt());
            Assert.Equal(expected[i], string.Join(' ', getters.Select(getter => getter())));
        }
        Assert.All(getters, getter => Assert.Throws<InvalidOperationException>(getter));

        using var none = mapper.GetRow(data.GetRowCursor(data.Schema), []);
        Assert.All(OutputNames, name => Assert.False(none.IsColumnActive(mapper.OutputSchema[name])));
        Assert.Throws<InvalidOperationException>(() => ColumnText.Reader(none, mapper.OutputSchema[OutputNames.First()]));
        var other = ML.Data.LoadFromEnumerable(Rows);
        using var otherInput = other.GetRowCursor(other.Schema);
        Assert.Throws<InvalidOperationException>(() => mapper.GetRow(otherInput, []));
    }

    [Fact]
    public void A_missing_input_column_and_one_of_another_type_are_refused_by_name()
    {
        var estimator = Create(Options);
        Assert.Throws<ArgumentNullException>(() => estimator.Fit(null!));
        Assert.Throws<ArgumentNullException>(() => estimator.GetOutputSchema(null!));
        using var fitted = estimator.Fit(Load(Rows));
        Assert.Throws<ArgumentNullException>(() => fitted.Transform(null!));
        Assert.Throws<ArgumentNullException>(() => fitted.GetOutputSchema(null!));
        foreach (var input in Inputs)
        {
            IEstimator<ITransformer>[] faults =
            [
                ML.Transforms.DropColumns(input),
                ML.Transforms.CopyColumns(input, input.EndsWith("Prompt", StringComparison.Ordinal) ? "RowSeed" : "Prompt"),
                ML.Transforms.CopyColumns(input, input == "Codes" ? "Pixels" : "Codes"),
            ];
            foreach (var fault in faults)
            {
                var data = fault.Fit(Load(Rows)).Transform(Load(Rows));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => estimator.Fit(data)));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => fitted.Transform(data)));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => fitted.GetOutputSchema(data.Schema)));
                AssertNames(input, Assert.Throws<ArgumentOutOfRangeException>(() => ((ITransformer)fitted).GetRowToRowMapper(data.Schema)));
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

    [Fact]
    public async Task A_saved_pipeline_gives_the_same_in_a_fresh_process()
    {
        var data = ML.Data.LoadFromEnumerable(Rows);
        ITransformer pipeline = ReadsPictures ? Pictures.Append(Create(Options)).Fit(data) : Create(Options).Fit(data);
        var original = pipeline.Transform(data);
        var path = Save(pipeline, data);
        var expected = Read(original);

        // Plain Load restores columns, types and values; ML.NET does not save the annotations that third parties give.
        var reloaded = new MLContext().Model.Load(path, out _).Transform(data);
        Assert.Equal(Types(original.Schema), Types(reloaded.Schema));
        Assert.Equal(expected, Read(reloaded));
        Assert.Equal(expected, await PipelineProcess.RunAsync(path, Rows, OutputNames));
        Assert.Equal(expected, await PipelineProcess.RunWithDalleAsync(path, Rows, OutputNames));
    }

    [Fact]
    public void LoadDalle_restores_the_component()
    {
        var data = ML.Data.LoadFromEnumerable(Rows);
        ITransformer pipeline = ReadsPictures ? Pictures.Append(Create(Options)).Fit(data) : Create(Options).Fit(data);
        var original = pipeline.Transform(data);
        var path = Save(pipeline, data);
        var fromFile = ML.Model.LoadDalle(path, out var schema);
        using var stream = File.OpenRead(path);
        var fromStream = ML.Model.LoadDalle(stream, out _);
        var exchanged = ML.Model.Load(path, out _).WithDalle(ML, schema);
        Assert.Equal(Types(data.Schema), Types(schema));
        foreach (var restored in new[] { fromFile, fromStream, exchanged })
        {
            var view = restored.Transform(data);
            Assert.Equal(Types(original.Schema), Types(view.Schema));
            Assert.Equal(Annotations, OutputNames.SelectMany(name => ColumnText.OfAnnotations(view.Schema[name])));
            Assert.IsType<TTransformer>(restored is IEnumerable<ITransformer> chain ? chain.Last() : restored);
        }
        var read = fromFile.Transform(data);
        Assert.Equal(Read(original), Read(read));

        // It can be saved again, and disposing it frees the model.
        Assert.Equal(Types(original.Schema), Types(ML.Model.LoadDalle(Save(fromFile, data), out _).GetOutputSchema(data.Schema)));
        ((IDisposable)fromFile).Dispose();
        Assert.Throws<ObjectDisposedException>(() => Read(read));
    }

    [Theory]
    [InlineData(48, 56)]
    // ResizeImages gives a picture that has the size already on as it is, and disposes it with the next row.
    [InlineData(64, 64)]
    public void Pictures_of_a_stated_size_are_read_before_and_after_saving(int width, int height)
    {
        Assert.SkipUnless(ReadsPictures, "It reads no pictures.");
        var data = ML.Data.LoadFromEnumerable(Rows);
        var pipeline = Pictures.Append(Resize(width, height)).Append(Create(Options)).Fit(data);
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
        var path = Save(pipeline, data);
        var reloaded = ML.Model.Load(path, out _).Transform(data);
        Assert.Equal(Types(lenient.Schema), Types(reloaded.Schema));
        foreach (var result in new[] { lenient, reloaded, ML.Model.LoadDalle(path, out _).Transform(data) })
        {
            var values = Read(result);
            Assert.Equal(expected, new[] { values[0], values[2], values[3] });
            Assert.Equal([false, true, false, false], ColumnText.Of(result, "Error").Select(error => error.Length > 0));
            Assert.All(OutputNames.Zip(values[1].Split(' ')), output => AssertMissing(output.Second, result.Schema[output.First].Type));
        }

        static void AssertMissing(string value, DataViewType type)
        {
            var size = type is VectorDataViewType vector ? vector.Size : 1;
            string[] missing = type is TextDataViewType ? [""] : ["none", "0", "NaN", "-1"];
            Assert.Contains(value, missing.Select(item => string.Join(',', Enumerable.Repeat(item, size))));
        }
    }

    [Fact]
    public void A_picture_that_cannot_be_read_is_a_reason_in_its_row()
    {
        Assert.SkipUnless(ReadsPictures, "It reads no pictures.");
        foreach (var name in new[] { "plain.png", "text.png", "gray.png" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Transforms", "images", name), Path.Combine(_folder.Path, name));
        PipelineRow[] rows = [.. new[] { "plain.png", "text.png", "gray.png", "none.png", "plain.png" }.Select((file, row) =>
            new PipelineRow { Prompt = $"{row} cats", RowSeed = (ulong)row, File = file, Codes = Rows[0].Codes, Pixels = Rows[0].Pixels })];
        string[] expected = [.. new[] { rows[0], rows[2], rows[4] }.Select(row => Run(Options, row).Single())];

        var data = ML.Data.LoadFromEnumerable(rows);
        using var pipeline = Pictures.Append(Create(Options with { ErrorColumnName = "Error" })).Fit(data);
        using var engine = ML.Model.CreatePredictionEngine<PipelineRow, Prediction>(pipeline, new PredictionEngineOptions { OwnsTransformer = false });
        Assert.Equal(expected, new[] { rows[0], rows[1], rows[2], rows[4] }.Select(row => engine.Predict(row).Text(OutputNames)).Where((_, row) => row != 1));
        using var restored = (IDisposable)ML.Model.LoadDalle(Save(pipeline, data), out _);
        foreach (var view in new[] { pipeline.Transform(data), ((ITransformer)restored).Transform(data) })
        {
            var values = Read(view);
            Assert.Equal(expected, new[] { values[0], values[2], values[4] });
            var errors = ColumnText.Of(view, "Error");
            Assert.Equal(["", "", ""], new[] { errors[0], errors[2], errors[4] });
            Assert.All(new[] { errors[1], errors[3] }, error => Assert.StartsWith("Column 'Picture' cannot be read: ", error, StringComparison.Ordinal));
        }

        // Without the column of errors the row throws, and those after it are read.
        using var strict = Create(Options).Fit(Load(Rows));
        var strictView = strict.Transform(Load(rows));
        using var cursor = strictView.GetRowCursor(strictView.Schema.Where(column => column.Name != "Picture"));
        var read = OutputNames.Select(name => ColumnText.Reader(cursor, strictView.Schema[name])).ToArray();
        for (var row = 0; cursor.MoveNext(); row++)
        {
            if (row % 2 == 0)
                Assert.Equal(expected[row / 2], string.Join(' ', read.Select(value => value())));
            else
                Assert.Contains($"Row {row}", Assert.Throws<InvalidOperationException>(() => read[0]()).Message, StringComparison.Ordinal);
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
