using System.Globalization;
using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime;

/// <summary>
/// Pages of 2 MiB for memory that is read from one end to the other at every step: with those of 4 KiB a good part of the time goes into looking up
/// addresses. Only Linux is asked for them, and it may decline, which changes nothing but the speed.
/// </summary>
internal static unsafe partial class HugePages
{
    private const long Size = 2 << 20;
    private const long Smallest = 4 << 20;
    private const int AdviseHuge = 14;
    private const int Collapse = 25;

    /// <summary>Asks for huge pages where memory is first used.</summary>
    public static void Advise(void* start, long length)
    {
        if (OperatingSystem.IsLinux() && Within((long)start, (long)start + length) is var (address, bytes))
            _ = Advise(address, bytes, AdviseHuge);
    }

    /// <summary>The large mappings of this process that have no file, as they are now.</summary>
    public static HashSet<(long Start, long End)> Mappings()
    {
        var mappings = new HashSet<(long, long)>();
        if (!OperatingSystem.IsLinux())
            return mappings;
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            // start-end rights offset device inode path
            var fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            var range = fields[0].Split('-');
            var (start, end) = (long.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), long.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            if (fields[1].StartsWith("rw", StringComparison.Ordinal) && fields[4] == "0" && end - start >= Smallest)
                mappings.Add((start, end));
        }
        return mappings;
    }

    /// <summary>Moves memory that is in use to huge pages. Nothing happens to what was unmapped meanwhile.</summary>
    public static void Move(IEnumerable<(long Start, long End)> mappings)
    {
        foreach (var (start, end) in mappings)
        {
            if (Within(start, end) is not var (address, bytes))
                continue;
            _ = Advise(address, bytes, AdviseHuge);
            _ = Advise(address, bytes, Collapse);
        }
    }

    private static (nint Address, nuint Bytes)? Within(long start, long end)
    {
        var first = (start + Size - 1) / Size * Size;
        var last = end / Size * Size;
        return first < last ? ((nint)first, (nuint)(last - first)) : null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
