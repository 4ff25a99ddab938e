using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime;

/// <summary>
/// Pages of 2 MiB for memory that is read in long runs at every step: with those of 4 KiB a good part of the time goes into looking up addresses. Only Linux
/// is asked for them, and it may decline, which changes nothing but the speed.
/// </summary>
internal static unsafe partial class HugePages
{
    private const long Size = 2 << 20;
    private const int AdviseHuge = 14;

    /// <summary>Asks for huge pages within memory that was not yet used.</summary>
    public static void Advise(void* start, long length)
    {
        var first = ((long)start + Size - 1) / Size * Size;
        var last = ((long)start + length) / Size * Size;
        if (first < last && OperatingSystem.IsLinux())
            _ = Advise((nint)first, (nuint)(last - first), AdviseHuge);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
