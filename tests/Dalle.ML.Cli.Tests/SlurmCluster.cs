using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Dalle.ML.Cli.Tests;

/// <summary>A Slurm cluster of this machine alone, with all of its files in one folder. Its daemons end with it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SlurmCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder;
    private readonly List<Process> _daemons = [];

    private SlurmCluster(string folder) => _folder = folder;

    /// <summary>Why there can be no cluster here; null if there can.</summary>
    public static string? Obstacle
    {
        get
        {
            if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
                return "Slurm's daemons need root on Linux.";
            var missing = new[] { "munged", "slurmctld", "slurmd", "sbatch" }.FirstOrDefault(name => !Folders.Any(folder => File.Exists(Path.Combine(folder, name))));
            return missing is null ? null : $"There is no {missing} here; Debian has it in slurm-wlm and munge.";
        }
    }

    /// <summary>What Slurm's commands need to find the cluster.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["SLURM_CONF"] = Path.Combine(_folder, "slurm.conf"),
        ["PATH"] = string.Join(Path.PathSeparator, Folders),
    };

    private static IEnumerable<string> Folders =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Union(["/usr/sbin", "/usr/bin", "/sbin", "/bin"]);

    public static async Task<SlurmCluster> StartAsync(string folder)
    {
        var cluster = new SlurmCluster(Directory.CreateDirectory(folder).FullName);
        try
        {
            cluster.StartDaemons();
            await cluster.Until("the node is idle", async () => (await cluster.RunAsync("sinfo", "--noheader", "--format=%T")).Trim() == "idle");
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs one of Slurm's commands and gives what it prints.</summary>
    public async Task<string> RunAsync(string command, params string[] arguments)
    {
        using var process = Start(command, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output + await errors;
    }

    public async Task Until(string what, Func<Task<bool>> isSo, TimeSpan? patience = null)
    {
        for (var clock = Stopwatch.StartNew(); !await isSo(); await Task.Delay(100))
        {
            Assert.True(clock.Elapsed < (patience ?? Patience), $"After {clock.Elapsed.TotalSeconds:0} s it is still not so that {what}. squeue: {await RunAsync("squeue", "--array")}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemons.Count == 3)
            await RunAsync("scancel", "--full", "--signal=KILL", "--user=root");

        // The last one started first; each is asked before it is killed.
        foreach (var daemon in Enumerable.Reverse(_daemons))
        {
            using (daemon)
            {
                using (var kill = Process.Start("kill", ["-TERM", daemon.Id.ToString(CultureInfo.InvariantCulture)]))
                    await kill.WaitForExitAsync();
                using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10));
                try
                {
                    await daemon.WaitForExitAsync(timeout.Token);
                }
                catch (OperationCanceledException)
                {
                    daemon.Kill();
                    await daemon.WaitForExitAsync();
                }
            }
        }
    }

    private void StartDaemons()
    {
        var (host, key, socket) = (Environment.MachineName.Split('.')[0], In("munge.key"), In("munge.socket"));
        using (var file = new FileStream(key, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            file.Write(RandomNumberGenerator.GetBytes(1024));
        Directory.CreateDirectory(In("state"));
        Directory.CreateDirectory(In("spool"));

        // cred_expire: a task that was requeued begins only when its old credentials have expired, else after two minutes.
        File.WriteAllText(In("slurm.conf"), $"""
            ClusterName=dalle
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={FreePort()}
            SlurmdPort={FreePort()}
            SlurmUser=root
            AuthType=auth/munge
            AuthInfo=socket={socket},cred_expire=5
            StateSaveLocation={In("state")}
            SlurmdSpoolDir={In("spool")}
            SlurmctldPidFile={In("slurmctld.pid")}
            SlurmdPidFile={In("slurmd.pid")}
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            SchedulerType=sched/backfill
            SchedulerParameters=sched_interval=1,bf_interval=1
            ReturnToService=2
            NodeName={host} NodeAddr=127.0.0.1 CPUs={Environment.ProcessorCount} RealMemory=1000 State=UNKNOWN
            PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP

            """);
        Launch("munged", "--foreground", "--force", $"--socket={socket}", $"--key-file={key}", $"--log-file={In("munged.log")}", $"--pid-file={In("munged.pid")}", $"--seed-file={In("munged.seed")}");
        SpinWait.SpinUntil(() => File.Exists(socket), Patience);
        Launch("slurmctld", "-D");
        Launch("slurmd", "-D");
    }

    private void Launch(string daemon, params string[] arguments)
    {
        var process = Start(daemon, arguments);
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _daemons.Add(process);
    }

    private Process Start(string command, string[] arguments)
    {
        var path = Folders.Select(folder => Path.Combine(folder, command)).First(File.Exists);
        var start = new ProcessStartInfo(path, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private string In(string name) => Path.Combine(_folder, name);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
