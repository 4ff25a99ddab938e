using System.Text;

namespace Dalle.ML.Export.Tests.Checkpoints;

internal static class SafetensorsWriter
{
    public static byte[] File(string header, byte[] data) => File(Encoding.UTF8.GetBytes(header), data);

    public static byte[] File(byte[] header, byte[] data) => [.. BitConverter.GetBytes(header.LongLength), .. header, .. data];
}
