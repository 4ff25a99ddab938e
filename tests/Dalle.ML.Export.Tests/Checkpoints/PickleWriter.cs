using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>
/// Writes pickles of protocol 2 as Python would: object[] as tuples, lists and dictionaries as such, numbers, texts, and the calls
/// below. It knows nothing of the reader.
/// </summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public sealed record Global(string Module, string Name);

    /// <summary>The result of a call.</summary>
    public sealed record Call(object Function, params object?[] Arguments);

    /// <summary>An object of a class whose attributes are set.</summary>
    public sealed record Instance(Global Class, object? State);

    public sealed record PersistentId(object? Id);

    /// <summary>Opcodes as they are.</summary>
    public sealed record Raw(params byte[] Opcodes);

    public static byte[] Dump(object? value)
    {
        var writer = new PickleWriter();
        writer._bytes.AddRange([0x80, 2]);
        writer.Write(value);
        writer._bytes.Add((byte)'.');
        return [.. writer._bytes];
    }

    private void Write(object? value)
    {
        switch (value)
        {
            case null: Op('N'); break;
            case bool flag: _bytes.Add(flag ? (byte)0x88 : (byte)0x89); break;
            case int or long when Convert.ToInt64(value) is >= 0 and < 256 and var small: Op('K', [(byte)small]); break;
            case int number: Op('J', BitConverter.GetBytes(number)); break;
            case long number: WriteInteger(number); break;
            case BigInteger number: WriteInteger(number); break;
            case double number: WriteDouble(number); break;
            case string text: WriteText('X', text); break;
            case byte[] bytes: Op('B', [.. BitConverter.GetBytes(bytes.Length), .. bytes]); break;
            case object?[] tuple: WriteMarked(tuple, 't'); break;
            case List<object?> list:
                Op(']');
                WriteMarked(list, 'e');
                break;
            case Dictionary<object, object?> dictionary:
                Op('}');
                WriteMarked(dictionary.SelectMany(entry => new[] { entry.Key, entry.Value }), 'u');
                break;
            case Global global: Op('c', Encoding.UTF8.GetBytes($"{global.Module}\n{global.Name}\n")); break;
            case Call call:
                Write(call.Function);
                Write(call.Arguments);
                Op('R');
                break;
            case Instance instance:
                Write(instance.Class);
                Op(')');
                _bytes.Add(0x81);
                Write(instance.State);
                Op('b');
                break;
            case PersistentId persistent:
                Write(persistent.Id);
                Op('Q');
                break;
            case Raw raw: _bytes.AddRange(raw.Opcodes); break;
            default: throw new ArgumentException($"No pickle of a {value.GetType()} is known.");
        }
    }

    private void Op(char opcode, params ReadOnlySpan<byte> argument)
    {
        _bytes.Add((byte)opcode);
        _bytes.AddRange(argument);
    }

    private void WriteText(char opcode, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Op(opcode, [.. BitConverter.GetBytes(bytes.Length), .. bytes]);
    }

    private void WriteInteger(BigInteger number)
    {
        var bytes = number.ToByteArray();
        _bytes.AddRange([0x8a, (byte)bytes.Length, .. bytes]);
    }

    private void WriteDouble(double number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, number);
        Op('G', bytes);
    }

    private void WriteMarked(IEnumerable<object?> items, char opcode)
    {
        Op('(');
        foreach (var item in items)
            Write(item);
        Op(opcode);
    }
}
