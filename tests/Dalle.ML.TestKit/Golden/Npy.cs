using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Dalle.ML.Tests.Golden;

/// <summary>A NumPy array file (C order, little-endian).</summary>
public sealed record Npy(int[] Shape, string Type, byte[] Data)
{
    public static Npy Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var headerLength = BitConverter.ToUInt16(bytes, 8);
        var header = Encoding.ASCII.GetString(bytes, 10, headerLength);
        if (header.Contains("'fortran_order': True", StringComparison.Ordinal))
            throw new NotSupportedException($"'{path}' is in Fortran order.");
        var shape = Regex.Match(header, @"\(([^)]*)\)").Groups[1].Value;
        return new Npy(
            [.. shape.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)],
            Regex.Match(header, "'descr': '([^']*)'").Groups[1].Value,
            bytes[(10 + headerLength)..]);
    }

    public float[] Floats() => Type == "<f4" ? MemoryMarshal.Cast<byte, float>(Data).ToArray() : throw new NotSupportedException(Type);

    public long[] Longs() => Type == "<i8" ? MemoryMarshal.Cast<byte, long>(Data).ToArray() : throw new NotSupportedException(Type);
}
