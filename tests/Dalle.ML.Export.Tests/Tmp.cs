using System.Diagnostics;
using Dalle.ML.Models;
using Dalle.ML.Runtime;
namespace Dalle.ML.Export.Tests;
public sealed class Tmp
{
    [Fact]
    public void Time()
    {
        var output = Environment.GetEnvironmentVariable("TMP_BUNDLE")!;
        var precision = Enum.Parse<Precision>(Environment.GetEnvironmentVariable("TMP_PRECISION") ?? "Int8");
        if (!Directory.Exists(output))
            BundleExporter.ExportRandom("min-dalle", Environment.GetEnvironmentVariable("TMP_SIZE") ?? "mini", output, new() { Precision = precision });
        var bundle = Bundle.Open(output);
        using var textEncoder = new TextEncoderSession(bundle, bundle.Manifest.TextEncoder!, DalleDevice.Cpu);
        using var decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        foreach (var rows in new[] { 1, 2, 8 })
        {
            using var prefix = decoder.NewBatch(1);
            using var batch = decoder.NewBatch(rows);
            var ids = Enumerable.Range(0, 64).Select(i => i < 20 ? i + 3L : 1L).ToArray();
            var watch = Stopwatch.StartNew();
            using (var context = textEncoder.Run(ids))
            {
                Console.Error.WriteLine($"text encoder {watch.ElapsedMilliseconds} ms");
                prefix.SetContext(context);
            }
            prefix.Prefill([.. decoder.Graph.Start]);
            for (var row = 0; row < rows; row++)
                batch.CopyRow(prefix, row);
            var times = new List<double>(); var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            for (var step = 0; step < 100; step++)
            {
                batch.Ids.Fill(step);
                watch.Restart();
                batch.Step();
                times.Add(watch.Elapsed.TotalMilliseconds);
            }
            times.Sort();
            Console.Error.WriteLine($"rows {rows}: best {times[0]:f2} median {times[50]:f2} cpu {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalMilliseconds / 100:f2} logit {batch.Logits[0]} {batch.Logits[1]} finite {batch.Logits.ToArray().All(float.IsFinite)}");
        }
    }
}
