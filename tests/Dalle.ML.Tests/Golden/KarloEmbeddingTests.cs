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
        var units = Read("textdiff", "unit").Chunk(image.Length);
        // How far each is turned is the share of its angle in the whole one.
        float[] fractions = [.. units.Select(unit => (float)(Angle(image, unit) / Angle(image, Read("textdiff", "z_d"))))];
        Assert.True(fractions.Distinct().Count() == fractions.Length && fractions.Max() > 0, "The embeddings are not turned.");
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

    private static double Angle(float[] from, float[] to) => Math.Acos(Math.Clamp(Cosine(from, to), -1, 1));

    // In double precision: the angle of close ones is the root of what is left of 1.
    private static double Cosine(float[] from, float[] to)
    {
        var (a, b) = (Array.ConvertAll(from, value => (double)value), Array.ConvertAll(to, value => (double)value));
        return TensorPrimitives.CosineSimilarity<double>(a, b);
    }

    private static bool Near(float expected, float actual) => MathF.Abs(expected - actual) <= Tolerance * MathF.Max(1, MathF.Abs(expected));
}
