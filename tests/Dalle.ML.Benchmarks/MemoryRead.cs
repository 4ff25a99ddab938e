using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dalle.ML.Benchmarks;

/// <summary>Memory that all cores read once, as quickly as they can: the least that anything takes that must read as much.</summary>
internal sealed unsafe partial class MemoryRead : IDisposable
{
    private const int HugePage = 2 << 20;
    private const int Line = 64;

    // Streams that a core reads at once, and how far ahead of each it asks for the memory: the best of those tried.
    private const int Streams = 4;
    private const int Ahead = 16 * Line;

    private readonly byte* _start;
    private readonly int[] _sums = new int[Environment.ProcessorCount];

    /// <param name="bytes">How much to read, of which no part of a stream may be left out: it is rounded up.</param>
    /// <param name="pages">Pages to ask for.</param>
    public MemoryRead(long bytes, Pages pages)
    {
        var step = (long)HugePage * _sums.Length;
        Bytes = (bytes + step - 1) / step * step;
        _start = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, HugePage);
        if (OperatingSystem.IsLinux())
        {
            const int MadvHugePage = 14, MadvNoHugePage = 15;
            // A system that knows no huge pages refuses, and the report tells that there are none.
            _ = madvise((nint)_start, (nuint)Bytes, pages == Pages.Huge ? MadvHugePage : MadvNoHugePage);
        }
        NativeMemory.Fill(_start, (nuint)Bytes, 1);
    }

    public long Bytes { get; }

    /// <summary>Mebibytes that the system holds in huge pages; null where it does not say.</summary>
    public long? HugeMebibytes
    {
        get
        {
            const string Path = "/proc/self/smaps", Key = "AnonHugePages:";
            if (!File.Exists(Path))
                return null;
            var kilobytes = File.ReadLines(Path)
                .SkipWhile(line => !Holds(line))
                .First(line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..^"kB".Length];
            return long.Parse(kilobytes, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) >> 10;
        }
    }

    /// <summary>Reads all of it.</summary>
    /// <returns>A number of no meaning that depends on every byte, so that all must be read.</returns>
    public int Read()
    {
        var part = Bytes / _sums.Length;
        Parallel.For(0, _sums.Length, core => _sums[core] = Sum(_start + core * part, part / Streams));
        return _sums.Aggregate((sum, core) => sum ^ core);
    }

    public void Dispose() => NativeMemory.AlignedFree(_start);

    private static int Sum(byte* start, long stream)
    {
        var (a, b, c, d) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        for (var at = start; at < start + stream; at += Line)
        {
            a += Next(at);
            b += Next(at + stream);
            c += Next(at + 2 * stream);
            d += Next(at + 3 * stream);
        }
        return Vector512.Sum(a + b + c + d);
    }

    private static Vector512<int> Next(byte* at)
    {
        // Beyond the end there is nothing to fetch, which does no harm.
        if (Sse.IsSupported)
            Sse.Prefetch0(at + Ahead);
        return Vector512.Load((int*)at);
    }

    /// <summary>Whether a line is the heading of the mapping that holds this memory: addresses from and to, in hexadecimal digits.</summary>
    private bool Holds(string line) =>
        line.Split(' ', 2)[0].Split('-') is [var from, var to]
        && nint.TryParse(from, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var first)
        && nint.TryParse(to, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end)
        && first <= (nint)_start && (nint)_start < end;

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int madvise(nint address, nuint length, int advice);
}
