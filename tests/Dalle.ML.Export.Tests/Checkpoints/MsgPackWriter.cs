using System.Buffers.Binary;
using System.Text;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>Writes MessagePack: maps, lists, texts, byte strings, numbers and extensions, in the shortest form or in the longest.</summary>
internal sealed class MsgPackWriter(bool longest = false)
{
    private readonly List<byte> _bytes = [];

    public sealed record Extension(sbyte Type, byte[] Content);

    public static byte[] Dump(object? value, bool longest = false)
    {
        var writer = new MsgPackWriter(longest);
        writer.Write(value);
        return [.. writer._bytes];
    }

    /// <summary>An array as flax writes it.</summary>
    public static Extension Array(string type, byte[] data, params int[] shape) =>
        new(1, Dump(new List<object?> { new List<object?>(shape.Cast<object?>()), type, data }));

    private void Write(object? value)
    {
        switch (value)
        {
            case null: _bytes.Add(0xc0); break;
            case bool flag: _bytes.Add(flag ? (byte)0xc3 : (byte)0xc2); break;
            case int number: WriteInteger(number); break;
            case long number: WriteInteger(number); break;
            case float number: WriteBigEndian(0xca, BitConverter.SingleToUInt32Bits(number), 4); break;
            case double number: WriteBigEndian(0xcb, BitConverter.DoubleToUInt64Bits(number), 8); break;
            case string text:
                var utf8 = Encoding.UTF8.GetBytes(text);
                WriteLength(utf8.Length, 0xa0, 32, 0xd9);
                _bytes.AddRange(utf8);
                break;
            case byte[] bytes:
                WriteLength(bytes.Length, 0, 0, 0xc4);
                _bytes.AddRange(bytes);
                break;
            case List<object?> list:
                WriteLength(list.Count, 0x90, 16, 0xdb);
                list.ForEach(Write);
                break;
            case Dictionary<object, object?> map:
                WriteLength(map.Count, 0x80, 16, 0xdd);
                foreach (var (key, item) in map)
                {
                    Write(key);
                    Write(item);
                }
                break;
            case Extension extension: WriteExtension(extension); break;
            default: throw new ArgumentException($"No MessagePack of a {value.GetType()} is known.");
        }
    }

    private void WriteInteger(long number)
    {
        if (longest)
            WriteBigEndian(number < 0 ? (byte)0xd3 : (byte)0xcf, (ulong)number, 8);
        else if (number is >= -32 and < 128)
            _bytes.Add((byte)number);
        else if (number < 0)
            WriteBigEndian(number >= sbyte.MinValue ? (byte)0xd0 : number >= short.MinValue ? (byte)0xd1 : number >= int.MinValue ? (byte)0xd2 : (byte)0xd3,
                (ulong)number, number >= sbyte.MinValue ? 1 : number >= short.MinValue ? 2 : number >= int.MinValue ? 4 : 8);
        else
            WriteBigEndian(number < 1 << 8 ? (byte)0xcc : number < 1 << 16 ? (byte)0xcd : number < 1L << 32 ? (byte)0xce : (byte)0xcf,
                (ulong)number, number < 1 << 8 ? 1 : number < 1 << 16 ? 2 : number < 1L << 32 ? 4 : 8);
    }

    /// <summary>A length within the code if it is short, else after one of three codes by its size; lists and maps have no code for one byte.</summary>
    private void WriteLength(int length, byte shortCode, int shortLimit, byte code)
    {
        if (length < shortLimit && !longest)
            _bytes.Add((byte)(shortCode | length));
        else if (length < 1 << 8 && !longest && shortLimit != 16)
            WriteBigEndian(code, (ulong)length, 1);
        else if (length < 1 << 16 && !longest)
            WriteBigEndian((byte)(code + 1), (ulong)length, 2);
        else
            WriteBigEndian((byte)(code + 2), (ulong)length, 4);
    }

    private void WriteExtension(Extension extension)
    {
        if (extension.Content.Length is 1 or 2 or 4 or 8 or 16 && !longest)
            _bytes.Add((byte)(0xd4 + int.Log2(extension.Content.Length)));
        else
            WriteLength(extension.Content.Length, 0, 0, 0xc7);
        _bytes.Add((byte)extension.Type);
        _bytes.AddRange(extension.Content);
    }

    private void WriteBigEndian(byte code, ulong value, int size)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        _bytes.Add(code);
        _bytes.AddRange(bytes.AsSpan(8 - size));
    }
}
