using System.Numerics;
using System.Text;
using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Tests.Checkpoints.PickleWriter;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class PickleMachineTests
{
    [Fact]
    public void Values_come_back()
    {
        Assert.Null(Load(null));
        Assert.Equal(true, Load(true));
        foreach (var number in new[] { 0L, 255, 256, -1, int.MinValue, long.MaxValue, long.MinValue })
            Assert.Equal(number, Load(number));
        Assert.Equal(BigInteger.Pow(3, 100), Load(BigInteger.Pow(3, 100)));
        Assert.Equal(-1.5e300, Load(-1.5e300));
        Assert.Equal("größer", Load("größer"));
        Assert.Equal([1, 2], Assert.IsType<byte[]>(Load(new byte[] { 1, 2 })));
        Assert.Equal([1L, "a", null], Assert.IsType<object?[]>(Load(new object?[] { 1, "a", null })));
        Assert.Equal([false, 2.5], Assert.IsType<List<object?>>(Load(new List<object?> { false, 2.5 })));
        var dictionary = Assert.IsType<OrderedDictionary<string, object?>>(Load(new Dictionary<object, object?> { ["b"] = 1, [7] = 2, ["a"] = 3 }));
        Assert.Equal(["b", "7", "a"], dictionary.Keys);
    }

    // As pickletools.dis shows them of pickle.dumps(…, protocol=4).
    [Fact]
    public void Protocol_4_is_read()
    {
        byte[] set = [0x80, 4, 0x95, 11, 0, 0, 0, 0, 0, 0, 0, 0x8f, 0x94, (byte)'(', (byte)'K', 1, (byte)'K', 2, 0x90, (byte)'.'];
        Assert.Equal([1L, 2L], Assert.IsType<List<object?>>(Run(set)));
        byte[] memoized = [0x80, 4, 0x8c, 2, (byte)'h', (byte)'i', 0x94, (byte)'h', 0, 0x86, (byte)'.'];
        Assert.Equal(["hi", "hi"], Assert.IsType<object?[]>(Run(memoized)));
        byte[] global = [0x80, 4, 0x8c, 2, (byte)'o', (byte)'s', 0x8c, 6, .. "system"u8, 0x93, (byte)'.'];
        Assert.Equal("os.system", Assert.IsType<PickleGlobal>(Run(global)).Name);
    }

    [Fact]
    public void What_is_stored_is_recalled_as_the_same_object()
    {
        var pair = Assert.IsType<object?[]>(Load(new object?[] { new Raw((byte)']', (byte)'q', 3), new Raw((byte)'h', 3) }));
        Assert.Same(pair[0], pair[1]);
        var list = Assert.IsType<List<object?>>(Load(new Raw((byte)']', (byte)'q', 0, (byte)'h', 0, (byte)'a')));
        Assert.Same(list, Assert.Single(list));
    }

    [Fact]
    public void Objects_are_records_of_what_is_said_of_them()
    {
        var record = Assert.IsType<PickleRecord>(Load(new Instance(new Global("some", "Class"), new Dictionary<object, object?> { ["size"] = 3 })));
        Assert.Equal("some.Class", record.Type.Name);
        Assert.Equal(3L, record.Attributes["size"]);
        Assert.Equal([1L], Assert.IsType<PickleRecord>(Load(new Call(new Global("some", "function"), 1))).Arguments);
        Assert.Equal(("id", 5L), Load(new PersistentId(5)));
    }

    [Theory]
    [InlineData("", "ends too early")]
    [InlineData(".", "stack")]
    [InlineData("N", "ends too early")]
    [InlineData("(.", "stack")]
    [InlineData("N(.", "stack")]
    [InlineData("N(N\u0086.", "stack")]
    [InlineData("a.", "stack")]
    [InlineData("NNa.", "other than a list")]
    [InlineData("NNNs.", "other than a dictionary")]
    [InlineData("}(Nu.", "without a value")]
    [InlineData("t.", "mark")]
    [InlineData("h\u0005.", "recalls")]
    [InlineData("NNR.", "a tuple")]
    [InlineData("N)R.", "a function or class")]
    [InlineData("Nr\u00ff\u00ff\u00ff\u00ff.", "as number 4294967295")]
    [InlineData("X\u00ff\u00ff\u00ff\u007fabc.", "ends too early")]
    [InlineData("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ffabc.", "ends too early")]
    [InlineData("\u0096\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0080.", "ends too early")]
    [InlineData("cos", "without end")]
    [InlineData("I1\n.", "0x49")]
    [InlineData("S'text'\n.", "0x53")]
    [InlineData("(i__main__\nC\n.", "0x69")]
    public void Malformed_pickles_are_refused(string pickle, string reason) =>
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => Run(Encoding.Latin1.GetBytes(pickle))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_bomb_of_small_objects_is_refused()
    {
        var pickle = new byte[PickleMachine.MaxBytes];
        pickle.AsSpan().Fill((byte)'}');
        Assert.Contains("opcodes", Assert.Throws<InvalidDataException>(() => Run(pickle)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_as_long_as_the_file_is_refused()
    {
        // Each of many entries would have to look at all of it.
        var key = new string('k', 5000);
        Assert.Contains("key", Assert.Throws<InvalidDataException>(() => Load(new Dictionary<object, object?> { [key] = 1 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_nesting_does_not_overflow_the_stack()
    {
        var depth = 500_000;
        var pickle = Enumerable.Repeat((byte)']', depth).Concat(Enumerable.Repeat((byte)'a', depth - 1)).Append((byte)'.').ToArray();
        var root = Run(pickle);
        for (; depth > 1; depth--)
            root = Assert.IsType<List<object?>>(root)[0];
    }

    private static object? Load(object? value) => Run(Dump(value));

    private static object? Run(byte[] pickle) => new PickleMachine(
        pickle,
        (module, name) => new PickleGlobal($"{module}.{name}", (global, arguments) => new PickleRecord(global, arguments)),
        id => ("id", (long)id!)).Load();
}
