using System.Buffers.Binary;
using System.Text;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads MessagePack from a file of any size: maps and lists become objects, byte strings and extensions stay where they are and
/// are given as their place.
/// </summary>
/// <remarks>Format: msgpack.org. The reader for .NET, the package MessagePack, works on bytes in memory, and weights are longer than
/// an array can be.</remarks>
internal sealed class MsgPackReader(CheckpointFile file, long start, long end)
{
    private const int MaxDepth = 64;
    private const int MaxObjects = 1 << 20;
    private const int MaxTextBytes = 1 << 24;

    private readonly byte[] _buffer = new byte[1 << 12];
    private long _position = start;
    private long _bufferStart;
    private int _bufferLength;
    private int _objects;
    private long _textBytes;

    /// <summary>Bytes that were not read.</summary>
    public readonly record struct Bytes(long Offset, long Length);

    /// <summary>An extension whose content was not read.</summary>
    public readonly record struct Extension(sbyte Type, Bytes Content);

    public bool IsAtEnd => _position == end;

    /// <summary>Reads a value.</summary>
    /// <param name="restore">Gives what an extension or a map stands for.</param>
    /// <exception cref="InvalidDataException">It is malformed, too deep or too large.</exception>
    public object? Read(Func<object, object?> restore) => Read(restore, MaxDepth);

    private object? Read(Func<object, object?> restore, int depth)
    {
        if (depth == 0)
            throw new InvalidDataException($"it has more than {MaxDepth} levels.");
        if (++_objects > MaxObjects)
            throw new InvalidDataException($"it has more than {MaxObjects} objects.");
        var code = Take(1)[0];
        return code switch
        {
            <= 0x7f => (long)code,
            <= 0x8f => ReadMap(code & 0xf, restore, depth),
            <= 0x9f => ReadList(code & 0xf, restore, depth),
            <= 0xbf => ReadText(code & 0x1f),
            0xc0 => null,
            0xc2 => false,
            0xc3 => true,
            0xc4 => Skip(UInt8()),
            0xc5 => Skip(UInt16()),
            0xc6 => Skip(UInt32()),
            0xc7 => restore(ReadExtension(UInt8())),
            0xc8 => restore(ReadExtension(UInt16())),
            0xc9 => restore(ReadExtension(UInt32())),
            0xca => (double)BinaryPrimitives.ReadSingleBigEndian(Take(4)),
            0xcb => BinaryPrimitives.ReadDoubleBigEndian(Take(8)),
            0xcc => UInt8(),
            0xcd => UInt16(),
            0xce => UInt32(),
            0xcf => UInt64(),
            0xd0 => (long)(sbyte)Take(1)[0],
            0xd1 => (long)BinaryPrimitives.ReadInt16BigEndian(Take(2)),
            0xd2 => (long)BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            0xd3 => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
            >= 0xd4 and <= 0xd8 => restore(ReadExtension(1L << (code - 0xd4))),
            0xd9 => ReadText(UInt8()),
            0xda => ReadText(UInt16()),
            0xdb => ReadText(UInt32()),
            0xdc => ReadList(UInt16(), restore, depth),
            0xdd => ReadList(UInt32(), restore, depth),
            0xde => ReadMap(UInt16(), restore, depth),
            0xdf => ReadMap(UInt32(), restore, depth),
            >= 0xe0 => (long)(sbyte)code,
            _ => throw new InvalidDataException($"it has the code 0x{code:x2} before byte {_position}, which MessagePack does not use."),
        };
    }

    private object? ReadMap(long count, Func<object, object?> restore, int depth)
    {
        var map = new OrderedDictionary<string, object?>();
        for (; count > 0; count--)
        {
            var key = Read(restore, depth - 1);
            if (key is not string and not long)
                throw new InvalidDataException($"it has a key before byte {_position} that is neither text nor an integer.");
            map[$"{key}"] = Read(restore, depth - 1);
        }
        return restore(map);
    }

    private List<object?> ReadList(long count, Func<object, object?> restore, int depth)
    {
        var list = new List<object?>();
        for (; count > 0; count--)
            list.Add(Read(restore, depth - 1));
        return list;
    }

    private Extension ReadExtension(long length) => new((sbyte)Take(1)[0], Skip(length));

    private string ReadText(long length)
    {
        if (length > _buffer.Length || (_textBytes += length) > MaxTextBytes)
            throw new InvalidDataException($"it has a text of {length} bytes before byte {_position}, or more than {MaxTextBytes} of text in all.");
        return Encoding.UTF8.GetString(Take((int)length));
    }

    private Bytes Skip(long length)
    {
        if (length > end - _position)
            throw Short(length);
        _position += length;
        return new Bytes(_position - length, length);
    }

    private long UInt8() => Take(1)[0];

    private long UInt16() => BinaryPrimitives.ReadUInt16BigEndian(Take(2));

    private long UInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    private long UInt64()
    {
        var value = BinaryPrimitives.ReadUInt64BigEndian(Take(8));
        return value <= long.MaxValue ? (long)value : throw new InvalidDataException($"it has the integer {value}, which is too large.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > end - _position)
            throw Short(count);
        if (_position < _bufferStart || _position + count > _bufferStart + _bufferLength)
        {
            (_bufferStart, _bufferLength) = (_position, (int)Math.Min(_buffer.Length, end - _position));
            file.Read(_position, _buffer.AsSpan(0, _bufferLength));
        }
        _position += count;
        return _buffer.AsSpan((int)(_position - count - _bufferStart), count);
    }

    private InvalidDataException Short(long length) => new($"it wants {length} bytes at byte {_position}, and {end - _position} are left.");
}
