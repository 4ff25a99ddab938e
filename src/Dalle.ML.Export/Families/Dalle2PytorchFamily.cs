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
            var settings = Dalle2Configuration.Find(files, prior.File, "prior", source.Note);
            var generation = Generation(source, priorWeights, prior.File, Dalle2Generation.OfPrior);
            var network = Dalle2Prior.Infer(
                priorWeights, generation, SequenceLength(), settings.Flag("condition_on_text_encodings", fallback: true), settings.Network("net").Flag("self_cond"));
            ClipFamily.Match("prior", "an embedding", network.Dim, embedding);
            ClipFamily.Match("prior", "the text", network.SeesText ? network.Dim : null, clip!.Text.Width);
            priorGraphs = Dalle2Graphs.Prior(source, bundle, network, priorWeights, settings, SequenceLength());
        }
        var stages = new List<DiffusionStage>();
        var count = decoders.Length == 0 ? 0 : decoders[^1].Count;
        if (count < decoders.Length)
            throw new InvalidDataException($"There are {decoders.Length} decoders, but the largest has {count} UNets: one of them has no part in it. Give one file, or one for each stage.");
        for (var stage = 0; stage < count; stage++)
        {
            var (file, _) = decoders[Math.Min(stage, decoders.Length - 1)];
            var weights = Dalle2Weights.Unet(file.Checkpoint, stage, averaged)!;
            var settings = Dalle2Configuration.Find(files, file, "decoder", source.Note);
            var unet = Dalle2Graphs.Unet(weights, Generation(source, weights, file, Dalle2Generation.OfUnet), settings, stage);
            ClipFamily.Match($"UNet {stage + 1}", "an embedding", unet.Embedding, embedding);
            ClipFamily.Match($"UNet {stage + 1}", "the text", unet.TextWidth, clip?.Text.Width);
            embedding ??= unet.Embedding;
            stages.Add(Dalle2Graphs.Stage(source, bundle, unet, weights, settings, stage, count, unet.TextWidth is null ? 0 : SequenceLength()));
        }
        var text = clip is null ? null : Dalle2Graphs.Text(bundle, clip, clipWeights!, ClipFamily.CopyTokenizer(bundle, files.Vocabulary(), files.Merges, clip.Text), source.Setting("start-and-end") != 0);
        return Describe(source, bundle, embedding ?? 1, clip, clipWeights, text, priorGraphs, stages);
    }

    private static Manifest ExportRandom(ExportSource source, BundleWriter bundle, Dalle2Sizes sizes)
    {
        Checkpoint prior = Weights(0), decoder = Weights(1), clip = Weights(2);
        var none = new ModelConfiguration(new Dictionary<string, object?>(), "");
        var priorGraphs = Dalle2Graphs.Prior(source, bundle, sizes.Prior, prior, none, sizes.Clip.Text.Length);
        var stages = sizes.Unets.Select((unet, i) => Dalle2Graphs.Stage(
            source, bundle, unet, decoder.Subtree($"unets.{i}."), sizes.Settings, i, sizes.Unets.Length, sizes.Clip.Text.Length)).ToArray();
        var text = Dalle2Graphs.Text(bundle, sizes.Clip, clip, RandomTokenizer.Write(bundle), hasEnds: source.Setting("start-and-end") != 0);
        return Describe(source, bundle, sizes.Clip.Embedding, sizes.Clip, clip, text, priorGraphs, stages);

        // Through narrow layers of the usual weights neither prompt nor image embedding makes a difference.
        Checkpoint Weights(int part) => source.Size == "tiny" ? source.OpenRandom(part, deviation: null) : source.Open(part);
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
        var generation = ofKeys(weights);
        // Versions 1.4.3 to 1.9 have the same keys and another arithmetic.
        if (version is null && generation == Dalle2Generation.Second)
            source.NoteAssumed($"the generation of '{Path.GetFileName(file.Path)}'", 2, "generation");
        return generation;
    }
}
