using Dalle.ML.Tests;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Training.Tests.Trainers;

/// <summary>The trainers as ML.NET sees them.</summary>
public sealed class TrainingEstimatorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fit_trains_and_gives_the_transformer_that_generates()
    {
        TorchSupport.Require();
        var (data, stages) = (ShapeData.View(_ml, 40), new HashSet<TrainingStage>());
        var trainer = _ml.Transforms.TrainDalle(Options with { Progress = new Reports(report => stages.Add(report.Stage)) });
        var promised = trainer.GetOutputSchema(Shape);

        using var transformer = trainer.Fit(data);

        Assert.Equal([TrainingStage.DiscreteVae, TrainingStage.Transformer, TrainingStage.Clip], stages.Order());
        Assert.True(transformer.ModelInfo.HasClip);
        var output = transformer.GetOutputSchema(data.Schema);
        Assert.Equal(promised.Select(column => column.Name).Order(), output.Select(column => column.Name).Distinct().Order());
        var row = _ml.Data.CreateEnumerable<Result>(_ml.Data.TakeRows(transformer.Transform(data), 1), reuseRowObject: false).Single();
        Assert.Equal((32, 32), (row.Picture!.Width, row.Picture.Height));

        // The same folder again: there is nothing left to do.
        stages.Clear();
        using var again = trainer.Fit(data);
        Assert.Equal(transformer.ModelInfo.Hash, again.ModelInfo.Hash);

        // What is trained is a plain model: saved and loaded as any.
        var path = Path.Combine(_folder.Path, "pipeline.zip");
        _ml.Model.Save(transformer, data.Schema, path);
        Assert.Contains(_ml.Model.LoadDalle(path, out _).GetOutputSchema(data.Schema), column => column.Name == "Picture");
    }

    [Fact]
    public void Stages_are_trained_one_by_one_in_the_same_folder()
    {
        TorchSupport.Require();
        var data = ShapeData.View(_ml, 40);
        var early = Assert.Throws<InvalidOperationException>(() => _ml.Transforms.TrainTransformer(Options).Fit(data));
        Assert.Contains("The discrete VAE is not trained yet", early.Message, StringComparison.Ordinal);

        using (var images = _ml.Transforms.TrainDiscreteVae(Options).Fit(_ml.Transforms.DropColumns("Caption").Fit(data).Transform(data)))
        {
            var row = _ml.Data.CreateEnumerable<Result>(_ml.Data.TakeRows(images.Transform(data), 1), reuseRowObject: false).Single();
            Assert.Equal(32, row.Picture!.Width);
            Assert.False(images.ModelInfo.CanGenerate);
        }
        Assert.Contains("Run TrainTransformer first", Assert.Throws<InvalidOperationException>(() => _ml.Transforms.TrainClip(Options).Fit(data)).Message, StringComparison.Ordinal);
        using (var generating = _ml.Transforms.TrainTransformer(Options).Fit(data))
            Assert.False(generating.ModelInfo.HasClip);
        using var ranking = _ml.Transforms.TrainClip(Options).Fit(data);
        Assert.True(ranking.ModelInfo.HasClip);
    }

    [Fact]
    public void Cancelled_training_gives_the_model_so_far_and_goes_on()
    {
        TorchSupport.Require();
        var data = ShapeData.View(_ml, 40);

        // In the first stage nothing generates yet.
        using (var source = new CancellationTokenSource())
        {
            var options = Options with { CancellationToken = source.Token, Progress = new Reports(_ => source.Cancel()) };
            Assert.Contains("start it again", Assert.Throws<OperationCanceledException>(() => _ml.Transforms.TrainDalle(options).Fit(data)).Message, StringComparison.Ordinal);
        }
        using (var source = new CancellationTokenSource())
        {
            var options = Options with
            {
                TransformerEpochs = 3,
                CancellationToken = source.Token,
                Progress = new Reports(report =>
                {
                    if (report.Stage == TrainingStage.Transformer)
                        source.Cancel();
                }),
            };
            using var soFar = _ml.Transforms.TrainDalle(options).Fit(data);
            Assert.False(soFar.ModelInfo.HasClip);
        }
        var steps = new List<long>();
        using var whole = _ml.Transforms.TrainDalle(Options with
        {
            TransformerEpochs = 3,
            Progress = new Reports(report =>
            {
                if (report.Stage == TrainingStage.Transformer)
                    steps.Add(report.Step);
            }),
        }).Fit(data);
        Assert.True(whole.ModelInfo.HasClip);
        Assert.Equal(2, steps[0]);
    }

    [Fact]
    public void Wrong_columns_are_named_by_their_option()
    {
        var data = ShapeData.View(_ml, 2);
        foreach (var (options, option, name) in new[]
        {
            (Options with { ImageColumnName = "Photo" }, "ImageColumnName", "Photo"),
            (Options with { ImageColumnName = "Caption" }, "ImageColumnName", "Caption"),
            (Options with { CaptionColumnName = "Image" }, "CaptionColumnName", "Image"),
            (Options with { CaptionColumnName = "Text" }, "CaptionColumnName", "Text"),
        })
        {
            var trainer = _ml.Transforms.TrainDalle(options);
            foreach (var error in new[]
            {
                Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(data)),
                Assert.Throws<ArgumentOutOfRangeException>(() => trainer.GetOutputSchema(Shape)),
            })
            {
                Assert.Equal(option, error.ParamName);
                Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
            }
        }
        Assert.False(Directory.Exists(Options.Folder));
    }

    [Fact]
    public void Options_out_of_range_are_refused_before_anything_runs()
    {
        foreach (var (options, option) in new[]
        {
            (Options with { ImageSize = 30 }, "ImageSize"),
            (Options with { ImageSize = 0 }, "ImageSize"),
            (Options with { Size = (DalleSize)9 }, "Size"),
            (Options with { TextLength = 0 }, "TextLength"),
            (Options with { VocabularySize = 255 }, "VocabularySize"),
            (Options with { MaxDuration = TimeSpan.Zero }, "MaxDuration"),
            (Options with { DiscreteVaeEpochs = 0 }, "DiscreteVaeEpochs"),
            (Options with { BatchSize = 0 }, "BatchSize"),
            (Options with { ValidationFraction = 0.6 }, "ValidationFraction"),
            (Options with { ValidationFraction = double.NaN }, "ValidationFraction"),
            (Options with { MaxUnreadable = -1 }, "MaxUnreadable"),
            (Options with { Threads = 0 }, "Threads"),
            (Options with { GpuDeviceId = -1 }, "GpuDeviceId"),
            (Options with { FreezeDiscreteVae = true }, "FreezeDiscreteVae"),
            (Options with { Folder = " " }, "Folder"),
        })
        {
            Assert.Contains(option, Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.TrainDalle(options)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_folder_is_one_trainings_at_a_time()
    {
        Directory.CreateDirectory(Options.Folder);
        using var other = new FileStream(Path.Combine(Options.Folder, "run.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        Assert.Contains("is used by another training", Assert.Throws<IOException>(() => _ml.Transforms.TrainDalle(Options).Fit(ShapeData.View(_ml, 2))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_GPU_that_is_not_there_is_an_error_or_by_request_a_warning()
    {
        TorchSupport.Require();
        Assert.SkipWhen(TorchSharp.torch.cuda.is_available(), "There is a GPU.");
        var data = ShapeData.View(_ml, 20);
        Assert.Throws<DalleDeviceException>(() => _ml.Transforms.TrainDiscreteVae(Options with { GpuDeviceId = 0 }).Fit(data));

        var log = new List<string>();
        _ml.Log += (_, entry) => log.Add(entry.Message);
        _ml.Transforms.TrainDiscreteVae(Options with { GpuDeviceId = 0, FallbackToCpu = true }).Fit(data).Dispose();

        Assert.Contains(log, message => message.Contains("Training on the CPU instead", StringComparison.Ordinal));
        Assert.Contains(log, message => message.Contains("DiscreteVae, epoch 1", StringComparison.Ordinal));
        Assert.Contains(log, message => message.Contains("Training is finished", StringComparison.Ordinal));
    }

    /// <summary>That of the data: only a mapping makes one outside of ML.NET.</summary>
    private SchemaShape Shape => _ml.Transforms.CustomMapping<Nothing, ShapeData.Row>((_, _) => { }, contractName: null).GetOutputSchema(new SchemaShape([]));

    private DalleTrainingOptions Options => new()
    {
        Folder = Path.Combine(_folder.Path, "run"),
        OutputColumnName = "Picture",
        Size = DalleSize.Tiny,
        DiscreteVaeEpochs = 1,
        TransformerEpochs = 1,
        ClipEpochs = 1,
        Threads = 1,
    };

    private sealed class Nothing;

    private sealed class Result
    {
        [MLImageType]
        public MLImage? Picture { get; set; }
    }

    private sealed class Reports(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
