using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Dalle.ML.Training.Host;

/// <summary>
/// Ctrl+C, a request to end, or the end of the tool <c>dalle</c> that started the program. A second Ctrl+C ends it at once: the last checkpoint is whole
/// at any moment.
/// </summary>
internal static class Interrupts
{
    private const string ParentVariable = "DALLE_TRAIN_PARENT";

    // They live as long as the process.
    private static readonly List<PosixSignalRegistration> Registrations = [];

    public static CancellationToken OfProcess()
    {
        var source = new CancellationTokenSource();
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            Registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                // From a terminal Ctrl+C comes both directly and by the tool's SIGTERM: only a second Ctrl+C is meant as one.
                context.Cancel = !(signal is PosixSignal.SIGINT or PosixSignal.SIGQUIT && source.IsCancellationRequested);
                source.Cancel();
            }));
        }
        if (int.TryParse(Environment.GetEnvironmentVariable(ParentVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var parent))
            _ = EndWithAsync(parent, source);
        return source.Token;
    }

    private static async Task EndWithAsync(int parent, CancellationTokenSource source)
    {
        try
        {
            using var process = Process.GetProcessById(parent);
            await process.WaitForExitAsync();
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            // It has ended already.
        }
        await source.CancelAsync();
    }
}
