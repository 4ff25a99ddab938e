namespace Dalle.ML.Server.Host;

/// <summary>Options of the program, beside those of the server: the section <c>Serve</c> of its configuration.</summary>
internal sealed class ServeOptions
{
    public const string Section = "Serve";

    /// <summary>cpu, cuda or cuda:N.</summary>
    public string Device { get; set; } = "cpu";

    /// <summary>CPU threads per operator.</summary>
    public int? Threads { get; set; }

    /// <summary>Microseconds that an idle thread spins.</summary>
    public int? Spin { get; set; }

    /// <summary>GPU memory limit of each graph in bytes.</summary>
    public long? GpuMemory { get; set; }

    /// <summary>Whether the log and the line with the address are JSON.</summary>
    public bool Json { get; set; }

    /// <summary>Whether only warnings and errors are logged.</summary>
    public bool Quiet { get; set; }

    /// <summary>Whether the program stops when its standard input ends: so it never outlives the tool, however that ends.</summary>
    public bool StopsWithInput { get; set; }

    /// <summary>Whether agents speak to the program by standard input and output, and it listens on no port.</summary>
    public bool Stdio { get; set; }

    /// <summary>Whether the program only asks the one that runs whether it is ready.</summary>
    public bool HealthCheck { get; set; }

    public DalleDevice ToDevice() => DalleDevice.Parse(Device) with
    {
        IntraOpThreads = Threads,
        SpinDuration = Spin is { } microseconds ? TimeSpan.FromMicroseconds(microseconds) : null,
        GpuMemoryLimit = GpuMemory,
    };
}
