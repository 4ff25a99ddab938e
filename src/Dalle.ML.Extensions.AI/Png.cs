using Microsoft.Extensions.AI;
using Microsoft.ML.Data;

namespace Dalle.ML.Extensions.AI;

/// <summary>Images as PNG data.</summary>
internal static class Png
{
    public static MLImage Read(DataContent content)
    {
        using var stream = new MemoryStream(content.Data.ToArray());
        return MLImage.CreateFromStream(stream);
    }

    /// <summary>ML.NET's images are saved to files only, so the data takes the way over one.</summary>
    public static byte[] Write(MLImage image)
    {
        var path = Path.Combine(Path.GetTempPath(), $"dalle-{Guid.NewGuid():N}.png");
        try
        {
            image.Save(path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
