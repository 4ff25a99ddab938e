using System.Globalization;

namespace Dalle.ML.Training.Data;

/// <summary>Numbers in messages.</summary>
internal static class Counted
{
    public static string Of(int count, string one, string many) => string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? one : many)}");
}
