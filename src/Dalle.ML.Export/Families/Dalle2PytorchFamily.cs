using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// lucidrains/DALLE2-pytorch: a prior and a decoder, each as its trainer saves it, as a "model" file, or as a bare state with its
/// configuration; both in one file; LAION's decoder of two files. Every part has the arithmetic of its own generation (<see
/// cref="Dalle2Generation"/>).
/// </summary>
internal static class Dalle2PytorchFamily
{
    private const string Name = "dalle2-pytorch";
    private const int PriorCandidates = 2;
    private const int InpaintPasses = 5;

    // Of 1000 timesteps of a linear schedule; the package's default, which no published configuration changes.
    private const float NoiseLevel = 0.2f;
    private const int NoiseTimesteps = 1000;

    public static ModelFamily Family { get; } = new(
        Name, "a prior, a decoder or both, their configurations (JSON) where they are not inside, CLIP's file and bpe_simple_vocab_16e6.txt.gz, in any order; or their folder", Export)
    {
        Sizes = [.. Dalle2Sizes.All.Keys],
        Settings = new Dictionary<string, string>
        {
            ["ema"] = "0 for the weights of the last training step in place of their moving average; by default 1, which is what the package samples with.",
            ["generation"] = "1, 2 or 3: the arithmetic of version 0.15.4, 1.0.2 or 1.15.6, for files whose keys do not tell; by default the keys tell.",
            ["start-and-end"] = "0 for prompts without the ids of start and end, as the package's own tokenizer and dalle2-laion make them; by default 1, as clip.tokenize.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        source.RequireFloats(Name);
        return source.Size is { } size ? ExportRandom(source, bundle, Dalle2Sizes.All[size]) : ExportFiles(source, bundle);
    }

    private static Manifest ExportFiles(ExportSource source, BundleWriter bundle)
    {
        var files = GivenFiles.Open(source);
        var averaged = source.Setting("ema") != 0;
        var prior = files.Checkpoints.Select(file => (File: file, Weights: Dalle2Weights.Prior(file.Checkpoint, averaged))).FirstOrDefault(found => found.Weights is not null);
        var decoders = files.Checkpoints.Select(file => (File: file, Count: Dalle2Weights.Unets(file.Checkpoint))).Where(found => found.Count > 0).OrderBy(found => found.Count).ToArray();
        if (prior.Weights is null && decoders.Length == 0)
            throw new InvalidDataException("None of the files has a prior ('learned_query') or a decoder ('unets.0.null_image_hiddens') of DALLE2-pytorch.");
        var clipWeights = files.Checkpoints.OrderBy(file => Dalle2Weights.Prior(file.Checkpoint, true) is null ? 0 : 1)
            .Select(file => Dalle2Weights.Clip(file.Checkpoint)).FirstOrDefault(found => found is not null);
        var clip = clipWeights is null ? null : OpenAiClip.Infer(clipWeights);
        int SequenceLength() => clip?.Text.Length
            ?? throw new FileNotFoundException("The model sees the text by CLIP, and none of the files holds it: give CLIP's file too (ViT-L-14.pt, or its state).");

        DiffusionPriorGraphs? priorGraphs = null;
        int? embedding = clip?.Embedding;
        if (prior.Weights is { } priorWeights)
        {
            var settings = Dalle2Configuration.Find(files, prior.File, "prior");
            var generation = Generation(source, priorWeights, prior.File, Dalle2Generation.OfPrior);
            var network = Dalle2Prior.Infer(
                priorWeights, generation, SequenceLength(), settings.Flag("condition_on_text_encodings", fallback: true), settings.Network("net").Flag("self_cond"));
            ClipFamily.Match("prior", "an embedding", network.Dim, embedding);
            ClipFamily.Match("prior", "the text", network.SeesText ? network.Dim : null, clip!.Text.Width);
            priorGraphs = WritePrior(source, bundle, network, priorWeights, settings, SequenceLength());
        }
        var stages = new List<DiffusionStage>();
        var count = decoders.Length == 0 ? 0 : decoders[^1].Count;
        if (count < decoders.Length)
            throw new InvalidDataException($"There are {decoders.Length} decoders, but the largest has {count} UNets: one of them has no part in it. Give one file, or one for each stage.");
        for (var stage = 0; stage < count; stage++)
        {
            var (file, _) = decoders[Math.Min(stage, decoders.Length - 1)];
            var weights = Dalle2Weights.Unet(file.Checkpoint, stage, averaged)!;
            var settings = Dalle2Configuration.Find(files, file, "decoder");
            var unet = Unet(weights, Generation(source, weights, file, Dalle2Generation.OfUnet), settings, stage);
            ClipFamily.Match($"UNet {stage + 1}", "an embedding", unet.Embedding, embedding);
            ClipFamily.Match($"UNet {stage + 1}", "the text", unet.TextWidth, clip?.Text.Width);
            embedding ??= unet.Embedding;
            stages.Add(WriteStage(source, bundle, unet, weights, settings, stage, count, unet.TextWidth is null ? 0 : SequenceLength()));
        }
        var text = clip is null ? null : Text(bundle, clip, clipWeights!, ClipFamily.CopyTokenizer(bundle, files.Vocabulary(), files.Merges, clip.Text), source.Setting("start-and-end") != 0);
        return Describe(source, bundle, embedding ?? 1, clip, clipWeights, text, priorGraphs, stages);
    }

    private static Manifest ExportRandom(ExportSource source, BundleWriter bundle, Dalle2Sizes sizes)
    {
        Checkpoint prior = source.Open(0), decoder = source.Open(1), clip = source.Open(2);
        var none = new ModelConfiguration(new Dictionary<string, object?>(), "");
        var priorGraphs = WritePrior(source, bundle, sizes.Prior, prior, none, sizes.Clip.Text.Length);
        var stages = sizes.Unets.Select((unet, i) => WriteStage(
            source, bundle, unet, decoder.Subtree($"unets.{i}."), sizes.Settings, i, sizes.Unets.Length, sizes.Clip.Text.Length)).ToArray();
        var text = Text(bundle, sizes.Clip, clip, RandomTokenizer.Write(bundle), hasEnds: source.Setting("start-and-end") != 0);
        return Describe(source, bundle, sizes.Clip.Embedding, sizes.Clip, clip, text, priorGraphs, stages);
    }

    private static Manifest Describe(
        ExportSource source, BundleWriter bundle, int embedding, OpenAiClip? clip, Checkpoint? clipWeights, UnclipText? text,
        DiffusionPriorGraphs? prior, IReadOnlyList<DiffusionStage> stages) => source.Describe(Name) with
        {
            Unclip = new UnclipGraphs
            {
                EmbeddingDimension = embedding,
                Text = text,
                Image = clip is null ? null : new UnclipImage
                {
                    File = clip.WriteImage(bundle, clipWeights!.Subtree("visual."), "image.onnx", "features"),
                    Size = clip.ImageSize,
                    Rounds = false,
                },
                Prior = prior,
                Stages = stages,
            },
        };

    private static UnclipText Text(BundleWriter bundle, OpenAiClip clip, Checkpoint weights, TokenizerFiles tokenizer, bool hasEnds) => new()
    {
        File = Dalle2Text.Write(bundle, clip, weights),
        Format = ClipFamily.Format(tokenizer, clip.Text, hasEnds),
    };

    private static DiffusionPriorGraphs WritePrior(
        ExportSource source, BundleWriter bundle, Dalle2Prior prior, Checkpoint weights, ModelConfiguration settings, int sequenceLength)
    {
        var scale = settings.Real("image_embed_scale") ?? MathF.Sqrt(settings.Number("image_embed_dim") ?? prior.Dim);
        var (condition, step) = prior.Write(bundle, weights, sequenceLength, source.Precision);
        return new DiffusionPriorGraphs
        {
            Condition = condition,
            File = step,
            Diffusion = Dalle2Diffusion.Prior(settings, prior, scale),
            Statistics = scale == 1 ? null : WriteScale(bundle, scale, prior.Dim),
            Candidates = PriorCandidates,
            NoiseLength = settings.Flag("init_image_embed_l2norm") ? scale : null,
            ResultLength = settings.Flag("sampling_final_clamp_l2norm") && settings.Flag("predict_x_start", fallback: true) ? scale : null,
        };
    }

    /// <summary>The prior works on embeddings of another length: means of 0 and deviations of its inverse bring them back.</summary>
    private static string WriteScale(BundleWriter bundle, float scale, int dim)
    {
        float[] statistics = [.. Enumerable.Repeat(0f, dim), .. Enumerable.Repeat(1 / scale, dim)];
        return bundle.Write("prior_scale.bin", MemoryMarshal.AsBytes(statistics.AsSpan()));
    }

    /// <summary>The UNet of a stage, by its weights and what its configuration alone tells.</summary>
    public static Dalle2Unet Unet(Checkpoint weights, Dalle2Generation generation, ModelConfiguration settings, int stage)
    {
        var network = settings.Network($"unets.{stage}");
        return Dalle2Unet.Infer(weights, generation, new UnetOptions
        {
            Groups = network.Numbers("resnet_groups") ?? [8],
            SeesLowResolution = stage > 0,
            SelfConditions = network.Flag("self_cond"),
            IsCosineSelf = network.Flag("cosine_sim_self_attn"),
            IsCosineCross = network.Flag("cosine_sim_cross_attn"),
            StandardizesWeights = network.Flag("resnet_weight_standardization"),
            ScalesSkips = network.Flag("scale_skip_connection"),
        });
    }

    private static DiffusionStage WriteStage(
        ExportSource source, BundleWriter bundle, Dalle2Unet unet, Checkpoint weights, ModelConfiguration settings, int stage, int count, int sequenceLength)
    {
        var size = (settings.Count("image_sizes") > 0 ? settings.Number("image_sizes", stage) : settings.Number("image_size"))
            ?? throw new InvalidDataException("The weights of a decoder do not tell the size of its images: give its configuration (decoder_config.json with 'image_sizes') too.");
        unet.Check(size);
        var (condition, step) = unet.Write(bundle, $"stage_{stage + 1}", weights, size, sequenceLength, source.Precision);
        return new DiffusionStage
        {
            Condition = condition,
            File = step,
            Size = size,
            Diffusion = Dalle2Diffusion.Stage(settings, unet, stage, isLast: count > 1 && stage == count - 1),
            LowResolution = stage == 0 ? null : new LowResolution
            {
                Resample = Upsampling.Nearest,
                Noise = unet.SeesNoiseLevel ? new LowResolutionNoise
                {
                    Level = (int)((settings.Real("lowres_noise_sample_level") ?? NoiseLevel) * NoiseTimesteps),
                    Schedule = new NoiseSchedule { Betas = Betas.Linear, Timesteps = NoiseTimesteps },
                } : null,
            },
            InpaintPasses = InpaintPasses,
        };
    }

    /// <summary>The generation that the caller names, else that of the keys; the version of the file must not contradict it.</summary>
    private static Dalle2Generation Generation(ExportSource source, Checkpoint weights, GivenCheckpoint file, Func<Checkpoint, Dalle2Generation> ofKeys)
    {
        if (source.Setting("generation") is { } number)
            return Dalle2Generation.All.ElementAtOrDefault(number - 1) ?? throw new ArgumentException($"The setting generation is {number}; it must be 1, 2 or 3.");
        // A decoder's file has it as text, a prior's as an object of the package packaging, whose key begins with the epoch and the
        // numbers.
        var saved = file.Checkpoint.Settings;
        var version = saved.GetValueOrDefault("version") as string
            ?? (saved.GetValueOrDefault("version._key.1") is IReadOnlyList<object?> numbers ? string.Join('.', numbers) : null);
        if (version is not null)
            Dalle2Generation.CheckVersion(version);
        return ofKeys(weights);
    }
}
