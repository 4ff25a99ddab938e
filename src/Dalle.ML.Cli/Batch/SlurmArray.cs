using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Dalle.ML.Cli;

/// <summary>The Slurm job array of a batch, one task per shard. <c>slurm.json</c> stores it.</summary>
internal sealed record SlurmArray(string Job, int Tasks)
{
    public const string ScriptName = "slurm.sh";

    private const string FileName = "slurm.json";

    /// <summary>Number of tasks in each state, from squeue; the states are null where squeue is missing.</summary>
    internal sealed record Status(string Job, IReadOnlyDictionary<string, int>? States);

    /// <summary>The script of an array.</summary>
    /// <param name="command">The command line of a task, without its shard.</param>
    /// <param name="tasks">Number of tasks.</param>
    /// <param name="directives">Options for sbatch.</param>
    public static byte[] Script(IEnumerable<string> command, int tasks, IEnumerable<string> directives)
    {
        // Only the command has paths: directives have no reliable quoting. Logs go to the folder where sbatch is called, that of the batch.
        var script = new StringBuilder("#!/bin/sh\n# Written by 'dalle batch --submit slurm', which calls sbatch on it in this folder.\n");
        foreach (var directive in (string[])["--job-name=dalle-batch", Invariant($"--array=1-{tasks}"), "--ntasks=1", "--output=slurm-%A_%a.log", "--open-mode=append", "--requeue", .. directives])
            script.Append("#SBATCH ").Append(directive).Append('\n');
        script.Append("exec ").AppendJoin(' ', command.Select(Quote)).Append(Invariant($" --shard \"$SLURM_ARRAY_TASK_ID/{tasks}\"\n"));
        return Encoding.UTF8.GetBytes(script.ToString());
    }

    /// <summary>Submits the script of a folder to Slurm.</summary>
    /// <exception cref="IOException">sbatch is missing or failed.</exception>
    public static SlurmArray Submit(BatchFolder folder, int tasks)
    {
        var script = folder.PathOf(ScriptName);
        if (Run("sbatch", folder.FullPath, "--parsable", ScriptName) is not var (exitCode, output, errors))
            throw new IOException($"sbatch is not installed on this machine. The script is written: on a machine of the cluster, run 'sbatch {ScriptName}' in '{folder.FullPath}' ({script}).");
        if (exitCode != 0)
            throw new IOException($"sbatch rejected '{script}': {errors.Trim()}");
        var array = new SlurmArray(output.Trim().Split(';')[0], tasks);
        folder.Write(FileName, JsonLine.Bytes(array));
        return array;
    }

    /// <summary>The array that was submitted last for a folder; null if none was.</summary>
    public static SlurmArray? Read(string folder) =>
        File.Exists(Path.Combine(folder, FileName)) ? JsonLine.Read<SlurmArray>(File.ReadAllBytes(Path.Combine(folder, FileName))) : null;

    public Status Ask()
    {
        // Slurm forgets jobs after a while and then reports their numbers as invalid: they have left the queue.
        var states = Run("squeue", Environment.CurrentDirectory, "--noheader", "--array", "--format=%T", "--jobs=" + Job) is var (_, output, _)
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).CountBy(state => state).ToDictionary()
            : null;
        return new Status(Job, states);
    }

    /// <summary>Runs a Slurm command; null where it is not installed.</summary>
    private static (int ExitCode, string Output, string Errors)? Run(string name, string folder, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(name, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Quotes an argument for the shell.</summary>
    private static string Quote(string argument) => "'" + argument.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
