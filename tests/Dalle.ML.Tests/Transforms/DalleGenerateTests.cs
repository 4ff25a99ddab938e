using System.Security.Cryptography;
using Dalle.ML.Bundles;
using Dalle.ML.Engine;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>What ML.NET expects of an estimator and transformer, and what users expect of lazy images.</summary>
public sealed class DalleGenerateTests
{
    private static readonly string[] Texts = ["a red heart", "a cat", "three bananas", "a yellow star on a black background", "a cat", "two foxes", "", "a green circle"];
    private static readonly GenerationOptions Quick = new() { Candidates = 1 };

    private readonly MLContext _ml = new(seed: 1);

    /// <summary>Images whose generation began, by their first token.</summary>
    private int GeneratedImages { get; set; }

    private DalleGenerateEstimator.Options All => new()
    {
        ModelPath = TinyModel.Path,
        InputColumnName = "Prompt",
        OutputColumnName = "Image",
        SeedColumnName = "Seed",
        TokensColumnName = "Tokens",
        ScoreColumnName = "Score",
        Seed = 7,
        Generation = Quick,
        Progress = new Counter(this),
    };

    [Fact]
    public void The_short_form_draws_what_the_engine_draws()
    {
        using var transformer = _ml.Transforms.DalleGenerate(outputColumnName: "Image", inputColumnName: "Prompt").Fit(Prompts(1));
        Assert.Equal("emoji-128", transformer.ModelInfo.Name);
        var seed = transformer.Transform(Prompts(1));

        // The seed comes from the context: the same context gives the same image.
        var options = new DalleGenerateEstimator.Options { InputColumnName = "Prompt", SeedColumnName = "Seed" };
        var generated = new MLContext(seed: 1).Transforms.DalleGenerate(options).Fit(Prompts(1)).Transform(Prompts(1)).GetColumn<ulong>("Seed").Single();
        using var model = DalleModel.LoadDefault();
        Assert.Equal([Hash(model.Generate(Texts[0], generated).Image)], Pictures(seed));

        // Without a prompt there is most to choose from.
        var open = _ml.Data.LoadFromEnumerable(new[] { new PromptRow { Prompt = "" } });
        var (first, again, other) = (GeneratedWith(1), GeneratedWith(1), GeneratedWith(2));
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);

