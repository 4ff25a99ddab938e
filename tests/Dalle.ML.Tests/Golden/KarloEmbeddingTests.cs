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
        double[] fractions = [0.25, 0.375, 0.5];
        Assert.Equal(
            expected, fractions.SelectMany(fraction => ImageEmbeddings.Turn(image, texts.AsSpan(0, image.Length), texts.AsSpan(image.Length), fraction)), Near);
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
