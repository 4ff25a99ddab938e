using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Golden;

namespace Dalle.ML.Export.Tests.Checkpoints;

[Trait("Category", "Golden")]
public sealed class GoldenCheckpointTests
{
    private static readonly string[] Extensions = [".pt", ".pkl", ".ckpt", ".bin", ".th", ".safetensors"];

    public static IEnumerable<TheoryDataRow<string>> Files() => GoldenFolder.Root is not { } root
        ? [new TheoryDataRow<string>("") { Skip = "There is no golden folder: set DALLE_GOLDEN." }]
        : Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Where(file => Extensions.Contains(Path.GetExtension(file)))
            .Order().Select(file => new TheoryDataRow<string>(Path.GetRelativePath(root, file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_tensor_of_every_checkpoint_is_read(string file)
    {
        using var checkpoint = Checkpoint.Open(Path.Combine(GoldenFolder.Root!, file));
        Assert.NotEmpty(checkpoint.Names);
        Assert.All(checkpoint.Names, name =>
        {
            var tensor = checkpoint.Read(name);
            Assert.Equal(checkpoint.Shape(name), tensor.Shape);
            Assert.All(tensor.Values, value => Assert.True(float.IsFinite(value)));
        });
    }
}
