using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Dalle.ML.Training.Native;

namespace Dalle.ML.Training.Tests;

/// <summary>
/// Loads libtorch for tests. TorchSharp 0.107 asks libstdc++ for a version that Debian 12 and Ubuntu 22.04 lack, though it uses nothing of
/// it; a copy of its library in which that version is optional loads there.
/// </summary>
internal static class TorchSupport
{
    private const string Version = "GLIBCXX_3.4.32";

    private static readonly Lazy<string?> Problem = new(Load);

    /// <summary>Skips the test where libtorch cannot be loaded.</summary>
    public static void Require() => Assert.SkipWhen(Problem.Value is not null, $"libtorch cannot be loaded: {Problem.Value}");

    private static string? Load()
    {
        try
        {
            if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
                LoadOnOldLinux(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"));
            LibTorch.EnsureLoaded();
            return null;
        }
        catch (DllNotFoundException exception)
        {
            return exception.Message;
        }
    }

    private static void LoadOnOldLinux(string folder)
    {
        var library = Path.Combine(folder, "libLibTorchSharp.so");
        if (!File.Exists(library))
            return;
        foreach (var name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
            _ = NativeLibrary.TryLoad(Path.Combine(folder, name), out _);
        if (NativeLibrary.TryLoad(library, out _))
            return;
        var bytes = File.ReadAllBytes(library);
        if (!MakeOptional(bytes))
            return;
        // Later look-ups find the copy by the name that it has inside.
        var copy = Path.Combine(Directory.CreateTempSubdirectory("dalle-torch-").FullName, "libLibTorchSharp.so");
        File.WriteAllBytes(copy, bytes);
        _ = NativeLibrary.TryLoad(copy, out _);
        Directory.Delete(Path.GetDirectoryName(copy)!, recursive: true);
    }

    /// <summary>Sets the flag VER_FLG_WEAK of the version in the section <c>.gnu.version_r</c> of a 64-bit ELF file.</summary>
    private static bool MakeOptional(byte[] elf)
    {
        const uint VersionNeeds = 0x6ffffffe;
        const ushort Weak = 2;
        var sections = (int)U64(0x28);
        var (size, count) = (U16(0x3A), U16(0x3C));
        var found = false;
        for (var i = 0; i < count; i++)
        {
            var section = sections + i * size;
            if (U32(section + 4) != VersionNeeds)
                continue;
            var strings = (int)U64(sections + (int)U32(section + 0x28) * size + 0x18);
            for (var need = (int)U64(section + 0x18); ; need += (int)U32(need + 12))
            {
                for (var entry = need + (int)U32(need + 8); ; entry += (int)U32(entry + 12))
                {
                    var name = strings + (int)U32(entry + 8);
                    if (elf.AsSpan(name).StartsWith(Encoding.ASCII.GetBytes(Version + "\0")))
                    {
                        BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(entry + 4), Weak);
                        found = true;
                    }
                    if (U32(entry + 12) == 0)
                        break;
                }
                if (U32(need + 12) == 0)
                    break;
            }
        }
        return found;

        ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(at));
        uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(at));
        ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(elf.AsSpan(at));
    }
}
