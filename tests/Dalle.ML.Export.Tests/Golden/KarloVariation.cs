using System.Globalization;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The paper's variation of an inverted image; the name of its file tells how much of the noise is fresh: "eta06" is 0.6.</summary>
internal sealed record KarloVariation(Npy Image, Npy Noise, float Eta)
{
    private const string Start = "variation_eta";

    public static KarloVariation Of(KarloBundle bundle)
    {
        const string End = "_noise.npy";
        var file = Path.GetFileName(Assert.Single(Directory.GetFiles(Path.Combine(bundle.Root, "inversion"), $"{Start}*{End}")))[..^End.Length];
        var digits = file[Start.Length..];
        var eta = float.Parse(digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}", CultureInfo.InvariantCulture);
        return new(bundle.Read($"inversion/{file}"), bundle.Read($"inversion/{file}_noise"), eta);
    }
}
