using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Dalle.ML.Training.Native;

/// <summary>
/// Loads TorchSharp on Debian 12 and Ubuntu 22.04, where the user asks for it. TorchSharp 0.107 asks libstdc++ for a version that they lack, though it uses
/// nothing of it; a copy of its library in which that version is optional loads there.
/// </summary>
internal static class OldLibStdCpp
{
    /// <summary>The environment variable by which the user asks for it; any value will do.</summary>
    public const string Variable = "DALLE_OLD_LIBSTDCXX";

    private const string Version = "GLIBCXX_3.4.32";
    private const string LibraryName = "libLibTorchSharp.so";

    /// <summary>Loads TorchSharp's library, changed if need be, so that all later look-ups find it.</summary>
    public static void Load()
    {
        string[] folders = [Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"), AppContext.BaseDirectory];
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
            || folders.FirstOrDefault(each => File.Exists(Path.Combine(each, LibraryName))) is not { } folder)
            return;
        var library = Path.Combine(folder, LibraryName);
        foreach (var name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
            _ = NativeLibrary.TryLoad(Path.Combine(folder, name), out _);
        if (NativeLibrary.TryLoad(library, out _))
            return;
        var bytes = File.ReadAllBytes(library);
        if (!MakeOptional(bytes))
            return;
        // Later look-ups find the copy by the name that it has inside.
        var copy = Path.Combine(Directory.CreateTempSubdirectory("dalle-torch-").FullName, LibraryName);
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