        IEnumerable<string> GeneratedWith(int contextSeed) => Pictures(new MLContext(contextSeed).Transforms.DalleGenerate("Image", "Prompt").Fit(open).Transform(open));
    }

    [Fact]
    public void A_contexts_seed_gives_the_same_images_whatever_the_context_did_before()
    {
        using var folder = new TemporaryFolder();
        var options = All with { Seed = null };
        var (fresh, used) = (new MLContext(seed: 5), new MLContext(seed: 5));
        var other = used.Transforms.LoadImages("Picture", folder.Path, "Prompt").Append(used.Transforms.DalleGenerate(options with { OutputColumnName = "Other" }));
        other.Fit(Prompts(1));
        var (first, second) = (fresh.Transforms.DalleGenerate(options).Fit(Prompts(2)), used.Transforms.DalleGenerate(options).Fit(Prompts(2)));
        var expected = first.Transform(Prompts(2)).GetColumn<int[]>("Tokens").ToArray();
        Assert.Equal(expected, second.Transform(Prompts(2)).GetColumn<int[]>("Tokens"));

        // It is the seed itself, saved with the pipeline.
        Assert.Equal(expected, Fit(All with { Seed = 5 }).Transform(Prompts(2)).GetColumn<int[]>("Tokens"));
        var path = Path.Combine(folder.Path, "pipeline.zip");
        used.Model.Save(second, Prompts(2).Schema, path);
        Assert.Equal(expected, new MLContext(seed: 6).Model.Load(path, out _).Transform(Prompts(2)).GetColumn<int[]>("Tokens"));
        Assert.Equal(expected, new MLContext(seed: 6).Model.LoadDalle(path, out _).Transform(Prompts(2)).GetColumn<int[]>("Tokens"));

        // Without one each component has its own.
        var context = new MLContext();
        var seeds = Enumerable.Range(0, 4).Select(_ => context.Transforms.DalleGenerate(options).Fit(Prompts(1)).Transform(Prompts(1)).GetColumn<ulong>("Seed").Single()).ToArray();
        Assert.Equal(4, seeds.Distinct().Count());
        Assert.All(seeds, seed => Assert.InRange(seed, 0ul, (1ul << 53) - 1));
    }

    [Fact]
    public void A_restored_pipeline_draws_in_batches_and_reads_no_further()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "pipeline.zip");
        using (var fitted = Fit(All with { BatchSize = 3 }))
            _ml.Model.Save(fitted, Prompts(1).Schema, path);
        using var restored = (IDisposable)_ml.Model.LoadDalle(path, out _);
        var read = 0;
        var rows = Texts.Select(text =>
        {
            read++;
            return new PromptRow { Prompt = text };
        });
        _ = Hash(((ITransformer)restored).Transform(_ml.Data.LoadFromEnumerable(rows)).GetColumn<MLImage>("Image").First());

        // A batch is read ahead by a cursor of its own.
        Assert.Equal(3 + 1, read);
    }

    [Fact]
    public void All_outputs_of_a_row_come_from_one_generation()
    {
        var rows = _ml.Data.CreateEnumerable<GeneratedRow>(Fit(All).Transform(Prompts()), reuseRowObject: false).ToArray();
        using var model = TinyModel.Load();
        var expected = model.GenerateBatch([.. Texts.Select(text => new GenerationRequest(text, 7))], Quick).ToArray();
        Assert.Equal(Texts, rows.Select(row => row.Prompt));
        Assert.Equal(expected.Select(image => Hash(image.Image)), rows.Select(row => Hash(row.Image!)));
        Assert.Equal(expected.Select(image => image.Tokens), rows.Select(row => row.Tokens));
        Assert.Equal(expected.Select(image => image.Score), rows.Select(row => row.Score));
        Assert.All(rows, row => Assert.Equal(7ul, row.Seed));
        Assert.Equal(Texts.Length, GeneratedImages);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(100)]
    public void Batches_change_nothing(int batchSize)
    {
        var one = Fit(All).Transform(Prompts());
        var many = Fit(All with { BatchSize = batchSize }).Transform(Prompts());
        Assert.Equal(Pictures(one), Pictures(many));
        Assert.Equal(one.GetColumn<float>("Score"), many.GetColumn<float>("Score"));
    }

    [Fact]
    public void A_column_of_seeds_gives_each_row_its_own()
    {
        var options = All with { InputSeedColumnName = "RowSeed" };
        var data = _ml.Data.LoadFromEnumerable(GenerationRequest.Series("a cat", 7, 4).Select(request => new PromptRow { Prompt = "a cat", RowSeed = request.Seed }));
        using var model = TinyModel.Load();
        var expected = model.GenerateBatch([.. GenerationRequest.Series("a cat", 7, 4)], Quick).Select(image => Hash(image.Image)).ToArray();
        Assert.Equal(expected, Pictures(Fit(options, data).Transform(data)));
        Assert.Equal(expected, Pictures(Fit(options with { BatchSize = 3 }, data).Transform(data)));
    }

    [Fact]
    public void Nothing_is_generated_before_it_is_read()
    {
        var images = Fit(All).Transform(Prompts());
        Assert.Equal(Texts, images.GetColumn<string>("Prompt"));
        Assert.Equal(Texts.Length, images.GetRowCount() ?? Texts.Length);
        using (var cursor = images.GetRowCursor(images.Schema))
        {
            while (cursor.MoveNext())
                Assert.True(cursor.IsColumnActive(images.Schema["Image"]));
        }
        Assert.Equal(0, GeneratedImages);
    }

    [Fact]
    public void Only_rows_that_are_read_are_generated()
    {
        var images = Fit(All).Transform(Prompts());
        _ = Hash(images.GetColumn<MLImage>("Image").First());
        Assert.Equal(1, GeneratedImages);
        GeneratedImages = 0;
        Assert.Equal(2, images.Preview(maxRows: 2).RowView.Length);
        Assert.Equal(2, GeneratedImages);
        GeneratedImages = 0;
        Assert.Equal(3, Pictures(_ml.Data.TakeRows(images, 3)).Length);
        Assert.Equal(3, GeneratedImages);
    }

    [Fact]
    public void At_most_one_batch_is_generated_unnecessarily()
    {
        var images = Fit(All with { BatchSize = 3 }).Transform(Prompts());
        _ = Hash(images.GetColumn<MLImage>("Image").First());
        Assert.Equal(3, GeneratedImages);
    }

    [Fact]
    public void Rows_that_are_passed_over_are_not_generated()
    {
        var images = Fit(All with { BatchSize = 2 }).Transform(Prompts());
        var pictures = Pictures(images);
        GeneratedImages = 0;
        using var cursor = images.GetRowCursor([images.Schema["Image"]]);
        var getter = cursor.GetGetter<MLImage>(images.Schema["Image"]);
        for (var row = 0; row < 6; row++)
            Assert.True(cursor.MoveNext());
        MLImage image = null!;
        getter(ref image);
        Assert.Equal(pictures[5], Hash(image));
        Assert.Equal(2, GeneratedImages);
    }

    [Fact]
    public void Every_read_gives_an_image_of_its_own()
    {
        var images = Fit(All).Transform(Prompts());
        using var cursor = images.GetRowCursor([images.Schema["Image"]]);
        var getter = cursor.GetGetter<MLImage>(images.Schema["Image"]);
        Assert.True(cursor.MoveNext());
        MLImage first = null!, second = null!;
        getter(ref first);
        getter(ref second);
        Assert.NotSame(first, second);
        var hash = Hash(first);
        first.Dispose();
        Assert.Equal(hash, Hash(second));
        Assert.True(cursor.MoveNext());
        Assert.Equal(hash, Hash(second));
        Assert.Equal(1, GeneratedImages);
    }

    [Fact]
    public void A_set_of_cursors_covers_all_rows_once()
    {
        var images = Fit(All).Transform(Prompts());
        var found = new List<(string, string)>();
        foreach (var cursor in images.GetRowCursorSet(images.Schema, 4))
        {
            using (cursor)
            {
                var image = cursor.GetGetter<MLImage>(images.Schema["Image"]);
                var prompt = cursor.GetGetter<ReadOnlyMemory<char>>(images.Schema["Prompt"]);
                while (cursor.MoveNext())
                {
                    (MLImage picture, ReadOnlyMemory<char> text) = (null!, default);
                    image(ref picture);
                    prompt(ref text);
                    found.Add((text.ToString(), Hash(picture)));
                }
            }
        }
        Assert.Equal(Texts.Zip(Pictures(images)).Order(), found.Order());
    }

    [Fact]
    public void Shuffled_rows_keep_their_images()
    {
        var data = _ml.Data.LoadFromEnumerable(Texts.Select(text => new PromptRow { Prompt = text }).ToList());
        var images = Fit(All with { BatchSize = 3 }).Transform(data);
        Assert.Equal(data.CanShuffle, images.CanShuffle);
        var expected = Texts.Zip(Pictures(images)).Distinct().ToDictionary(pair => pair.First, pair => pair.Second);
        using var cursor = images.GetRowCursor(images.Schema, new Random(3));
        var image = cursor.GetGetter<MLImage>(images.Schema["Image"]);
        var prompt = cursor.GetGetter<ReadOnlyMemory<char>>(images.Schema["Prompt"]);
        var rows = 0;
        for (; cursor.MoveNext(); rows++)
        {
            (MLImage picture, ReadOnlyMemory<char> text) = (null!, default);
            image(ref picture);
            prompt(ref text);
            Assert.Equal(expected[text.ToString()], Hash(picture));
        }
        Assert.Equal(Texts.Length, rows);
    }

    [Fact]
    public void A_getter_of_another_type_or_an_inactive_column_is_refused()
    {
        var images = Fit(All).Transform(Prompts());
        using var cursor = images.GetRowCursor([images.Schema["Image"]]);
        Assert.True(cursor.IsColumnActive(images.Schema["Image"]));
        Assert.False(cursor.IsColumnActive(images.Schema["Score"]));
        Assert.ThrowsAny<InvalidOperationException>(() => cursor.GetGetter<float>(images.Schema["Score"]));
        Assert.ThrowsAny<InvalidOperationException>(() => cursor.GetGetter<float>(images.Schema["Image"]));
        Assert.ThrowsAny<InvalidOperationException>(() => cursor.GetGetter<ReadOnlyMemory<char>>(images.Schema["Prompt"]));
    }

    [Fact]
    public void Schemas_of_estimator_transformer_mapper_and_view_agree()
    {
        var data = Prompts();
        var estimator = _ml.Transforms.DalleGenerate(All);
        using var transformer = estimator.Fit(data);
        var schema = transformer.GetOutputSchema(data.Schema);
        var shape = _ml.Transforms.CopyColumns("Copy", "Prompt").Append(estimator).GetOutputSchema(ShapeOf(data));
        Assert.Equal(["Prompt", "RowSeed", "Image", "Seed", "Tokens", "Score"], schema.Select(column => column.Name));
        foreach (var column in schema)
        {
            var shaped = shape.Single(candidate => candidate.Name == column.Name);
            Assert.Equal(column.Type is VectorDataViewType vector ? vector.ItemType : column.Type, shaped.ItemType);
            Assert.Equal(column.Type is VectorDataViewType, shaped.Kind != SchemaShape.Column.VectorKind.Scalar);
        }
        Assert.Equal(Types(schema), Types(transformer.Transform(data).Schema));
        var mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        Assert.Same(data.Schema, mapper.InputSchema);
        Assert.Equal(Types(schema), Types(mapper.OutputSchema));
        Assert.Equal(["Prompt"], mapper.GetDependencies([mapper.OutputSchema["Score"]]).Select(column => column.Name));
        Assert.Equal(["RowSeed"], mapper.GetDependencies([mapper.OutputSchema["RowSeed"]]).Select(column => column.Name));
    }

    [Fact]
    public void An_output_may_hide_its_input()
    {
        var images = _ml.Transforms.DalleGenerate(new DalleGenerateEstimator.Options { ModelPath = TinyModel.Path, OutputColumnName = "Prompt", Seed = 7, Generation = Quick })
            .Fit(Prompts(2)).Transform(Prompts(2));
        Assert.Equal(2, images.GetColumn<MLImage>("Prompt").Select(Hash).Distinct().Count());
    }

    [Theory]
    [InlineData("Nothing", null)]
    [InlineData("RowSeed", null)]
    [InlineData("Prompt", "Nothing")]
    [InlineData("Prompt", "Prompt")]
    public void A_wrong_input_column_is_refused_by_name(string prompt, string? seed)
    {
        var options = All with { InputColumnName = prompt, InputSeedColumnName = seed };
        using var fitted = Fit(All);
        var estimator = _ml.Transforms.DalleGenerate(options);
        var wrong = seed ?? prompt;
        AssertNames(wrong, Assert.Throws<ArgumentOutOfRangeException>(() => estimator.Fit(Prompts())));
        AssertNames(wrong, Assert.Throws<ArgumentOutOfRangeException>(() => estimator.GetOutputSchema(ShapeOf(Prompts()))));
        var renamed = _ml.Transforms.CopyColumns(prompt == "Prompt" ? "Prompt" : "Other", "RowSeed").Fit(Prompts()).Transform(Prompts());
        if (prompt == "Prompt")
            AssertNames("Prompt", Assert.Throws<ArgumentOutOfRangeException>(() => fitted.Transform(renamed)));

        static void AssertNames(string column, Exception exception) => Assert.Contains($"'{column}'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_arguments_are_refused()
    {
        Assert.Throws<ArgumentNullException>(() => _ml.Transforms.DalleGenerate((DalleGenerateEstimator.Options)null!));
        Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.DalleGenerate(outputColumnName: ""));
        Assert.Throws<ArgumentNullException>(() => _ml.Transforms.DalleGenerate("Image").Fit(null!));
        Assert.Equal("BatchSize", Assert.Throws<ArgumentOutOfRangeException>(() => new DalleGenerateEstimator.Options { BatchSize = 0 }).ParamName);
        Assert.Throws<DalleBundleException>(() => _ml.Transforms.DalleGenerate("Image", "Prompt", modelPath: "no-such-model").Fit(Prompts()));
    }

    [Fact]
    public void Image_transforms_of_ML_NET_chain_after_it()
    {
        var pixels = _ml.Transforms.DalleGenerate(All with { ModelPath = null })
            .Append(_ml.Transforms.ResizeImages("Small", 16, 16, "Image"))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Small"))
            .Fit(Prompts(2)).Transform(Prompts(2)).GetColumn<float[]>("Pixels").ToArray();
        Assert.Equal([3 * 16 * 16, 3 * 16 * 16], pixels.Select(row => row.Length));
        Assert.Contains(pixels[0], value => value > 200);
    }

    [Fact]
    public void A_prediction_engine_draws_what_the_view_draws()
    {
        var data = Prompts(3);
        var expected = Pictures(Fit(All).Transform(data));
        var transformer = Fit(All);
        using var engine = _ml.Model.CreatePredictionEngine<PromptRow, GeneratedRow>(transformer);
        GeneratedImages = 0;
        var rows = Texts.Take(3).Select(text => engine.Predict(new PromptRow { Prompt = text })).ToArray();
        Assert.Equal(expected, rows.Select(row => Hash(row.Image!)));
        Assert.Equal(3, GeneratedImages);
    }

    [Fact]
    public void Disposing_a_prediction_engine_frees_the_model_and_may_be_repeated()
    {
        var transformer = Fit(All);
        var data = Prompts(1);
        var engine = _ml.Model.CreatePredictionEngine<PromptRow, GeneratedRow>(transformer);
        engine.Dispose();
        engine.Dispose();
        transformer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Pictures(transformer.Transform(data)));
    }

    [Fact]
    public void Two_transformers_on_one_model_are_independent()
    {
        var first = Fit(All);
        using var second = Fit(All);
        var expected = Pictures(first.Transform(Prompts(2)));
        first.Dispose();
        Assert.Equal(expected, Pictures(second.Transform(Prompts(2))));
    }

    [Fact]
    public void Concurrent_cursors_draw_the_same_images()
    {
        var images = Fit(All).Transform(Prompts());
        var expected = Pictures(images);
        var all = new string[4][];
        Parallel.For(0, all.Length, i => all[i] = Pictures(images));
        Assert.All(all, pictures => Assert.Equal(expected, pictures));
    }

    [Fact]
    public void Cancellation_reaches_the_reader()
    {
        using var cancellationToken = new CancellationTokenSource();
        var images = Fit(All with { CancellationToken = cancellationToken.Token }).Transform(Prompts());
        var read = new List<string>();
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (var image in images.GetColumn<MLImage>("Image"))
            {
                read.Add(Hash(image));
                cancellationToken.Cancel();
            }
        });
        Assert.Single(read);
    }

    [Fact]
    public void Without_batches_the_input_is_read_once()
    {
        // As from a queue: what was read is gone.
        var queue = new Queue<string>(Texts);
        var data = _ml.Data.LoadFromEnumerable(Drain());
        var rows = _ml.Data.CreateEnumerable<GeneratedRow>(Fit(All).Transform(data), reuseRowObject: false).ToArray();
        Assert.Equal(Texts, rows.Select(row => row.Prompt));
        Assert.Equal(Pictures(Fit(All).Transform(Prompts())), rows.Select(row => Hash(row.Image!)));

        IEnumerable<PromptRow> Drain()
        {
            while (queue.TryDequeue(out var text))
                yield return new PromptRow { Prompt = text };
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_cursor_that_failed_keeps_failing_for_the_same_reason(int batchSize)
    {
        using var cancellationToken = new CancellationTokenSource();
        var images = Fit(All with { CancellationToken = cancellationToken.Token, BatchSize = batchSize }).Transform(Prompts());
        using var cursor = images.GetRowCursor(images.Schema);
        var (image, score) = (cursor.GetGetter<MLImage>(images.Schema["Image"]), cursor.GetGetter<float>(images.Schema["Score"]));
        MLImage picture = null!;
        var number = 0f;
        Assert.Throws<InvalidOperationException>(() => image(ref picture));
        cancellationToken.Cancel();
        for (var row = 0; row < 3; row++)
        {
            Assert.True(cursor.MoveNext());
            Assert.ThrowsAny<OperationCanceledException>(() => image(ref picture));
            Assert.ThrowsAny<OperationCanceledException>(() => score(ref number));
        }
    }

    [Fact]
    public void Output_columns_need_names_of_their_own()
    {
        Assert.Throws<ArgumentException>(() => _ml.Transforms.DalleGenerate(All with { ScoreColumnName = "Seed" }));
        Assert.Throws<ArgumentException>(() => _ml.Transforms.DalleGenerate(All with { SeedColumnName = "" }));
    }

    [Fact]
    public void A_loaded_pipeline_feeds_image_transforms_without_losing_its_images()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "pipeline.zip");
        var data = Prompts(3);
        var fitted = _ml.Transforms.DalleGenerate(All)
            .Append(_ml.Transforms.ResizeImages("Small", 16, 16, "Image"))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Small"))
            .Fit(data);
        _ml.Model.Save(fitted, data.Schema, path);
        var (original, reloaded) = (fitted.Transform(data), _ml.Model.Load(path, out _).Transform(data));
        Assert.Equal(original.GetColumn<float[]>("Pixels"), reloaded.GetColumn<float[]>("Pixels"));

        // Both columns of every row, kept until the end.
        var kept = new List<(MLImage, MLImage)>();
        using (var cursor = reloaded.GetRowCursor([reloaded.Schema["Image"], reloaded.Schema["Small"]]))
        {
            var (image, small) = (cursor.GetGetter<MLImage>(reloaded.Schema["Image"]), cursor.GetGetter<MLImage>(reloaded.Schema["Small"]));
            while (cursor.MoveNext())
            {
                (MLImage large, MLImage little) = (null!, null!);
                image(ref large);
                small(ref little);
                kept.Add((large, little));
            }
        }
        Assert.Equal(Pictures(original), kept.Select(pair => Hash(pair.Item1)));
        Assert.All(kept, pair => Assert.Equal(16, pair.Item2.Width));
    }

    [Fact]
    public void A_loaded_pipeline_that_is_dropped_frees_its_model()
    {
        using var folder = new TemporaryFolder();
        var (bundle, path) = (folder.CopyOf(TinyModel.Path, "model"), Path.Combine(folder.Path, "pipeline.zip"));
        using (var fitted = Fit(All with { ModelPath = bundle }))
            _ml.Model.Save(fitted, Prompts(1).Schema, path);
        LoadAndDraw();
        for (var round = 0; round < 20 && EngineHandle.IsOpen(bundle); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.False(EngineHandle.IsOpen(bundle));

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        void LoadAndDraw()
        {
            _ = Pictures(new MLContext().Model.Load(path, out _).Transform(Prompts(1)));
            Assert.True(EngineHandle.IsOpen(bundle));
        }
    }

    [Fact]
    public void A_prompt_that_is_cut_is_said_in_the_log_once_and_then_counted()
    {
        const string Long = "a small brown dog that sits quietly on the left side of a big red wooden house next to a tall green tree and a ";
        using var model = DalleModel.LoadDefault();
        var count = model.CountTokens(Long + "blue fish");
        var cut = count - model.Info.TextLength;
        Assert.Equal(cut, model.CountCutTokens(Long + "blue fish"));
        Assert.True(cut > 0);
        using var image = model.Generate(Long + "blue fish", 1, new() { Candidates = 1 });
        Assert.Equal(cut, image.CutTokens);

        var warnings = new List<string>();
        _ml.Log += (_, log) =>
        {
            if (log.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(log.Message);
        };
        var prompts = _ml.Data.LoadFromEnumerable(new[] { "a cat", Long + "blue fish", Long + "yellow star" }.Select(text => new { Prompt = text }));
        using var transformer = _ml.Transforms.TokenizePrompt("PromptTokens", "Prompt").Fit(prompts);
        Assert.Equal(3, transformer.Transform(prompts).GetColumn<int[]>("PromptTokens").Count());
        Assert.Collection(
            warnings,
            first => Assert.Contains($"Row 1 ('{Long}blue fish'): the last {cut} tokens of the prompt were cut", first, StringComparison.Ordinal),
            total => Assert.Contains("2 prompts were cut to the 24 tokens", total, StringComparison.Ordinal));
    }

    [Fact]
    public void A_device_that_is_not_there_falls_back_to_the_CPU_only_if_asked_and_says_so()
    {
        if (File.Exists("/dev/nvidia0"))
            Assert.Skip("This machine has a CUDA device.");
        Assert.Throws<DalleDeviceException>(() => Fit(All with { GpuDeviceId = 0 }));
        var warnings = new List<string>();
        _ml.Log += (_, log) =>
        {
            if (log.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(log.Message);
        };
        using (Fit(All with { GpuDeviceId = 0, FallbackToCpu = true }))
            Assert.Contains(warnings, warning => warning.Contains("cuda:0", StringComparison.Ordinal));

        // The context's device counts where none is given.
        _ml.GpuDeviceId = 1;
        _ml.FallbackToCpu = false;
        Assert.Contains("cuda:1", Assert.Throws<DalleDeviceException>(() => Fit(All)).Message, StringComparison.Ordinal);
        _ml.FallbackToCpu = true;
        using (Fit(All))
            Assert.Contains(warnings, warning => warning.Contains("cuda:1", StringComparison.Ordinal));
    }

    [Fact]
    public void The_environment_is_found_by_reflection() => Assert.NotNull(CatalogEnvironment.Of(_ml.Transforms));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_saved_pipeline_draws_the_same_in_a_fresh_process(bool hasSeeds)
    {
        var data = _ml.Data.LoadFromEnumerable(Texts.Take(3).Select((text, row) => new PromptRow { Prompt = text, RowSeed = (ulong)row + 40 }));
        var pipeline = _ml.Transforms.CopyColumns("Text", "Prompt")
            .Append(_ml.Transforms.DalleGenerate(All with { ModelPath = null, InputColumnName = "Text", InputSeedColumnName = hasSeeds ? "RowSeed" : null, Generation = new() { Candidates = 2 } }))
            .Fit(data);
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "pipeline.zip");
        _ml.Model.Save(pipeline, data.Schema, path);
        var original = pipeline.Transform(data);

        // In this process: equal schemas and values.
        var loaded = new MLContext().Model.Load(path, out _);
        var reloaded = loaded.Transform(data);
        Assert.Equal(Types(original.Schema), Types(reloaded.Schema));
        Assert.Equal(Pictures(original), Pictures(reloaded));
        Assert.Equal(original.GetColumn<int[]>("Tokens"), reloaded.GetColumn<int[]>("Tokens"));

        // In a process that knows ML.NET only.
        var rows = Texts.Take(3).Select((text, row) => new PipelineRow { Prompt = text, RowSeed = (ulong)row + 40 });
        var lines = await PipelineProcess.RunAsync(path, rows, ["Image", "Seed", "Score"]);
        string[][] expected = [.. new[] { "Image", "Seed", "Score" }.Select(column => ColumnText.Of(original, column))];
        Assert.Equal(expected[0].Select((image, row) => $"{image} {expected[1][row]} {expected[2][row]}"), lines);
    }

    [Fact]
    public void A_saved_pipeline_knows_its_model_again()
    {
        using var folder = new TemporaryFolder();
        var bundle = folder.CopyOf(TinyModel.Path, "model");
        var data = Prompts(1);
        var path = Path.Combine(folder.Path, "pipeline.zip");
        using (var fitted = Fit(All with { ModelPath = bundle }))
            _ml.Model.Save(fitted, data.Schema, path);

        var manifest = Path.Combine(bundle, "dalle.json");
        var text = File.ReadAllText(manifest);
        File.WriteAllText(manifest, text + " ");
        var changed = Assert.ThrowsAny<Exception>(() => Pictures(_ml.Model.Load(path, out _).Transform(data)));
        var saved = Bundle.HashOf(TinyModel.Path);
        Assert.Contains(saved, changed.ToString(), StringComparison.Ordinal);
        Assert.Contains(Bundle.HashOf(bundle), changed.ToString(), StringComparison.Ordinal);

        Directory.Move(bundle, bundle + "-moved");
        Assert.Contains("model", Assert.ThrowsAny<Exception>(() => Pictures(_ml.Model.Load(path, out _).Transform(data))).ToString(), StringComparison.Ordinal);
    }

    private DalleGenerateTransformer Fit(DalleGenerateEstimator.Options options, IDataView? data = null) =>
        _ml.Transforms.DalleGenerate(options).Fit(data ?? Prompts());

    private IDataView Prompts(int count = 8) => _ml.Data.LoadFromEnumerable(Texts.Take(count).Select(text => new PromptRow { Prompt = text }));

    /// <summary>A shape can be had from an estimator only: the one of a copy, of a shape that a mapping made.</summary>
    private SchemaShape ShapeOf(IDataView data)
    {
        Assert.Equal(["Prompt", "RowSeed"], data.Schema.Select(column => column.Name));
        return _ml.Transforms.CustomMapping<Nothing, PromptRow>((_, _) => { }, null).GetOutputSchema(new SchemaShape([]));
    }

    private static string[] Pictures(IDataView view) => [.. view.GetColumn<MLImage>("Image").Select(Hash)];

    private static string Hash(MLImage image)
    {
        var hash = Convert.ToHexString(SHA256.HashData(image.Pixels));
        GC.KeepAlive(image);
        return hash;
    }

    private static IEnumerable<string> Types(DataViewSchema schema) => schema.Where(column => !column.IsHidden).Select(column => $"{column.Name}: {column.Type}");

    private sealed class Counter(DalleGenerateTests tests) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            lock (tests)
            {
                // What is asked for at once here fits one batch of the engine.
                if (value.Step == 1)
                    tests.GeneratedImages += value.Images;
            }
        }
    }

    private sealed class Nothing;

    private sealed class PromptRow
    {
        public string Prompt { get; set; } = "";

        public ulong RowSeed { get; set; }
    }

    private sealed class GeneratedRow
    {
        public string? Prompt { get; set; }

        [MLImageType]
        public MLImage? Image { get; set; }

        public ulong Seed { get; set; }

        public int[]? Tokens { get; set; }

        public float Score { get; set; }
    }
}
