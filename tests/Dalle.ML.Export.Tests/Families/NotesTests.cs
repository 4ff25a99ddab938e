using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>What nothing in a checkpoint tells is assumed, and said; what is given is not.</summary>
public sealed class NotesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Files of the reference data, the words of the notes that are due, and the settings that make each superfluous.</summary>
    public static IEnumerable<TheoryDataRow<string, string[], string[]>> Families()
    {
        yield return new("taming-vqgan", ["minDALL-E/model/stage1_last.ckpt"], ["side of the images|resolution=32"]);
        yield return new("min-dalle",
            ["min-dalle/models/dalle_bart_mega/encoder.pt", "min-dalle/models/dalle_bart_mega/decoder.pt", "min-dalle/models/vqgan/detoker.pt",
             "min-dalle/models/dalle_bart_mega/vocab.json", "min-dalle/models/dalle_bart_mega/merges.txt"],
            ["attention heads|heads=4", "begins an image|bos=4"]);
        yield return new("minDALL-E", ["minDALL-E/model/stage1_last.ckpt", "minDALL-E/igpt_cls/stage2_last.ckpt"], ["attention heads|heads=4", "nonlinearity|quick-gelu=0"]);
        yield return new("ru-dalle", ["ru-dalle/v3/pytorch_model.bin", "ru-dalle/vae/vqgan.ckpt", "ru-dalle/tokenizer/bpe.model"], ["attention heads|heads=4"]);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void What_is_assumed_is_said_and_what_is_given_is_not(string family, string[] files, string[] due)
    {
        // Alone in a folder, where no configuration lies beside them.
        string[] copies = [.. files.Select((file, i) => Copy(file, i))];
        var pairs = due.Select(pair => pair.Split('|')).ToArray();

        // The tiny models have heads that are not of the published size, so that the number must be given.
        var heads = pairs.Where(pair => pair[1].StartsWith("heads", StringComparison.Ordinal)).Select(pair => pair[1]);
        var notes = Export(family, copies, heads);
        foreach (var pair in pairs.Where(pair => !heads.Contains(pair[1])))
            Assert.Contains(notes, note => note.Contains(pair[0], StringComparison.Ordinal) && note.Contains($"'{pair[1].Split('=')[0]}'", StringComparison.Ordinal));
        Assert.Empty(Export(family, copies, pairs.Select(pair => pair[1])));
    }

    [Fact]
    public void Arguments_that_a_checkpoint_did_not_save_are_named_with_their_defaults()
    {
        var silent = new TinyDallePytorch(rotaryWidth: 0) { Arguments = { ["attn_types"] = null } };
        var notes = Export("dalle-pytorch", silent.Write(Path.Combine(_folder.Path, "silent")), []);
        Assert.Contains(notes, note => note.Contains("'attn_types'", StringComparison.Ordinal) && note.Contains("assumed to be full:", StringComparison.Ordinal));
        Assert.Contains(notes, note => note.Contains("'stable'", StringComparison.Ordinal) && note.Contains("assumed to be False:", StringComparison.Ordinal));
        Assert.DoesNotContain(notes, note => note.Contains("text_seq_len", StringComparison.Ordinal) || note.Contains("dim_head", StringComparison.Ordinal));

        var told = new TinyDallePytorch(rotaryWidth: 0) { Arguments = { ["stable"] = false } };
        Assert.DoesNotContain(Export("dalle-pytorch", told.Write(Path.Combine(_folder.Path, "told")), []),
            note => note.Contains("'attn_types'", StringComparison.Ordinal) || note.Contains("'stable'", StringComparison.Ordinal));
    }

    [Fact]
    public void The_model_that_was_taken_among_several_is_named_with_the_others()
    {
        var weights = Weights("minDALL-E/model/stage1_last.ckpt");
        var pair = Path.Combine(_folder.Path, "pair.ckpt");
        SafetensorsWriter.Write(pair, new[] { "state_dict.", "ema." }.SelectMany(prefix => weights.Select(tensor => (prefix + tensor.Key, tensor.Value))).ToDictionary());
        var note = Assert.Single(Export("taming-vqgan", [pair], ["resolution=32"]));
        Assert.Contains("'state_dict' is exported, and not 'ema'", note, StringComparison.Ordinal);
    }

    private IReadOnlyList<string> Export(string family, IReadOnlyList<string> files, IEnumerable<string> settings) =>
        BundleExporter.Export(family, files, Path.Combine(_folder.Path, "bundle"), new() { Settings = settings.Select(setting => setting.Split('=')).ToDictionary(parts => parts[0], parts => parts[1]) });

    private string Copy(string file, int number)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, $"part{number}")).FullName;
        var copy = Path.Combine(folder, Path.GetFileName(file));
        File.Copy(Golden(file), copy, overwrite: true);
        return copy;
    }

    private static Dictionary<string, Tensor> Weights(string file)
    {
        using var checkpoint = Checkpoint.Open(Golden(file));
        var model = checkpoint.FindSubtree("decoder.conv_in.weight");
        return model.Names.ToDictionary(name => name, model.Read);
    }

    private static string Golden(string file)
    {
        var path = Path.Combine(GoldenFolder.Root, file);
        Assert.SkipUnless(File.Exists(path), $"There is no golden '{file}'.");
        return path;
    }
}
