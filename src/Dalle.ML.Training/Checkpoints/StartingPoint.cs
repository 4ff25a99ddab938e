using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Text.Tokenizers;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Networks;
using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>
/// The model of the family <c>dalle</c> that training starts from, a checkpoint or a bundle. Its vocabulary may differ from the new one:
/// tokens that both have keep what was learnt about them.
/// </summary>
internal sealed class StartingPoint
{
    /// <summary>Names the model that comes with the library.</summary>
    public const string BuiltIn = "builtin";

    private const string ConfigurationName = "config.json";
    private const string TextHead = "text_head.";

    private readonly string _name;

    private StartingPoint(string name, string folder, DalleConfig config) => (_name, Folder, Config) = (name, folder, config);

    /// <summary>Folder of the checkpoint; of a bundle, that which was recovered from it.</summary>
    public string Folder { get; }

    public DalleConfig Config { get; }

    /// <param name="start">Folder of a checkpoint, folder or name of a bundle, or <see cref="BuiltIn"/>.</param>
    /// <param name="run">Folder of the run that starts from it. The checkpoint of a bundle is recovered there.</param>
    /// <param name="note">Is told what of the model is missing and begins anew.</param>
    /// <exception cref="ArgumentException">It is the run's own.</exception>
    /// <exception cref="DalleBundleException">It is a bundle that is invalid or cannot be trained further.</exception>
    /// <exception cref="InvalidDataException">It is neither, or not well-formed.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static StartingPoint Open(string start, string run, Action<string> note)
    {
        var folder = Bundle.FullPath(start == BuiltIn && !Directory.Exists(start) ? DalleModel.DefaultPath : ModelFolders.Find(start));
        if (Path.GetDirectoryName(folder) == Bundle.FullPath(run) && Path.GetFileName(folder) is "checkpoint" or "model")
            throw new ArgumentException($"The run in '{run}' cannot start from its own '{Path.GetFileName(folder)}': it goes on by itself. Choose another folder for the run.");
        if (!File.Exists(Path.Combine(folder, ConfigurationName)) && ModelFolders.IsModel(folder))
        {
            var recovered = Directory.CreateDirectory(Path.Combine(run, "start")).FullName;
            BundleCheckpoint.Write(folder, recovered, note);
            folder = recovered;
        }
        var config = Path.Combine(folder, ConfigurationName);
        var point = File.Exists(config) ? new StartingPoint(start, folder, DalleConfig.Read(config)) : throw new FileNotFoundException(
            $"'{start}' has no config.json and no {Bundle.ManifestName}, so it is neither a checkpoint nor a bundle of the family 'dalle' to start from. "
            + $"Name the folder 'checkpoint' or 'model' of a run, one that export.py wrote, or '{BuiltIn}'.", config);
        if (point.LacksTextHead())
            note($"'{start}' has no head for the text: that begins anew, and until it is learnt the model completes texts badly.");
        return point;
    }

    private bool LacksTextHead()
    {
        if (Config.Transformer is not { } transformer)
            return false;
        using var file = OpenFile(transformer.File);
        return !file.Contains(TextHead + "weight");
    }

    /// <summary>The plan with the sizes of this model's networks.</summary>
    /// <exception cref="InvalidDataException">The configuration and the tensors contradict each other.</exception>
    public TrainingPlan Adapt(TrainingPlan plan)
    {
        return plan with
        {
            DiscreteVae = plan.FreezesDiscreteVae ? plan.DiscreteVae : Adapt(plan.DiscreteVae),
            Transformer = Config.Transformer is { } transformer ? Adapt(plan.Transformer, transformer) : plan.Transformer,
            Clip = Config.Clip is { } clip ? Adapt(plan.Clip, clip) : plan.Clip,
        };
    }

    private TransformerPlan Adapt(TransformerPlan plan, DalleConfig.TransformerPart part)
    {
        var (layers, dim, heads) = (part.Layers, part.Dim, part.Heads);
        using var file = OpenFile(part.File);
        // Before networks of these sizes are made.
        return heads < 1 || dim % heads != 0 || file.Count("blocks.", ".qkv.weight") != layers || !file.Shape("blocks.0.qkv.weight").SequenceEqual([3 * dim, dim])
            || !file.Shape("image_emb.weight").SequenceEqual([Config.ImageVocab, dim]) || !file.Shape("row_emb.weight").SequenceEqual([Config.Grid, dim])
                ? throw new InvalidDataException($"The sizes of the transformer in config.json of '{_name}' are not those of its tensors.")
                : plan with { Layers = layers, Dim = dim, Heads = heads, IsSparse = part.SparseAttention };
    }

    /// <summary>The discrete VAE as it is.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public DiscreteVaeNetwork ReadDiscreteVae(Device device)
    {
        using var file = OpenFile(Config.Dvae.File);
        return DiscreteVaeFiles.ReadExported(file, Config, device);
    }

    /// <summary>Copies the file of the discrete VAE.</summary>
    public void CopyDiscreteVae(string path) => File.Copy(PathOf(Config.Dvae.File), path, overwrite: true);

