using System.Runtime.CompilerServices;
using System.Text.Json;
using Dalle.ML.PipelineHost;
using Microsoft.ML;

// Loads a saved pipeline in a fresh process, runs it on the rows of a file and prints the columns that are named, a row a line.
var ml = new MLContext();
var pipeline = args[0] == nameof(DalleCatalog.LoadDalle) ? LoadDalle(ml, args[1]) : ml.Model.Load(args[1], out _);
var result = pipeline.Transform(ml.Data.LoadFromEnumerable(JsonSerializer.Deserialize<PipelineRow[]>(File.ReadAllBytes(args[2]))!));
foreach (var line in ColumnText.Lines(result, args[3..]))
    Console.WriteLine(line);

// In a method of its own: with plain Load nothing here may load Dalle.ML, ML.NET has to find it.
[MethodImpl(MethodImplOptions.NoInlining)]
static ITransformer LoadDalle(MLContext ml, string path) => ml.Model.LoadDalle(path, out _);
