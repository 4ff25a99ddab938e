using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Dalle.ML.Onnx;

/// <summary>
/// An image decoder for a larger grid of tokens. Its layers are convolutions and others that take any size; a constant alone, <c>grid</c>
/// [0, channels, rows, columns], says how the tokens lie.
/// </summary>
internal static class TokenGrid
{
    private const string Constant = "grid";

    /// <summary>The graph for several times the rows and columns.</summary>
    /// <param name="path">File of the decoder.</param>
    /// <param name="rows">Rows of its grid.</param>
    /// <param name="columns">Columns of its grid.</param>
    /// <param name="timesRows">How many times the rows.</param>
    /// <param name="timesColumns">How many times the columns.</param>
    /// <returns>Null if the graph has no such constant.</returns>
    public static byte[]? Resize(string path, int rows, int columns, int timesRows, int timesColumns)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        if (model.Graph.Initializer.FirstOrDefault(tensor => tensor.Name == Constant) is not { } grid
            || MemoryMarshal.Cast<byte, long>(grid.RawData.Span) is not [0, var channels, var ownRows, var ownColumns] || (ownRows, ownColumns) != (rows, columns))
        {
            return null;
        }
        long[] larger = [0, channels, rows * timesRows, columns * timesColumns];
        grid.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(larger.AsSpan()));
        // The declared sizes are those of the own grid; how many tokens there are is the caller's affair.
        foreach (var value in model.Graph.Input.Concat(model.Graph.Output))
        {
            foreach (var (axis, size) in value.Type.TensorType.Shape.Dim.Index().Skip(1))
            {
                if (value.Name == "tokens" || axis > 1)
                    size.DimParam = $"{value.Name}_{axis}";
            }
        }
        return model.ToByteArray();
    }
}
