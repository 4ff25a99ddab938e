using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Runtime.Operators;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The one place where ONNX Runtime is started and sessions are created. Its telemetry is off before its first call, and sessions
/// share one pool of threads that sleep when idle, unless their device has its own threads.
/// </summary>
internal static partial class OrtRuntime
{
    private static readonly Lazy<bool> HasSharedThreads = new(CreateEnvironment);

    /// <summary>Creates a session for one of a bundle's graphs.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="file">The graph's file.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="graph">The graph in place of the file's, whose weights it shares; that of the file if null.</param>
    /// <param name="weights">What weights of that graph are instead; it must live as long as the session.</param>
    /// <param name="packsWeights">Whether products get their weights copied into the order that they are read in; else they read the file's, and order them at each run.</param>
    /// <param name="hugePages">Whether the copies are on huge pages, where the system has them.</param>
    /// <exception cref="DalleDeviceException">The device cannot be used on this machine.</exception>
    /// <exception cref="DalleBundleException">ONNX Runtime refuses the graph.</exception>
    public static InferenceSession CreateSession(
        Bundle bundle, string file, DalleDevice device, byte[]? graph = null, IReadOnlyDictionary<string, NativeTensor>? weights = null, bool packsWeights = true, bool hugePages = false)
    {
        var hasSharedThreads = Start(device);
        using var options = new SessionOptions
        {
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            // Warnings about harmless choices of the optimiser would land in the middle of a tool's output.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        if (hugePages)
            HugePageAllocator.Use(options);
        if (!packsWeights)
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
        if (hasSharedThreads && device.SharesThreads)
            options.DisablePerSessionThreads();
        else
            UseThreadsOf(device, options);
        if (device.GpuDeviceId is not null)
            CudaProvider.Use(device, options);
        try
        {
            if (graph is null)
                return new InferenceSession(bundle.PathOf(file), options);
            // Bytes have no name by which a file of ONNX Runtime's own format, which is not checked, would be told.
            OwnOperators.Register(options);
            foreach (var (name, weight) in weights ?? new Dictionary<string, NativeTensor>())
                options.AddInitializer(name, weight.Value);
            options.AddSessionConfigEntry("session.load_model_format", "ONNX");
            var (folder, linked) = LinkedWeights.Resolve(bundle, file, graph);
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
            return new InferenceSession(linked, options);
        }
        catch (OnnxRuntimeException exception) when (device.GpuDeviceId is not null)
        {
            throw new DalleDeviceException(device, $"ONNX Runtime could not load the graph '{file}' on it: {exception.Message}", exception);
        }
        catch (OnnxRuntimeException exception) when (device.IntraOpThreadAffinities is { } affinities)
        {
            throw new DalleDeviceException(device, $"ONNX Runtime refuses the thread affinities '{affinities}' or the graph '{file}': {exception.Message}", exception);
        }
        catch (OnnxRuntimeException exception)
        {
            throw bundle.Error($"ONNX Runtime refuses the graph '{file}': {exception.Message}", exception);
        }
    }

    private static void UseThreadsOf(DalleDevice device, SessionOptions options)
    {
        options.IntraOpNumThreads = device.IntraOpThreads ?? CpuCores.Threads;
        var microseconds = (long)(device.SpinDuration?.TotalMicroseconds ?? 0);
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", microseconds > 0 ? "1" : "0");
        if (microseconds > 0)
            options.AddSessionConfigEntry("session.intra_op.spin_duration_us", $"{microseconds}");
        if (device.IntraOpThreadAffinities is { } affinities)
            options.AddSessionConfigEntry("session.intra_op_thread_affinities", affinities);
    }

    /// <summary>Starts ONNX Runtime at the first call.</summary>
    /// <returns>Whether sessions can share threads.</returns>
    /// <exception cref="DalleDeviceException">The native library is missing or too old.</exception>
    public static bool Start(DalleDevice device)
    {
        const string Packages = "`dotnet add package Microsoft.ML.OnnxRuntime` (for CUDA: `dotnet add package Microsoft.ML.OnnxRuntime.Gpu`)";
        try
        {
            return HasSharedThreads.Value;
        }
        catch (Exception exception) when ((exception is TypeInitializationException ? exception.InnerException : exception) is DllNotFoundException)
        {
            throw new DalleDeviceException(device, $"the native library of ONNX Runtime is missing; add its package to the application: {Packages}.", exception);
        }
        catch (Exception exception) when ((exception is TypeInitializationException ? exception.InnerException : exception) is EntryPointNotFoundException)
        {
            throw new DalleDeviceException(device, $"the native library of ONNX Runtime is older than Dalle.ML needs; add its current package to the application: {Packages}.", exception);
        }
    }

    /// <returns>Whether the process-wide environment is ours; an application may have made its own before.</returns>
    private static bool CreateEnvironment()
    {
        DisableTelemetry();
        var isOurs = !OrtEnv.IsCreated;
        if (isOurs)
        {
            using var threads = new OrtThreadingOptions { GlobalIntraOpNumThreads = CpuCores.Threads, GlobalSpinControl = false };
            var options = new EnvironmentCreationOptions
            {
                logId = "Dalle.ML",
                logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
                threadOptions = threads,
            };
            try
            {
                OrtEnv.CreateInstanceWithOptions(ref options);
            }
            catch (OnnxRuntimeException) when (OrtEnv.IsCreated)
            {
                // Somebody else was quicker; theirs serves as well.
                isOurs = false;
            }
        }
        OrtEnv.Instance().DisableTelemetryEvents();
        return isOurs;
    }

    /// <summary>
    /// Some builds keep and post usage events unless this variable is set when the native library is first touched. The runtime's own
    /// <see cref="Environment.SetEnvironmentVariable(string, string?)"/> does not reach native getenv on Unix.
    /// </summary>
    private static void DisableTelemetry()
    {
        const string Variable = "ORT_DISABLE_TELEMETRY";
        Environment.SetEnvironmentVariable(Variable, "1");
        if (!OperatingSystem.IsWindows() && SetNativeVariable(Variable, "1", overwrite: 1) != 0)
            throw new InvalidOperationException($"The environment variable {Variable} could not be set, and without it the telemetry of ONNX Runtime would be on.");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}
