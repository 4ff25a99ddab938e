using System.Globalization;

namespace Dalle.ML.Runtime;

/// <summary>Where a model runs: the CPU, or a CUDA device by its number.</summary>
public readonly record struct DalleDevice
{
    private const string CudaName = "cuda";

    private DalleDevice(int? gpuDeviceId) => GpuDeviceId = gpuDeviceId;

    /// <summary>The CPU.</summary>
    public static DalleDevice Cpu => default;

    /// <summary>Number of the CUDA device, from 0; null for the CPU.</summary>
    public int? GpuDeviceId { get; }

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
    /// <exception cref="FormatException"><paramref name="text"/> is none of them.</exception>
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

    /// <inheritdoc/>
    public override string ToString() =>
        GpuDeviceId is { } id ? string.Create(CultureInfo.InvariantCulture, $"{CudaName}:{id}") : "cpu";
}
