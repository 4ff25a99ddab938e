namespace Microsoft.ML.Data;

/// <summary>Turns what a member holds into what a column holds and back.</summary>
internal abstract class ValueCodec<TValue, TRaw>
{
    internal abstract void Encode(TValue value, ref TRaw raw);

    /// <summary>The member's value; <paramref name="raw"/> is given away to it.</summary>
    internal abstract TValue Decode(TRaw raw);
}

internal static class ValueCodec
{
    /// <summary>The codec between a member's type and <see cref="MemberTypes.RawTypeOf"/> it.</summary>
    internal static ValueCodec<TValue, TRaw> For<TValue, TRaw>() => (ValueCodec<TValue, TRaw>)Create(typeof(TValue));

    private static object Create(Type type)
    {
        if (type == typeof(string))
            return new TextCodec();
        if (type == typeof(string[]))
            return new TextArrayCodec();
        if (type.IsSZArray)
            return CreateGeneric(typeof(ArrayCodec<>), type.GetElementType());
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(VBuffer<>))
            return CreateGeneric(typeof(VectorCodec<>), type.GetGenericArguments()[0]);
        return CreateGeneric(typeof(IdentityCodec<>), type);
    }

    private static object CreateGeneric(Type codec, Type item) => Activator.CreateInstance(codec.MakeGenericType(item));

    private sealed class IdentityCodec<T> : ValueCodec<T, T>
    {
        internal override void Encode(T value, ref T raw) => raw = value;

        internal override T Decode(T raw) => raw;
    }

    private sealed class TextCodec : ValueCodec<string, ReadOnlyMemory<char>>
    {
        internal override void Encode(string value, ref ReadOnlyMemory<char> raw) => raw = value.AsMemory();

        internal override string Decode(ReadOnlyMemory<char> raw) => raw.ToString();
    }

    private sealed class VectorCodec<T> : ValueCodec<VBuffer<T>, VBuffer<T>>
    {
        internal override void Encode(VBuffer<T> value, ref VBuffer<T> raw) => value.CopyTo(ref raw);

        internal override VBuffer<T> Decode(VBuffer<T> raw) => raw;
    }

    private sealed class ArrayCodec<T> : ValueCodec<T[], VBuffer<T>>
    {
        internal override void Encode(T[] value, ref VBuffer<T> raw)
        {
            var editor = VBufferEditor.Create(ref raw, value?.Length ?? 0);
            value.AsSpan().CopyTo(editor.Values);
            raw = editor.Commit();
        }

        internal override T[] Decode(VBuffer<T> raw)
        {
            var value = new T[raw.Length];
            raw.CopyTo(value);
            return value;
        }
    }

    private sealed class TextArrayCodec : ValueCodec<string[], VBuffer<ReadOnlyMemory<char>>>
    {
        internal override void Encode(string[] value, ref VBuffer<ReadOnlyMemory<char>> raw)
        {
            var editor = VBufferEditor.Create(ref raw, value?.Length ?? 0);
            for (var i = 0; i < editor.Values.Length; i++)
                editor.Values[i] = value[i].AsMemory();
            raw = editor.Commit();
        }

        internal override string[] Decode(VBuffer<ReadOnlyMemory<char>> raw) => [.. raw.DenseValues().Select(text => text.ToString())];
    }
}
