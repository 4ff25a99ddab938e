namespace Dalle.ML.Export.Tests.Golden;

/// <summary>That a folder of reference data is one that these tests read: a folder that nobody looks into proves nothing.</summary>
[Trait("Category", "Golden")]
public sealed class GoldenFolderTests
{
    /// <summary>For each family the files of which one at least must be there.</summary>
    private static readonly Dictionary<string, string[]> Families = new()
    {
        ["dalle-pytorch"] = ["dalle.pt"],
        ["dalle-pytorch-text"] = ["cases.json"],
        ["dalle2-pytorch"] = ["forward.npy"],
        ["min-dalle"] = ["encoder.pt", "encoder.safetensors"],
        ["minDALL-E"] = ["config.yaml"],
        ["openai-clip"] = ["model_jit.pt", "model_state_dict.pt", "model.safetensors", "tokenizer_full.json"],
        ["openai-dvae"] = ["encoder.pkl", "encoder_legacy.pkl", "encoder_state_dict.pt", "encoder.safetensors"],
        ["ru-clip"] = ["pytorch_model.bin", "model.safetensors"],
        ["ru-dalle"] = ["pytorch_model.bin", "model.safetensors"],
        ["sampling-filters"] = ["logits.npy"],
        ["taming-vqgan"] = ["model.ckpt", "model.safetensors"],
        ["karlo"] = ["prior.ckpt"],
        ["karlo-diffusers"] = ["prior.ckpt"],
        ["real-esrgan"] = ["config.json"],
        ["fid-is"] = ["cases.json"],
    };

    public static IEnumerable<TheoryDataRow<string>> Folders() =>
        Directory.GetDirectories(GoldenFolder.Root).Select(folder => new TheoryDataRow<string>(Path.GetFileName(folder)!));

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_folder_is_one_that_is_tested(string family)
    {
        Assert.SkipUnless(GoldenFolder.IsNamed, "Only the folder that DALLE_GOLDEN names must be whole.");
        Assert.True(Families.TryGetValue(family, out var files), $"'{family}' is no family that there are tests for: {string.Join(", ", Families.Keys)}.");
        Assert.All(GoldenFolder.Files(family, files), row => Assert.Null(row.Skip));
    }
}
