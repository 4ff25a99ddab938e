using System.Globalization;

namespace Dalle.ML;

/// <summary>The device that a model runs on: the CPU, or a CUDA device by number; optionally how CPU threads are used.</summary>
/// <remarks>
/// By default a transformer has its own ONNX Runtime threads, which spin for a few microseconds before they sleep, and
/// all other graphs of a process share one pool that sleeps at once: one thread per core that the process may use, placed by the system.
/// <c>DalleDevice.Cpu with { IntraOpThreads = 4 }</c> is a device with 4 threads, a separate pool for each graph of a model. <c>bench threads</c> of
/// Dalle.ML.Benchmarks measures what suits a machine.
/// </remarks>
public readonly record struct DalleDevice
{
    private const string CudaName = "cuda";

    // The other way round, as the CPU is the default of the struct.
    private readonly bool _usesSmallPages;

    private DalleDevice(int? gpuDeviceId) => GpuDeviceId = gpuDeviceId;

    /// <summary>The CPU.</summary>
    public static DalleDevice Cpu => default;

    /// <summary>Number of the CUDA device, from 0; null for the CPU.</summary>
    public int? GpuDeviceId { get; }

    /// <summary>Threads per operator, including the caller's, 1 or more; if null, one per core.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not positive.</exception>
    public int? IntraOpThreads
    {
        get;
        init
        {
            if (value is { } threads)
                ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads, nameof(IntraOpThreads));
            field = value;
        }
    }

    /// <summary>
    /// How long an idle worker thread spins before it sleeps, in whole microseconds; zero puts it to sleep at once. If null, 10 µs
    /// for a transformer, which bridges the gap between two of its operators, and zero for other graphs. Longer spinning helps on an otherwise idle
    /// machine; on a busy one it slows down the other work and the model itself.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or longer than a second.</exception>
    public TimeSpan? SpinDuration
    {
        get;
        init
        {
            if (value is { } duration)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero, nameof(SpinDuration));
                ArgumentOutOfRangeException.ThrowIfGreaterThan(duration, TimeSpan.FromSeconds(1), nameof(SpinDuration));
            }
            field = value;
        }
    }

    /// <summary>
    /// The logical processors of each thread except the caller's, in the format of ONNX Runtime's <c>session.intra_op_thread_affinities</c>: numbers from
    /// 1, commas within a thread and semicolons between, <c>2;3,4</c> for three. If null the system places the threads, which is faster alongside
    /// other work.
    /// </summary>
    public string? IntraOpThreadAffinities { get; init; }

    /// <summary>
    /// Whether the weights of a transformer on the CPU lie on pages of 2 MiB where the system grants them, which Linux does unless
    /// <c>/sys/kernel/mm/transparent_hugepage/enabled</c> says <c>never</c>; true by default. It changes the speed only: a model of more than a gigabyte loads
    /// and generates faster.
    /// </summary>
    public bool UsesHugePages
    {
        get => !_usesSmallPages;
        init => _usesSmallPages = !value;
    }

    /// <summary>
    /// The GPU memory limit of each graph of a model for weights, cache and intermediate tensors, in bytes, 1 MiB or more; if null, all
    /// of it. If memory is short, fewer candidates are generated at once.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1 MiB.</exception>
    public long? GpuMemoryLimit
    {
        get;
        init
        {
            if (value is { } limit)
                ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1 << 20, nameof(GpuMemoryLimit));
            field = value;
        }
    }

    /// <summary>Whether the threads are the pool that all models share.</summary>
    internal bool SharesThreads => IntraOpThreads is null && IntraOpThreadAffinities is null && !(SpinDuration > TimeSpan.Zero);

    /// <summary>A CUDA device. It needs the package Microsoft.ML.OnnxRuntime.Gpu and NVIDIA's libraries.</summary>
    /// <param name="gpuDeviceId">The device's number, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="gpuDeviceId"/> is negative.</exception>
    public static DalleDevice Cuda(int gpuDeviceId = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(gpuDeviceId);
        return new DalleDevice(gpuDeviceId);
    }

    /// <summary>Reads <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</summary>
    /// <param name="text">The device's name.</param>
    /// <exception cref="FormatException"><paramref name="text"/> is not a device.</exception>
    public static DalleDevice Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "cpu")
            return Cpu;
        if (text == CudaName)
            return Cuda();
        if (text.StartsWith(CudaName + ":", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(CudaName.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            return Cuda(id);
        throw new FormatException($"'{text}' is not a device. Devices are cpu, cuda and cuda:N.");
    }

    /// <summary>The device's name, as <see cref="Parse"/> reads it.</summary>
    public override string ToString() =>
        GpuDeviceId is { } id ? string.Create(CultureInfo.InvariantCulture, $"{CudaName}:{id}") : "cpu";
}
