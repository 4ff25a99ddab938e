using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class CheckpointExtensionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 0, "layers.0.w", "layers.1.w", "layers.2.w", "layers.2.b", "layers.x.w", "layers.0.1.w", "other.3.w")]
    [InlineData(2, 1, "layers.1.w", "layers.2.w")]
    public void Numbered_parts_are_counted(int count, int first, params string[] names)
    {
        using var checkpoint = Write(names);
        Assert.Equal(count, checkpoint.Count("layers.", ".w", first));
    }

    [Fact]
    public void A_part_that_is_lacking_is_named()
    {
        using var checkpoint = Write("layers.0.w", "layers.2.w");
        Assert.Contains("'layers.1.w'", Assert.Throws<InvalidDataException>(() => checkpoint.Count("layers.", ".w")).Message, StringComparison.Ordinal);
    }

    private Checkpoint Write(params string[] names)
    {
        var path = Path.Combine(_folder.Path, "weights.safetensors");
        SafetensorsWriter.Write(path, names.Append("last").ToDictionary(name => name, _ => new Tensor([1], isFloat16: false, 1)));
        return Checkpoint.Open(path);
    }
}
