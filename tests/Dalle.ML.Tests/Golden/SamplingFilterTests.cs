using System.Globalization;
using System.Text.RegularExpressions;
using Dalle.ML.Generation.Autoregressive;

namespace Dalle.ML.Tests.Golden;

/// <summary>Temperature, top-k and top-p against the probabilities that the families' own code samples from.</summary>
[Trait("Category", "Golden")]
public sealed partial class SamplingFilterTests
{
    [Theory]
    [InlineData("sampling-filters")]
    public void Filtered_probabilities_are_those_of_the_reference(string family)
    {
        var folder = GoldenFolder.Of(family);
        var logits = Npy.Read(Path.Combine(folder, "logits.npy"));
        var vocabulary = logits.Shape[1];
        var rows = logits.Floats().Chunk(vocabulary).ToArray();
        var references = Directory.GetFiles(folder, "*.npy").Where(file => Path.GetFileName(file) != "logits.npy").ToArray();
        Assert.NotEmpty(references);
        foreach (var reference in references)
        {
            var name = FileName().Match(Path.GetFileName(reference));
            Assert.True(name.Success, $"'{reference}' does not say how its probabilities were filtered.");
            // DALLE-pytorch states the part of the vocabulary that is dropped, and cuts the rest to a whole number.
            var isLucid = Number(name, "threshold") is not null;
            var topK = (int?)Number(name, "k") ?? Math.Max((int)((1 - Number(name, "threshold")!.Value) * vocabulary), 1);
            var sampler = new Sampler(vocabulary, (float)Number(name, "temperature")!, topK, (float)(Number(name, "p") ?? 1));
            foreach (var (expected, row) in Npy.Read(reference).Floats().Chunk(vocabulary).Select((expected, row) => (expected, row)))
            {
                // Of equal logits at the edge it keeps as many as there is room for, which ones is not said.
                if (isLucid && IsTied(rows[row], topK))
                    continue;
                var actual = sampler.Probabilities(rows[row]).ToArray();
                var (all, mass) = (expected.Sum(), actual.Sum());
                for (var token = 0; token < vocabulary; token++)
                {
                    Assert.True(
                        (expected[token] == 0) == (actual[token] == 0) && MathF.Abs(expected[token] / all - actual[token] / mass) < 1e-5,
                        $"{name.Value}, row {row}, token {token}: {expected[token] / all} is due; it is {actual[token] / mass}.");
                }
            }
        }
    }

    private static bool IsTied(float[] logits, int topK)
    {
        var sorted = logits.OrderDescending().ToArray();
        return topK < sorted.Length && sorted[topK - 1] == sorted[topK];
    }

    private static double? Number(Match name, string part) =>
        double.TryParse(name.Groups[part].ValueSpan, CultureInfo.InvariantCulture, out var number) ? number : null;

    [GeneratedRegex("^[a-zA-Z_]+_(thres(?<threshold>[0-9.]+)_)?t(?<temperature>[0-9.]+?)(_k(?<k>[0-9]+))?(_p(?<p>[0-9.]+?|None))?.npy$")]
    private static partial Regex FileName();
}
