using Dalle.ML.Export;
using Dalle.ML.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>Models of public sizes on the first GPU, as halves with random weights; nothing where there is none.</summary>
internal sealed class GpuMeasurements : IDisposable
{
    private static readonly DalleDevice Gpu = DalleDevice.Cuda(0);
    private static readonly GenerationOptions One = new() { Candidates = 1 };

    private readonly List<IDisposable> _used = [];

    public GpuMeasurements()
    {
        if (CudaDriver.FreeBytes(device: 0) is null)
            return;
        try
        {
            using var options = new SessionOptions();
            CudaProvider.Use(Gpu, options);
        }
        catch (DalleDeviceException exception)
        {
            Console.Error.WriteLine($"GPUs are left out. {exception.Message}");
            return;
        }
        var copy = Use(() => new DeviceCopy(Gpu));
        var memory = new Bound(new Measurement("gpu: negate 1 GiB", "ms", Timing.Of(() => copy.Value.Run()))
        {
            Figures = (results, negate) => HardwareMeasurements.Rate("gigabytesPerSecond", DeviceCopy.Bytes / results.Median(negate), "GB/s"),
        }, () => DeviceCopy.Bytes);
        var mega = MeasuredDecoder.Random("min-dalle", "mega", Precision.Fp16, Gpu);
        var malevich = MeasuredDecoder.Random("ru-dalle", "malevich", Precision.Fp16, Gpu);
        var paper = MeasuredDecoder.Random("dalle", "paper", Precision.Fp16, Gpu);
        var model = Use(() => DalleModel.Load(mega.Bundle.Folder, Gpu));
        All =
        [
            memory.Measurement, .. Steps(mega, memory, 1, 8, 64), .. Steps(malevich, memory, 1, 8, 64), .. Steps(paper, memory, 1),
            new Measurement("mega fp16: whole image", "ms", Timing.Of(() => model.Value.Generate(BuiltInModel.Prompt, seed: 1, One).Dispose())),
        ];
    }

    public IReadOnlyList<Measurement> All { get; } = [];

    public void Dispose()
    {
        // What was made last goes first: batches before the sessions that they are of.
        _used.Reverse();
        _used.ForEach(used => used.Dispose());
    }

    private IReadOnlyList<Measurement> Steps(MeasuredDecoder decoder, Bound memory, params int[] rowCounts)
    {
        var steps = new InGraphSamplingMeasurements(decoder, memory, rowCounts, _ => []);
        _used.AddRange([decoder, steps]);
        return steps.All;
    }

    private Lazy<T> Use<T>(Func<T> create)
        where T : IDisposable => new(() =>
    {
        var value = create();
        _used.Add(value);
        return value;
    });
}
