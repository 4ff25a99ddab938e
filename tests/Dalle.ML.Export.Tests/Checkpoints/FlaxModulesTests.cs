using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class FlaxModulesTests : CheckpointTest
{
    [Fact]
    public void Modules_have_the_names_and_shapes_of_PyTorch()
    {
        using var flax = Open(
            ("dense.kernel", [2, 3]), ("conv.kernel", [1, 2, 3, 4]), ("norm.scale", [2]), ("norm.bias", [2]), ("words.embedding", [2, 2]));
        var torch = new FlaxModules(flax, module => "net." + module);
        string[] names = ["net.conv.weight", "net.dense.weight", "net.norm.bias", "net.norm.weight", "net.words.weight"];
        Assert.Equal(names, torch.Names.Order(StringComparer.Ordinal));
        Assert.Equal([3, 2], torch.Shape("net.dense.weight"));
        Assert.Equal([0, 3, 1, 4, 2, 5], torch.Read("net.dense.weight", 3, 2).Values);
        // [y, x, in, out] to [out, in, y, x]: the last axis comes first, the two first ones last.
        Assert.Equal([0, 12, 4, 16, 8, 20], torch.Read("net.conv.weight", 4, 3, 1, 2).Values[..6]);
        Assert.Equal([0, 1], torch.Read("net.norm.weight", 2).Values);
        Assert.Equal([0, 1, 2, 3], torch.Read("net.words.weight", 2, 2).Values);
    }

    [Fact]
    public void Stacked_layers_are_tensors_of_their_own()
    {
        using var flax = Open(("layers.kernel", [2, 1, 3]), ("layers.bias", [2, 3]));
        var torch = new FlaxModules(flax, module => module.Replace("layers.", $"layers.{FlaxModules.Layer}.", StringComparison.Ordinal));
        Assert.Equal(2, torch.Count("layers.", ".weight"));
        Assert.Equal([3, 4, 5], torch.Read("layers.1.weight", 3, 1).Values);
        Assert.Equal([3, 4, 5], torch.Read("layers.1.bias", 3).Values);
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        using var flax = Open(("dense.kernel", [2, 3]), ("none", []), ("many", [2000, 1]));
        var torch = new FlaxModules(flax, module => module);
        Assert.Contains("dense.kernel", Assert.Throws<InvalidDataException>(() => torch.Read("dense.weight", 2, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("dense.bias", Assert.Throws<InvalidDataException>(() => torch.Read("dense.bias", 3)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => new FlaxModules(flax.Subtree("none"), _ => $"{FlaxModules.Layer}."));
        Assert.Throws<InvalidDataException>(() => new FlaxModules(flax.Subtree("many"), _ => $"{FlaxModules.Layer}."));
    }

    /// <summary>Tensors that count up from 0.</summary>
    private Checkpoint Open(params (string Name, int[] Shape)[] tensors)
    {
        static Tensor Count(int[] shape)
        {
            var count = shape.Aggregate(1, (product, size) => product * size);
            return new Tensor([.. Enumerable.Range(0, count).Select(value => (float)value)], isFloat16: false, shape);
        }
        var path = Write([]);
        SafetensorsWriter.Write(path, tensors.ToDictionary(tensor => tensor.Name, tensor => Count(tensor.Shape)));
        return Checkpoint.Open(path);
    }
}
