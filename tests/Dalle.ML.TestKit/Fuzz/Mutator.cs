using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Dalle.ML.Tests.Fuzz;

/// <summary>Damages bytes in the ways that readers stumble over: bits, cuts, pieces in wrong places, and numbers at their limits.</summary>
internal sealed class Mutator(int seed, int index)
{
    private static readonly long[] Extremes =
    [
        0, 1, 2, -1, sbyte.MaxValue, sbyte.MinValue, byte.MaxValue, short.MaxValue, short.MinValue, ushort.MaxValue,
        int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 40, long.MaxValue - 7, long.MaxValue, long.MinValue,
    ];

    private readonly Random _random = new(HashCode(seed, index));

    /// <summary>True in one of so many calls.</summary>
    public bool OneIn(int count) => _random.Next(count) == 0;

    /// <summary>A copy with one to four damages.</summary>
    public byte[] Mutate(byte[] original)
    {
        var bytes = new List<byte>(original);
        do
            Damage(bytes, original);
        while (!OneIn(2));
        return [.. bytes];
    }

    private void Damage(List<byte> bytes, byte[] original)
    {
        if (bytes.Count == 0)
            return;
        var at = _random.Next(bytes.Count);
        switch (_random.Next(8))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 2:
                ReplaceBinaryNumber(bytes, at);
                break;
            case 3:
                ReplaceDecimalNumber(bytes, at);
                break;
            case 4 when OneIn(4):
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 5:
                bytes.RemoveRange(at, Length(bytes.Count - at));
                break;
            case 6:
                bytes.InsertRange(at, Piece(original));
                break;
            case 7:
                var piece = Piece(original);
                bytes.RemoveRange(at, Math.Min(piece.Length, bytes.Count - at));
                bytes.InsertRange(at, piece);
                break;
        }
    }

    private void ReplaceBinaryNumber(List<byte> bytes, int at)
    {
        var number = new byte[sizeof(long)];
        var size = Math.Min(1 << _random.Next(4), bytes.Count - at);
        var value = Extremes[_random.Next(Extremes.Length)];
        if (OneIn(2))
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
        else
            BinaryPrimitives.WriteInt64BigEndian(number, value << 8 * (sizeof(long) - size));
        for (var i = 0; i < size; i++)
            bytes[at + i] = number[i];
    }

    /// <summary>The next run of digits, if there is one.</summary>
    private void ReplaceDecimalNumber(List<byte> bytes, int at)
    {
        var start = bytes.FindIndex(at, digit => char.IsAsciiDigit((char)digit));
        if (start < 0)
            return;
        var end = bytes.FindIndex(start, digit => !char.IsAsciiDigit((char)digit));
        bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
        bytes.InsertRange(start, Encoding.ASCII.GetBytes(Extremes[_random.Next(Extremes.Length)].ToString(CultureInfo.InvariantCulture)));
    }

    private byte[] Piece(byte[] original)
    {
        var from = _random.Next(original.Length);
        return original[from..(from + Length(original.Length - from))];
    }

    private int Length(int limit) => 1 + _random.Next(Math.Min(limit, 1 << _random.Next(7)));

    // The framework's HashCode differs from process to process.
    private static int HashCode(int seed, int index) => unchecked(seed * 1_000_003 + index);
}
