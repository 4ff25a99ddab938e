using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Cli;

/// <summary>Outcome of a check: passed, worth knowing, or failed.</summary>
internal enum CheckStatus
{
    Ok,
    Note,
    Fail,
}

/// <summary>The result of one check.</summary>
internal readonly record struct Check(string Name, CheckStatus State, string Detail);

/// <summary>Checks the machine, the libraries and the model. A check that throws is reported as failed, and the others still run.</summary>
internal static class Diagnostics
{
    private const string TelemetryVariable = "ORT_DISABLE_TELEMETRY";
    private const string Prompt = "a red apple on a blue background";
    private const ulong Seed = 1;

    private static readonly TimeSpan SelfTestLimit = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<Check> Run(string model, DalleDevice device, TimeProvider clock, CancellationToken cancellationToken)
    {
        List<Check> checks =
        [
            new("system", CheckStatus.Ok, $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier})"),
            new("cores", CheckStatus.Ok, Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)),
            new("memory", CheckStatus.Ok, string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30):F1} GiB for this process")),
            new(".NET", CheckStatus.Ok, $"{Environment.Version}"),
            new("ML.NET", CheckStatus.Ok, VersionOf(typeof(MLContext))),
        ];

        var gpu = device.GpuDeviceId is null ? DalleDevice.Cuda(0) : device;
        foreach (var path in new[] { DalleModel.DefaultPath, model }.Distinct())
            checks.Add(Try("model", () => CheckModel(path)));
        checks.Add(Try("self-test", () => SelfTest(model, device, clock, cancellationToken)));
        // After the self-test: the library must be the one to start ONNX Runtime, with telemetry disabled.
        checks.Add(Try("device cpu", CheckOnnxRuntime));
        checks.Add(Try($"device {gpu}", () => CheckGpu(gpu, isWanted: gpu == device)));
        checks.Add(CheckTelemetry());
        return checks;
    }

    private static string VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static Check CheckModel(string path)
    {
        using var model = DalleModel.Load(path);
        return new("model", CheckStatus.Ok, $"'{model.Info.Name}' verified, {model.Info.Hash}, {model.Info.Path}");
    }

    /// <summary>Generates an image twice: the same seed must give the same tokens and pixels.</summary>
    private static Check SelfTest(string path, DalleDevice device, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var model = DalleModel.Load(path, device);
        if (!model.Info.CanGenerate)
            return new("self-test", CheckStatus.Note, $"skipped: the model '{model.Info.Name}' cannot generate images");
        using var timeout = new CancellationTokenSource(SelfTestLimit, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var options = new GenerationOptions { Candidates = 1 };
        try
        {
            using var first = model.Generate(Prompt, Seed, options, progress: null, limit.Token);
            var meter = new ThroughputMeter();
            using var second = model.Generate(Prompt, Seed, options, meter, limit.Token);
            var speed = string.Create(CultureInfo.InvariantCulture, $"{meter.TokensPerSecond:F0} {(model.Info.TokenRows > 0 ? "tokens" : "steps")}/s on {device}");
            return first.Tokens.SequenceEqual(second.Tokens) && first.Image.Pixels.SequenceEqual(second.Image.Pixels)
                ? new("self-test", CheckStatus.Ok, $"generated the same image twice, {speed}")
                : new("self-test", CheckStatus.Fail, $"the same seed gave two images, {speed}; report this with the output of 'dalle doctor --json'");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new("self-test", CheckStatus.Note, string.Create(CultureInfo.InvariantCulture,
                $"cut off after {SelfTestLimit.TotalSeconds:F0} s: the model '{model.Info.Name}' is slow on {device}; 'dalle bench' measures it, a GPU or a smaller model helps"));
        }
    }

    private static Check CheckOnnxRuntime()
    {
        const string Name = "device cpu";
        if (!OrtEnv.IsCreated)
            return new(Name, CheckStatus.Fail, "ONNX Runtime did not start; see the self-test");
        var (version, providers) = (OrtEnv.Instance().GetVersionString(), OrtEnv.Instance().GetAvailableProviders());
        return new(Name, providers.Contains("CPUExecutionProvider") ? CheckStatus.Ok : CheckStatus.Fail, $"ONNX Runtime {version} with {string.Join(", ", providers)}");
    }

    private static Check CheckTelemetry() => Environment.GetEnvironmentVariable(TelemetryVariable) == "1"
        ? new("telemetry", CheckStatus.Ok, "off")
        : new("telemetry", CheckStatus.Fail, $"ONNX Runtime's telemetry is not disabled; set {TelemetryVariable}=1");

    /// <summary>A missing GPU fails only if the user named it.</summary>
    private static Check CheckGpu(DalleDevice gpu, bool isWanted)
    {
        try
        {
            using var model = DalleModel.LoadDefault(gpu);
            return new($"device {gpu}", CheckStatus.Ok, "usable");
        }
        catch (DalleDeviceException exception) when (!isWanted)
        {
            return new($"device {gpu}", CheckStatus.Note, OneLine(exception));
        }
    }

    private static Check Try(string name, Func<Check> check)
    {
        try
        {
            return check();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new(name, CheckStatus.Fail, OneLine(exception));
        }
    }

    private static string OneLine(Exception exception) =>
        string.Join(' ', exception.Message.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
}
