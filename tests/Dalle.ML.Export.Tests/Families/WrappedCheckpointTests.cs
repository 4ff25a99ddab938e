using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>What trainers wrap around weights changes nothing, whatever the family.</summary>
public sealed class WrappedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Each family with files of its reference data, those of the tokenizer last.</summary>
    public static IEnumerable<TheoryDataRow<string, string, string[]>> Families()
    {
        foreach (var wrapper in new[] { "module.", "_orig_mod.", "state_dict.model.", "model_state_dict.", "ema." })
        {
            yield return new("ru-dalle", wrapper, ["ru-dalle/v3/pytorch_model.bin", "ru-dalle/vae/vqgan.ckpt", "ru-dalle/tokenizer/bpe.model"]);
            yield return new("minDALL-E", wrapper, ["minDALL-E/model/stage1_last.ckpt", "minDALL-E/igpt_cls/stage2_last.ckpt"]);
            yield return new("openai-dvae", wrapper, ["openai-dvae/encoder.pkl", "openai-dvae/decoder.pkl"]);
            yield return new("clip", wrapper, ["openai-clip/vit/model_state_dict.pt", "openai-clip/bpe_tiny.txt.gz"]);
            yield return new("taming-vqgan", wrapper, ["minDALL-E/model/stage1_last.ckpt"]);
            yield return new("min-dalle", wrapper, ["min-dalle/models/dalle_bart_mega/encoder.pt", "min-dalle/models/dalle_bart_mega/decoder.pt", "min-dalle/models/vqgan/detoker.pt",
                "min-dalle/models/dalle_bart_mega/vocab.json", "min-dalle/models/dalle_bart_mega/merges.txt"]);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_wrapped_checkpoint_gives_the_same_bundle(string family, string wrapper, string[] files)
    {
        string[] Copies(string prefix) => [.. files.Select((file, i) => IsTokenizer(file) ? Golden(file) : Wrap(file, $"{i}{prefix}safetensors", prefix))];
        var options = new ExportOptions { Settings = BundleExporter.SettingsOf(family).ContainsKey("heads") ? new() { ["heads"] = "4" } : new Dictionary<string, string>() };
        AssertSameBundle(family, Copies(""), Copies(wrapper), options);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.module.")]
    public void A_wrapped_DALLE_of_the_project_DALLE_pytorch_gives_the_same_bundle(string wrapper)
    {
        var (plain, wrapped) = (new TinyDallePytorch(rotaryWidth: 0), new TinyDallePytorch(rotaryWidth: 0));
        wrapped.Weights.Clear();
        foreach (var (name, tensor) in plain.Weights)
            wrapped.Weights.Add(wrapper + name, tensor);
        AssertSameBundle("dalle-pytorch", plain.Write(Path.Combine(_folder.Path, "plain")), wrapped.Write(Path.Combine(_folder.Path, "wrapped")), new());
    }

    [Fact]
    public void A_wrapped_model_of_our_own_gives_the_same_bundle()
    {
        var plain = new TinyDalle().Write(Path.Combine(_folder.Path, "plain"), isSparse: true);
        var wrapped = new TinyDalle().Write(Path.Combine(_folder.Path, "wrapped"), isSparse: true);
        foreach (var file in new[] { "transformer.safetensors", "dvae.safetensors" })
            CopyBehind("model_state_dict.module.", Path.Combine(plain, file), Path.Combine(wrapped, file));
        AssertSameBundle("dalle", [plain], [wrapped], new());
    }

    [Fact]
    public void Of_the_two_VQGANs_of_a_conditional_model_the_one_of_its_images_is_taken()
    {
        var source = Golden("minDALL-E/model/stage1_last.ckpt");
        using var checkpoint = Checkpoint.Open(source);
        var vqgan = checkpoint.FindSubtree("decoder.conv_in.weight");
        var weights = vqgan.Names.ToDictionary(name => "state_dict.first_stage_model." + name, vqgan.Read);
        foreach (var name in vqgan.Names)
            weights.Add("state_dict.cond_stage_model." + name, new Tensor(new float[vqgan.Read(name).Values.Length], isFloat16: false, vqgan.Shape(name)));
        var pair = Path.Combine(_folder.Path, "pair.ckpt");
        SafetensorsWriter.Write(pair, weights);
        AssertSameBundle("taming-vqgan", [Wrap("minDALL-E/model/stage1_last.ckpt", "alone.ckpt", "")], [pair], new());
    }

    private void AssertSameBundle(string family, string[] plain, string[] wrapped, ExportOptions options)
    {
        var (expected, actual) = (Path.Combine(_folder.Path, "expected"), Path.Combine(_folder.Path, "actual"));
        BundleExporter.Export(family, plain, expected, options);
        BundleExporter.Export(family, wrapped, actual, options);
        // The manifest has the hash of every other file.
        Assert.Equal(File.ReadAllText(Path.Combine(expected, "dalle.json")), File.ReadAllText(Path.Combine(actual, "dalle.json")));
    }

    private string Wrap(string golden, string name, string prefix) => CopyBehind(prefix, Golden(golden), Path.Combine(_folder.Path, name));

    /// <summary>Writes the model in a file, out of its own wrappers, behind a prefix.</summary>
    private static string CopyBehind(string prefix, string source, string target)
    {
        var weights = new Dictionary<string, Tensor>();
        using (var checkpoint = Checkpoint.Open(source))
        {
            var model = checkpoint.Names.Any(name => name.StartsWith("state_dict.", StringComparison.Ordinal)) ? checkpoint.Subtree("state_dict.") : checkpoint;
            foreach (var name in model.Names)
                weights.Add(prefix + name, model.Read(name));
        }
        SafetensorsWriter.Write(target, weights);
        return target;
    }

    private static string Golden(string file)
    {
        var path = Path.Combine(GoldenFolder.Root, file);
        Assert.SkipUnless(File.Exists(path), $"There is no '{path}'.");
        return path;
    }

    private static bool IsTokenizer(string file) => Path.GetExtension(file) is ".model" or ".json" or ".txt" or ".gz";
}
