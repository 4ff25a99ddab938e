using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using static Dalle.ML.Export.Checkpoints.PickleOpcode;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads Python's pickle format, a program for a stack machine, without running anything of it: a global is what
/// <paramref name="findGlobal"/> puts in its place, which refuses what it does not know, and calls fill records.
/// </summary>
/// <remarks>
/// Format: Python's <c>pickletools</c>. Values are null, bool, long, <see cref="BigInteger"/>, double, string, byte[], List (also for sets),
/// object[] for tuples, OrderedDictionary by the text of the keys, <see cref="PickleGlobal"/>, <see cref="PickleRecord"/>, and whatever
/// globals and persistent ids stand for. Razorvine.Pickle, the reader of the .NET world, constructs objects by design; that is what
/// a file from a stranger must not do.
/// </remarks>
internal sealed class PickleMachine(
    byte[] bytes, Func<string, string, PickleGlobal> findGlobal, Func<object?, object?> loadPersistent)
{
    /// <summary>The longest pickle that is read. Weights are not in it; that of a model with thousands of tensors has a megabyte.</summary>
    public const int MaxBytes = 1 << 24;

    // What takes a byte in a pickle may take a hundred in memory.
    private const int MaxOpcodes = 1 << 21;
    private const int MaxKey = 1024;

    private readonly PickleStack _stack = new();
    private readonly Dictionary<uint, object?> _memo = [];
    private int _opcodes;

    /// <summary>Where the next pickle begins, once one was loaded.</summary>
    public int Position { get; private set; }

    /// <summary>The object that the next pickle describes.</summary>
    /// <exception cref="InvalidDataException">The pickle is malformed, too large, or asks for a global that is not allowed.</exception>
    public object? Load()
    {
        _stack.Clear();
        _memo.Clear();
        PickleOpcode opcode;
        while ((opcode = (PickleOpcode)Take(1)[0]) != Stop)
        {
            if (++_opcodes > MaxOpcodes)
                throw Invalid($"has more than {MaxOpcodes} opcodes");
            Execute(opcode);
        }
        return _stack.Pop();
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case Proto: Take(1); break;
            case Frame: Take(8); break;

            case Mark: _stack.Mark(); break;
            case Pop: _stack.PopOrUnmark(); break;
            case PopMark: _stack.PopToMark(); break;
            case Dup: _stack.Push(_stack.Peek()); break;

            case None: _stack.Push(null); break;
            case NewTrue: _stack.Push(true); break;
            case NewFalse: _stack.Push(false); break;
            case BinInt: _stack.Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case BinInt1: _stack.Push((long)Take(1)[0]); break;
            case BinInt2: _stack.Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case Long1: PushInteger(Take(Take(1)[0])); break;
            case Long4: PushInteger(Take(UInt32())); break;
            case BinFloat: _stack.Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;

            case BinString or BinUnicode: _stack.Push(Text(UInt32())); break;
            case ShortBinString or ShortBinUnicode: _stack.Push(Text(Take(1)[0])); break;
            case BinUnicode8: _stack.Push(Text(UInt64())); break;
            case BinBytes: _stack.Push(Take(UInt32()).ToArray()); break;
            case ShortBinBytes: _stack.Push(Take(Take(1)[0]).ToArray()); break;
            case BinBytes8 or ByteArray8: _stack.Push(Take(UInt64()).ToArray()); break;

            case EmptyTuple: _stack.Push(Array.Empty<object?>()); break;
            case PickleOpcode.Tuple: _stack.Push(_stack.PopToMark()); break;
            case Tuple1: _stack.Push(_stack.PopLast(1)); break;
            case Tuple2: _stack.Push(_stack.PopLast(2)); break;
            case Tuple3: _stack.Push(_stack.PopLast(3)); break;

            case EmptyList or EmptySet: _stack.Push(new List<object?>()); break;
            case FrozenSet: _stack.Push(new List<object?>(_stack.PopToMark())); break;
            case Append: AddTo(_stack.PopLast(1)); break;
            case Appends or AddItems: AddTo(_stack.PopToMark()); break;
            case EmptyDict: _stack.Push(new OrderedDictionary<string, object?>()); break;
            case SetItem: SetIn(_stack.PopLast(2)); break;
            case SetItems: SetIn(_stack.PopToMark()); break;

            case BinGet: _stack.Push(Recall(Take(1)[0])); break;
            case LongBinGet: _stack.Push(Recall(UInt32())); break;
            case BinPut: Store(Take(1)[0]); break;
            case LongBinPut: Store(UInt32()); break;
            case Memoize: Store((uint)_memo.Count); break;

            case Global: _stack.Push(findGlobal(Line(), Line())); break;
            case StackGlobal:
                var (name, module) = (_stack.Pop<string>("text"), _stack.Pop<string>("text"));
                _stack.Push(findGlobal(module, name));
                break;
            case Reduce or NewObj: Create(_stack.Pop<object?[]>("a tuple")); break;
            case NewObjEx:
                _stack.Pop(); // keyword arguments: only constructors need them
                Create(_stack.Pop<object?[]>("a tuple"));
                break;
            case Build: SetState(_stack.Pop()); break;
            case BinPersId: _stack.Push(loadPersistent(_stack.Pop())); break;

            default: throw Invalid($"has the opcode 0x{(byte)opcode:x2}, which PyTorch does not write");
        }
    }

    private void Create(object?[] arguments)
    {
        var global = _stack.Pop<PickleGlobal>("a function or class");
        _stack.Push(global.Create(global, arguments));
    }

    private void SetState(object? state)
    {
        // Attributes of dictionaries and tensors are bookkeeping (a state_dict's _metadata).
        if (_stack.Peek() is PickleRecord record)
            record.State = state;
    }

    private void AddTo(ReadOnlySpan<object?> items)
    {
        switch (_stack.Peek())
        {
            case List<object?> list:
                list.AddRange(items);
                break;
            case PickleRecord record:
                foreach (var item in items)
                    record.Items[record.Items.Count.ToString(CultureInfo.InvariantCulture)] = item;
                break;
            default:
                throw Invalid("adds to something other than a list");
        }
    }

    private void SetIn(ReadOnlySpan<object?> items)
    {
        var dictionary = _stack.Peek() switch
        {
            OrderedDictionary<string, object?> plain => plain,
            PickleRecord record => record.Items,
            _ => throw Invalid("sets an entry of something other than a dictionary"),
        };
        if (items.Length % 2 != 0)
            throw Invalid("sets a key without a value");
        for (var i = 0; i < items.Length; i += 2)
            if (Key(items[i]) is { } key)
                dictionary[key] = items[i + 1];
    }

    /// <summary>The text of a key; null, for an entry to leave out, if it has none that could be part of a path.</summary>
    private string? Key(object? key) => key switch
    {
        string { Length: > MaxKey } => throw Invalid($"has a key of more than {MaxKey} characters"),
        string text => text,
        long number => number.ToString(CultureInfo.InvariantCulture),
        PickleGlobal global => global.Name,
        _ => null,
    };

    private void PushInteger(ReadOnlySpan<byte> littleEndian)
    {
        var integer = new BigInteger(littleEndian);
        _stack.Push(integer >= long.MinValue && integer <= long.MaxValue ? (long)integer : (object)integer);
    }

    // Python counts from zero. Numbers chosen by the file could all fall into one bucket of the dictionary.
    private void Store(uint index) => _memo[index < MaxOpcodes ? index : throw Invalid($"stores an object as number {index}")] = _stack.Peek();

    private object? Recall(uint index) =>
        _memo.TryGetValue(index, out var value) ? value : throw Invalid($"recalls object {index}, which it has not stored");

    private string Text(ulong length) => Encoding.UTF8.GetString(Take(length));

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    private string Line()
    {
        var length = bytes.AsSpan(Position, Math.Min(bytes.Length - Position, MaxKey)).IndexOf((byte)'\n');
        if (length < 0)
            throw Invalid("names a global without end");
        var line = Text((ulong)length);
        Position++;
        return line;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(bytes.Length - Position))
            throw Invalid("ends too early, or is longer than the limit");
        Position += (int)count;
        return bytes.AsSpan(Position - (int)count, (int)count);
    }

    private InvalidDataException Invalid(string reason) => new($"its pickle {reason}, at its byte {Position}.");
}
