using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// The functions of ONNX Runtime's C interface that operators and memory of one's own need and its .NET package does not show. Their places in the table never
/// change (onnxruntime_c_api.h).
/// </summary>
internal static unsafe partial class OrtApi
{
    /// <summary>The version of the interface that has all of them: that of ONNX Runtime 1.17.</summary>
    public const uint Version = 17;

    private static readonly nint* Functions = GetApi();

    /// <summary>Makes operators known to the sessions that are created with the options.</summary>
    /// <param name="options">Handle of the options.</param>
    /// <param name="domain">The operators' domain; it must live as long as the sessions.</param>
    public static void AddDomain(nint options, nint domain) =>
        Check(((delegate* unmanaged<nint, nint, nint>)Functions[28])(options, domain));

    /// <summary>A domain of operators, which is never freed.</summary>
    /// <param name="name">Name of the domain.</param>
    /// <param name="operators">Their tables of functions, which are never freed either.</param>
    public static nint CreateDomain(string name, params ReadOnlySpan<nint> operators)
    {
        nint domain;
        fixed (byte* utf8 = Utf8(name))
            Check(((delegate* unmanaged<byte*, nint*, nint>)Functions[26])(utf8, &domain));
        foreach (var table in operators)
            Check(((delegate* unmanaged<nint, nint, nint>)Functions[27])(domain, table));
        return domain;
    }

    public static nint Input(nint context, int index)
    {
        nint value;
        Check(((delegate* unmanaged<nint, nuint, nint*, nint>)Functions[90])(context, (nuint)index, &value));
        return value;
    }

    public static nint Output(nint context, int index, ReadOnlySpan<long> shape)
    {
        nint value;
        fixed (long* dimensions = shape)
            Check(((delegate* unmanaged<nint, nuint, long*, nuint, nint*, nint>)Functions[91])(context, (nuint)index, dimensions, (nuint)shape.Length, &value));
        return value;
    }

    public static void* Data(nint value)
    {
        void* data;
        Check(((delegate* unmanaged<nint, void**, nint>)Functions[51])(value, &data));
        return data;
    }

    /// <summary>Reads the shape of a tensor.</summary>
    /// <returns>Its rank, which may be more than there was room for.</returns>
    public static int Shape(nint value, Span<long> shape)
    {
        nint info;
        nuint rank;
        Check(((delegate* unmanaged<nint, nint*, nint>)Functions[65])(value, &info));
        var status = ((delegate* unmanaged<nint, nuint*, nint>)Functions[61])(info, &rank);
        if (status == 0)
        {
            fixed (long* dimensions = shape)
                status = ((delegate* unmanaged<nint, long*, nuint, nint>)Functions[62])(info, dimensions, Math.Min(rank, (nuint)shape.Length));
        }
        ((delegate* unmanaged<nint, void>)Functions[99])(info);
        Check(status);
        return (int)rank;
    }

    public static long Int64Attribute(nint kernel, string name)
    {
        long value;
        fixed (byte* utf8 = Utf8(name))
            Check(((delegate* unmanaged<nint, byte*, long*, nint>)Functions[86])(kernel, utf8, &value));
        return value;
    }

    public static float FloatAttribute(nint kernel, string name)
    {
        float value;
        fixed (byte* utf8 = Utf8(name))
            Check(((delegate* unmanaged<nint, byte*, float*, nint>)Functions[85])(kernel, utf8, &value));
        return value;
    }

    /// <summary>Runs a function for 0 … <paramref name="count"/> − 1 on the session's threads.</summary>
    public static void ParallelFor(nint context, delegate* unmanaged<void*, nuint, void> function, int count, void* state) =>
        Check(((delegate* unmanaged<nint, delegate* unmanaged<void*, nuint, void>, nuint, nuint, void*, nint>)Functions[274])(context, function, (nuint)count, 0, state));

    /// <summary>Makes an allocator that of the sessions that ask for the environment's.</summary>
    /// <param name="environment">Handle of the environment.</param>
    /// <param name="allocator">Its table of functions, which must live as long.</param>
    public static void RegisterAllocator(nint environment, nint allocator) =>
        Check(((delegate* unmanaged<nint, nint, nint>)Functions[176])(environment, allocator));

    /// <summary>A failure as an operator returns it; ONNX Runtime frees it.</summary>
    public static nint Failure(string message)
    {
        const int Fail = 1;
        fixed (byte* utf8 = Utf8(message))
            return ((delegate* unmanaged<int, byte*, nint>)Functions[0])(Fail, utf8);
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private static void Check(nint status)
    {
        if (status == 0)
            return;
        var message = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)Functions[2])(status));
        ((delegate* unmanaged<nint, void>)Functions[93])(status);
        throw new InvalidOperationException(message);
    }

    private static nint* GetApi()
    {
        var api = ((delegate* unmanaged<uint, nint*>)GetApiBase()[0])(Version);
        return api == null ? throw new EntryPointNotFoundException($"ONNX Runtime does not have version {Version} of its interface.") : api;
    }

    [LibraryImport("onnxruntime", EntryPoint = "OrtGetApiBase")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvStdcall)])]
    private static partial nint* GetApiBase();
}
