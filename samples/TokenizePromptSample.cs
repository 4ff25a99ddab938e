using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Samples;

public static class TokenizePromptSample
{
    #region Sample
    public static void Example()
    {
        var ml = new MLContext();
        var data = ml.Data.LoadFromEnumerable(new[] { new Request { Prompt = "a cat" }, new Request { Prompt = "A CAT" } });
        var pipeline = ml.Transforms.TokenizePrompt("Tokens", "Prompt");

        var tokens = pipeline.Fit(data).Transform(data).GetColumn<int[]>("Tokens").ToArray();
        Console.WriteLine($"{tokens[0].Length} tokens, with padding");
        Console.WriteLine($"Capitals make no difference to this model: {tokens[0].SequenceEqual(tokens[1])}");

        // Output:
        //   24 tokens, with padding
        //   Capitals make no difference to this model: True
    }

    private sealed class Request
    {
        public string Prompt { get; set; } = "";
    }
    #endregion
}
