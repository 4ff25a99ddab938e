using System.Numerics.Tensors;
using System.Text.Json;
using Dalle.ML.Generation.Diffusion;

namespace Dalle.ML.Tests.Golden;

/// <summary>Ways between image embeddings against those of the reference, which are computed from Karlo's.</summary>
[Trait("Category", "Golden")]
public sealed class KarloEmbeddingTests
{
    private const float Tolerance = 1e-4f;

    [Fact]
    public void Slerp_is_that_of_the_reference()
    {
        var (from, to, expected) = (Read("interpolation", "a"), Read("interpolation", "b"), Read("interpolation", "slerp"));
        var fractions = Fractions("interpolation/theta.json", expected.Length / from.Length);
        Assert.Equal(expected, fractions.SelectMany(fraction => ImageEmbeddings.Slerp(from, to, fraction)), Near);
    }

    [Fact]
    public void Text_differences_are_those_of_the_reference()
    {
        var (image, texts, expected) = (Read("interpolation", "a"), Read("textdiff", "txt_feat"), Read("textdiff", "embeddings"));
        var fractions = GoldenReadme.Numbers("karlo/textdiff/unit.npy", "theta");
        Assert.Equal(expected, fractions.SelectMany(Turned), Near);
        var length = TensorPrimitives.Norm<float>(image);
        Assert.Equal(Read("textdiff", "unit"), fractions.SelectMany(Turned).Select(value => value / length), Near);
        // What is turned all the way is the difference of the texts.
        Assert.Equal(Read("textdiff", "z_d"), Turned(1).Select(value => value / length), Near);

        float[] Turned(float fraction) => ImageEmbeddings.Turn(image, texts.AsSpan(0, image.Length), texts.AsSpan(image.Length), fraction);
    }

    private static float[] Read(string folder, string name) => Npy.Read(Path.Combine(GoldenFolder.Of("karlo"), folder, name + ".npy")).Floats();

    private static double[] Fractions(string file, int count)
    {
        var fractions = JsonSerializer.Deserialize<double[]>(File.ReadAllText(Path.Combine(GoldenFolder.Of("karlo"), file)))!;
        Assert.Equal(count, fractions.Length);
        return fractions;
    }

    private static bool Near(float expected, float actual) => MathF.Abs(expected - actual) <= Tolerance * MathF.Max(1, MathF.Abs(expected));
}
