using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

internal static class ClipEmbedding
{
    /// <summary>Ends a CLIP graph: normalizes an embedding [batch, dimension] to the length 1.</summary>
    public static void SaveEmbedding(this GraphBuilder g, string x, int dimension, string name = "embedding")
    {
        g.Node("LpNormalization", [x], [name], ("axis", -1), ("p", 2));
        g.Output(name, DataType.Float, "batch", dimension);
        g.Save();
    }

    /// <summary>Makes an embedding as it is before it has the length 1 another output, if it has a name.</summary>
    public static void SaveRaw(this GraphBuilder g, string x, int dimension, string? name)
    {
        if (name is null)
            return;
        g.Node("Identity", [x], [name]);
        g.Output(name, DataType.Float, "batch", dimension);
    }
}
