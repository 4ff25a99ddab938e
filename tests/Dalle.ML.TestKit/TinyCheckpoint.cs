using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dalle.ML.Tests;

/// <summary>Random weights, of deviations that keep a signal's size through a layer, so that every weight counts; written as safetensors.</summary>
internal sealed class TinyCheckpoint(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<(string Name, int[] Shape, float[] Values)> _tensors = [];

    public void Normal(string name, float deviation, params int[] shape)
    {
        var values = new float[shape.Aggregate(1, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = deviation * MathF.Sqrt(-2 * MathF.Log(1 - _random.NextSingle())) * MathF.Cos(MathF.Tau * _random.NextSingle());
        _tensors.Add((name, shape, values));
    }

    public void Constant(string name, float value) => _tensors.Add((name, [1], [value]));

    public void Linear(string name, int outputs, int inputs)
    {
        Normal(name + ".weight", 1.5f / MathF.Sqrt(inputs), outputs, inputs);
        Normal(name + ".bias", 0.1f, outputs);
    }

    public void Norm(string name, int width)
    {
        Normal(name + ".weight", 1, width);
        Normal(name + ".bias", 0.1f, width);
    }

    public void Convolution(string name, int outputs, int inputs, int kernel)
    {
        Normal(name + ".weight", 1 / MathF.Sqrt(inputs * kernel * kernel), outputs, inputs, kernel, kernel);
        Normal(name + ".bias", 0.1f, outputs);
    }

    public void Residual(string name, int width)
    {
        Convolution(name + ".a", width, width, 3);
        Convolution(name + ".b", width, width, 3);
    }

    /// <summary>A block of a transformer.</summary>
    public void Block(string name, int width)
    {
        Norm(name + ".ln1", width);
        Norm(name + ".ln2", width);
        Linear(name + ".qkv", 3 * width, width);
        Linear(name + ".proj", width, width);
        Linear(name + ".fc1", 4 * width, width);
        Linear(name + ".fc2", width, 4 * width);
    }

    public void Write(string path)
    {
        var offset = 0;
        var header = JsonSerializer.SerializeToUtf8Bytes(_tensors.ToDictionary(tensor => tensor.Name, tensor => new
        {
            dtype = "F32",
            shape = tensor.Shape,
            data_offsets = new[] { offset, offset += sizeof(float) * tensor.Values.Length },
        }));
        using var file = new BinaryWriter(File.Create(path));
        file.Write((long)header.Length);
        file.Write(header);
        foreach (var (_, _, values) in _tensors)
            file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
