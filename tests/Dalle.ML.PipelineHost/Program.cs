using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Data;

// Loads a saved pipeline in a fresh process, runs it on prompts and prints, a row a line: picture's hash, seed and score.
var ml = new MLContext();
var pipeline = ml.Model.Load(args[0], out _);
var data = ml.Data.LoadFromEnumerable(args[1..].Select((prompt, row) => new Row { Prompt = prompt, RowSeed = (ulong)row + 40 }));
var result = pipeline.Transform(data);
foreach (var (image, seed, score) in result.GetColumn<MLImage>("Image").Zip(result.GetColumn<ulong>("Seed"), result.GetColumn<float>("Score")))
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(SHA256.HashData(image.Pixels))} {seed} {score:R}"));

internal sealed class Row
{
    public string Prompt { get; set; } = "";

    public ulong RowSeed { get; set; }
}
