using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>The features of a text for the networks: a row for the prompt and one for the unconditional prompt.</summary>
internal sealed record TextFeatures(float[] Pooled, float[] Sequence, bool[] Mask)
{
    private const int Rows = 2;

    /// <summary>For a model that reads no text.</summary>
    public static TextFeatures None { get; } = new([], [], []);

    /// <summary>Adds the first rows to the inputs of a network.</summary>
    public void AddTo(NamedTensors tensors, int rows)
    {
        if (Mask.Length == 0)
            return;
        var (dimension, length) = (Pooled.Length / Rows, Mask.Length / Rows);
        tensors.Add("pooled", Pooled[..(rows * dimension)], rows, dimension);
        tensors.Add("sequence", Sequence[..(Sequence.Length / Rows * rows)], rows, length, Sequence.Length / Mask.Length);
        tensors.Add("mask", Mask[..(rows * length)], rows, length);
    }
}
