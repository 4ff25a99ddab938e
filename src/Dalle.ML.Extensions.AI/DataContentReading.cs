using Microsoft.Extensions.AI;
using Microsoft.ML.Data;

namespace Dalle.ML.Extensions.AI;

/// <summary>Images that come as data of a request.</summary>
internal static class DataContentReading
{
    /// <exception cref="ArgumentException">The data is not an image that can be read.</exception>
    public static MLImage Read(this ImageReader reader, DataContent content)
    {
        try
        {
            return reader.Read(content.Data.Span);
        }
        catch (InvalidDataException exception)
        {
            throw new ArgumentException(exception.Message, nameof(content), exception);
        }
    }
}
