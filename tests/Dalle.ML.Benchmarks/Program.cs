using System.Globalization;
using Dalle.ML.Benchmarks;

if (args is [OneImageProcess.Argument, var candidates])
    return OneImageProcess.Run(candidates);
if (args is [StreamProcess.Argument])
    return StreamProcess.Run();
if (args is [Soak.Argument, "--minutes", var time, "--seed", var number]
    && double.TryParse(time, CultureInfo.InvariantCulture, out var minutes) && int.TryParse(number, out var seed))
    return Soak.Run(minutes, seed);
if (args is [ServerLoad.Argument, "--rounds", var samples] && int.TryParse(samples, out var rounds) && rounds > 0)
    return await ServerLoad.RunAsync(rounds);
if (args is [DiffusionSteps.Argument, var bundle, "--rounds", var repetitions] && int.TryParse(repetitions, out var times) && times > 0)
    return DiffusionSteps.Run(bundle, times);
if (Arguments.Parse(args) is not { } arguments)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 1;
}

var load = Machine.CurrentLoad();
using var model = new BuiltInModel();
using var hardware = new HardwareMeasurements(model);
using var decoder = new DecoderMeasurements(model.Decoder, hardware, [1, 2, 4, 8, 16, 32], _ => []);
using var threads = new ThreadMeasurements(model, hardware, decoder);
using var inGraph = new InGraphSamplingMeasurements(model.SamplingDecoder, hardware.Memory, [1, 8], rows => [("the step alone", decoder.StepOf(rows))]);
using var gpu = new GpuMeasurements();
using var precisions = new PrecisionMeasurements(arguments.Checkpoint, hardware);
using var geometries = new GeometryMeasurements(hardware);
using var generation = new GenerationMeasurements(model, decoder);
using var pipeline = new PipelineMeasurements(model);
Measurement[] all =
[
    .. hardware.All, .. decoder.All, .. inGraph.All, .. threads.All, .. SamplerMeasurements.All, .. ImageMeasurements.All(model), .. generation.All, .. pipeline.All,
    .. OneImageProcess.All, .. precisions.All, .. geometries.All, .. gpu.All,
];
var selected = all.Where(measurement => measurement.Name.Contains(arguments.Filter, StringComparison.OrdinalIgnoreCase)).ToArray();
if (selected.Length == 0)
{
    Console.Error.WriteLine($"Nothing has '{arguments.Filter}' in its name. There are:");
    foreach (var measurement in all)
        Console.Error.WriteLine($"  {measurement.Name}");
    return 1;
}

var report = new Report(Machine.Describe(load), Results.Measure(selected, arguments.Rounds));
report.Print(Console.Out);
report.Save(arguments.Json);
Console.WriteLine();
Console.WriteLine(arguments.Json);
return 0;
