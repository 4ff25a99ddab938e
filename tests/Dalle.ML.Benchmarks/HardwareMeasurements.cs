namespace Dalle.ML.Benchmarks;

/// <summary>What the machine does at best, which the model's times are held against.</summary>
internal sealed class HardwareMeasurements : IDisposable
{
    private const long LargeRead = 1 << 30;

    private readonly List<Lazy<MemoryRead>> _reads = [];
    private readonly LargeProduct _product = new();
    private readonly Bound _smallPages;

    public HardwareMeasurements(BuiltInModel model)
    {
        _smallPages = Read("machine: read 1 GiB", () => new MemoryRead(LargeRead, Pages.Small));
        Memory = Read("machine: read 1 GiB, huge pages", () => new MemoryRead(LargeRead, Pages.Huge));
        Cache = Read("machine: read as much as the decoder's weights", () => new MemoryRead(model.Decoder.Weights.Bytes, Pages.Huge));
        Products = Multiply("machine: product of large matrices");
    }

    public IEnumerable<Measurement> All => [_smallPages.Measurement, Memory.Measurement, Cache.Measurement, Products.Measurement];

    /// <summary>Bytes read by all cores from memory that no cache holds.</summary>
    public Bound Memory { get; }

    /// <summary>Bytes read again and again from memory that a cache may hold, as it may hold a small decoder.</summary>
    public Bound Cache { get; }

    /// <summary>Operations of ONNX Runtime's own product of two matrices: multiplications and additions.</summary>
    public Bound Products { get; }

    public void Dispose()
    {
        foreach (var read in _reads.Where(read => read.IsValueCreated))
            read.Value.Dispose();
        _product.Dispose();
    }

    private Bound Read(string name, Func<MemoryRead> create)
    {
        var memory = new Lazy<MemoryRead>(create);
        _reads.Add(memory);
        return new Bound(
            new Measurement(name, "ms", Timing.BestOf(() => memory.Value.Read()))
            {
                Figures = (results, read) =>
                [
                    .. Rate("gigabytesPerSecond", memory.Value.Bytes / results.Minimum(read), "GB/s"),
                    .. Bound.Steadiness(results, read),
                    .. memory.Value.HugeMebibytes is { } huge ? [new Figure("hugeMebibytes", huge, $"{huge} MiB in huge pages")] : Array.Empty<Figure>(),
                ],
            },
            () => memory.Value.Bytes);
    }

    private Bound Multiply(string name) => new(
        new Measurement(name, "ms", Timing.BestOf(() => _product.Multiply()))
        {
            Figures = (results, product) =>
            [
                .. Rate("gigaflops", LargeProduct.Operations / results.Minimum(product), "GFLOP/s"), .. Bound.Steadiness(results, product),
            ],
        },
        () => LargeProduct.Operations);

    /// <summary>A rate of bytes or operations, given by the millisecond, in thousands of millions by the second.</summary>
    public static IEnumerable<Figure> Rate(string key, double perMillisecond, string unit)
    {
        const double GigaPerSecond = 1e6;
        var value = perMillisecond / GigaPerSecond;
        yield return new Figure(key, value, $"{value:F1} {unit}");
    }
}