    /// <summary>Reads the discrete VAE to be trained further.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed, of other sizes, or cannot be trained.</exception>
    public void LoadDiscreteVae(DiscreteVaeNetwork network)
    {
        if (!Config.Dvae.LogitLaplace || !network.Sizes.IsLogitLaplace)
        {
            throw new InvalidDataException($"The discrete VAE of '{_name}' cannot be trained further: only one of the paper's relaxation can (UsesGumbel, --gumbel), "
                + "for the files of others lack the codebook that the encoder learnt with. Freeze it (FreezeDiscreteVae, --freeze-dvae).");
        }
        using var file = OpenFile(Config.Dvae.File);
        DiscreteVaeFiles.ReadExported(file, network);
    }

    /// <summary>Reads the transformer, where there is one.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed or of other sizes.</exception>
    public void LoadTransformer(TransformerNetwork network, TrainingText text)
    {
        if (Config.Transformer is not { } transformer)
            return;
        using var file = OpenFile(transformer.File);
        Load(file, network, Rows(text, network.Sizes.TextLen), ["text_emb.weight", "text_head.weight", "text_head.bias"], ["text_pos.weight"]);
    }

    /// <summary>Reads CLIP, where there is one.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed or of other sizes.</exception>
    public void LoadClip(ClipNetwork network, TrainingText text)
    {
        if (Config.Clip is not { } clip)
            return;
        using var file = OpenFile(clip.File);
        Load(file, network, Rows(text, network.Sizes.TextLen), ["text.text_emb.weight"], ["text.text_pos.weight"]);
    }

    /// <summary>Reads all tensors; of those with a row for each text id or position, the rows that the old model has.</summary>
    private static void Load(Checkpoint file, Module network, (long[] New, long[] Old) rows, string[] byToken, string[] byPosition)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        foreach (var (name, parameter) in network.named_parameters())
        {
            // It begins anew, as was told.
            if (name.StartsWith(TextHead, StringComparison.Ordinal) && !file.Contains(name))
                continue;
            var isByToken = byToken.Contains(name);
            if (!isByToken && !byPosition.Contains(name))
            {
                file.ReadInto(name, parameter);
                continue;
            }
            int[] shape = [.. parameter.shape.Select(size => (int)size)];
            var old = file.Shape(name, shape.Length);
            if (!old.AsSpan(1).SequenceEqual(shape.AsSpan(1)))
                throw new InvalidDataException($"Tensor '{name}' of the model to start from has rows of {old[^1]} values; {shape[^1]} were expected.");
            var values = tensor(file.Read(name).Values, [.. old.Select(size => (long)size)]).to(parameter.device);
            if (isByToken)
            {
                if (rows.Old.Any(row => row >= old[0]))
                    throw new InvalidDataException($"Tensor '{name}' of the model to start from has {old[0]} rows, fewer than its vocabulary.");
                parameter.index_copy_(0, tensor(rows.New, device: parameter.device), values.index_select(0, tensor(rows.Old, device: parameter.device)));
            }
            else
            {
                var count = Math.Min(old[0], shape[0]);
                parameter.narrow(0, 0, count).copy_(values.narrow(0, 0, count));
            }
        }
    }

    /// <summary>The ids that tokens and paddings have in the new vocabulary and in the old one.</summary>
    private (long[] New, long[] Old) Rows(TrainingText text, int length)
    {
        var old = BpeFiles.Read(Path.Combine(Folder, "vocab.json"), Path.Combine(Folder, "merges.txt")).Vocabulary;
        var (rows, size) = (new List<(long New, long Old)>(), Config.Text.VocabSize);
        foreach (var (token, id) in text.Vocabulary)
        {
            if (old.TryGetValue(token, out var known) && known >= 0 && known < size)
                rows.Add((id, known));
        }
        for (var i = 0; i < Math.Min(length, Config.Text.Length); i++)
            rows.Add((text.VocabularySize + i, size + i));
        return ([.. rows.Select(row => row.New)], [.. rows.Select(row => row.Old)]);
    }

    private DiscreteVaePlan Adapt(DiscreteVaePlan plan)
    {
        using var file = OpenFile(Config.Dvae.File);
        var sizes = DiscreteVaeFiles.SizesOfExported(file, Config);
        return plan with { Width = sizes.Width, DecoderWidth = sizes.DecoderWidth, Blocks = sizes.Blocks, CodebookSize = sizes.Codes, CodeDim = sizes.Dim };
    }

    private ClipPlan Adapt(ClipPlan plan, DalleConfig.ClipPart clip)
    {
        using var file = OpenFile(clip.File);
        return plan with
        {
            Width = file.Shape("image.net.1.bias", rank: 1)[0],
            TextWidth = file.Shape("text.text_emb.weight", rank: 2)[1],
            Layers = file.Count("text.blocks.", ".qkv.weight"),
            Dim = file.Shape("text.proj.bias", rank: 1)[0],
        };
    }

    private Checkpoint OpenFile(string name) => Checkpoint.Open(PathOf(name));

    private string PathOf(string name) => name.AsSpan().ContainsAny('/', '\\', ':') || name is "" or "." or ".."
        ? throw new InvalidDataException($"The configuration of '{_name}' names '{name}', which is not the name of a file in its folder.")
        : Path.Combine(Folder, name);
}
