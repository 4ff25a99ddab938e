using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

[Trait("Category", "Golden")]
public sealed class GoldenCheckpointTests
{
    private static readonly string[] Extensions = [".pt", ".pth", ".pkl", ".ckpt", ".bin", ".th", ".safetensors", ".msgpack"];

    public static IEnumerable<TheoryDataRow<string>> Files() =>
        Directory.EnumerateFiles(GoldenFolder.Root, "*", SearchOption.AllDirectories).Where(IsCheckpoint)
            .Order(StringComparer.Ordinal).Select(file => new TheoryDataRow<string>(Path.GetRelativePath(GoldenFolder.Root, file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_tensor_of_every_checkpoint_is_read(string file)
    {
        using var checkpoint = Checkpoint.Open(Path.Combine(GoldenFolder.Root, file));
        Assert.NotEmpty(checkpoint.Names);
        Assert.All(checkpoint.Names, name =>
        {
            var tensor = checkpoint.Read(name);
            Assert.Equal(checkpoint.Shape(name), tensor.Shape);
            Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value)));
        });
    }

    /// <summary>The same tensors in other formats lie in the same folder: as safetensors, and under names like encoder_legacy.pkl.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void Files_of_the_same_tensors_agree(string file)
    {
        var path = Path.Combine(GoldenFolder.Root, file);
        using var checkpoint = Checkpoint.Open(path);
        var isSafetensors = Path.GetExtension(path) == ".safetensors";
        var compared = 0;
        string[] others = [.. Directory.EnumerateFiles(Path.GetDirectoryName(path)!).Where(other => other != path && IsCheckpoint(other))];
        Assert.SkipWhen(others.Length == 0, "The file is alone in its folder.");
        foreach (var other in others)
        {
            using var whole = Checkpoint.Open(other);
            if (!isSafetensors && FirstWord(other) != FirstWord(path))
                continue;
            foreach (var part in new[] { whole, whole.Subtree("state_dict."), whole.Subtree("weights.") }.Where(part => HasSameShapes(checkpoint, part)))
            {
                compared++;
                Assert.All(checkpoint.Names, name =>
                {
                    var (left, right) = (checkpoint.Read(name), part.Read(name));
                    Assert.Equal(left.IsFloat16, right.IsFloat16);
                    Assert.Equal(left.Values, right.Values);
                });
            }
        }
        Assert.True(compared > 0 || !isSafetensors, $"Nothing beside '{file}' has its tensors.");
    }

    private static bool IsCheckpoint(string file) => Extensions.Contains(Path.GetExtension(file));

    private static string FirstWord(string file) => Path.GetFileNameWithoutExtension(file).Split('_')[0];

    private static bool HasSameShapes(Checkpoint left, Checkpoint right) =>
        left.Names.ToHashSet().SetEquals(right.Names) && left.Names.All(name => left.Shape(name).SequenceEqual(right.Shape(name)));
}
