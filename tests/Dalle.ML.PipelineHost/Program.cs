using System.Text.Json;
using Dalle.ML.PipelineHost;
using Microsoft.ML;

// Loads a saved pipeline in a fresh process, runs it on the rows of a file and prints the columns that are named, a row a line.
var ml = new MLContext();
var pipeline = ml.Model.Load(args[0], out _);
var result = pipeline.Transform(ml.Data.LoadFromEnumerable(JsonSerializer.Deserialize<PipelineRow[]>(File.ReadAllBytes(args[1]))!));
var columns = args[2..].Select(column => ColumnText.Of(result, column)).ToArray();
for (var row = 0; row < columns[0].Length; row++)
    Console.WriteLine(string.Join(' ', columns.Select(column => column[row])));
