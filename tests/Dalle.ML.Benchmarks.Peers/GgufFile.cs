using System.Text;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>Writes a GPT-2 with random weights as llama.cpp reads it: GGUF, version 3.</summary>
internal static class GgufFile
{
    private const int Alignment = 32;

    /// <summary>The file in the folder of build results, which is written once.</summary>
    public static string Of(Geometry geometry, GgmlType type)
    {
        var path = Path.Combine(Arguments.RepositoryRoot(), "artifacts", "bench", $"{geometry.Name}-{type.Name}.gguf".ToLowerInvariant());
        if (File.Exists(path))
            return path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // Moved when complete: a run that was stopped leaves nothing that the next would take for a model.
        var partial = path + ".partial";
        using (var writer = new BinaryWriter(File.Create(partial)))
            Write(writer, geometry, TensorsOf(geometry, type));
        File.Move(partial, path);
        return path;
    }

    private static List<Tensor> TensorsOf(Geometry geometry, GgmlType type)
    {
        var (dim, inner) = (geometry.Dim, geometry.Inner);
        List<Tensor> tensors =
        [
            new("token_embd.weight", [dim, Geometry.Vocabulary], type), new("position_embd.weight", [dim, Geometry.Capacity], GgmlType.F32),
            new("output.weight", [dim, Geometry.Vocabulary], type),
        ];
        Norm("output_norm");
        for (var layer = 0; layer < geometry.Layers; layer++)
        {
            Norm($"blk.{layer}.attn_norm");
            Linear($"blk.{layer}.attn_qkv", dim, 3 * dim);
            Linear($"blk.{layer}.attn_output", dim, dim);
            Norm($"blk.{layer}.ffn_norm");
            Linear($"blk.{layer}.ffn_up", dim, inner);
            Linear($"blk.{layer}.ffn_down", inner, dim);
        }
        return tensors;

        void Norm(string name) => tensors.AddRange([new($"{name}.weight", [dim], GgmlType.F32), new($"{name}.bias", [dim], GgmlType.F32)]);

        void Linear(string name, int inputs, int outputs) =>
            tensors.AddRange([new($"{name}.weight", [inputs, outputs], type), new($"{name}.bias", [outputs], GgmlType.F32)]);
    }

    private static void Write(BinaryWriter writer, Geometry geometry, List<Tensor> tensors)
    {
        const uint Version = 3;
        (string Key, object Value)[] settings =
        [
            ("general.architecture", "gpt2"), ("gpt2.context_length", (uint)Geometry.Capacity), ("gpt2.embedding_length", (uint)geometry.Dim),
            ("gpt2.block_count", (uint)geometry.Layers), ("gpt2.feed_forward_length", (uint)geometry.Inner),
            ("gpt2.attention.head_count", (uint)geometry.Heads), ("gpt2.attention.layer_norm_epsilon", 1e-5f),
            ("gpt2.vocab_size", (uint)Geometry.Vocabulary), ("tokenizer.ggml.model", "no_vocab"),
        ];
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)settings.Length);
        foreach (var (key, value) in settings)
            WriteSetting(writer, key, value);
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (var axis in tensor.Shape)
                writer.Write((ulong)axis);
            writer.Write(tensor.Type.Id);
            writer.Write((ulong)offset);
            offset = Align(offset + tensor.Bytes);
        }
        foreach (var tensor in tensors)
        {
            Pad(writer);
            WriteRandom(writer, tensor);
        }
        Pad(writer);
    }

    private static void WriteSetting(BinaryWriter writer, string key, object value)
    {
        const uint Unsigned = 4, Float = 6, Text = 8;
        WriteText(writer, key);
        switch (value)
        {
            case uint number:
                writer.Write(Unsigned);
                writer.Write(number);
                break;
            case float number:
                writer.Write(Float);
                writer.Write(number);
                break;
            default:
                writer.Write(Text);
                WriteText(writer, (string)value);
                break;
        }
    }

    /// <summary>Weights that come again and again: no time depends on their values.</summary>
    private static void WriteRandom(BinaryWriter writer, Tensor tensor)
    {
        const int Blocks = 16 << 10;
        var (random, size) = (new Random(1), tensor.Type.BlockBytes);
        var bytes = new byte[(int)Math.Min(tensor.Bytes, (long)Blocks * size)];
        for (var at = 0; at < bytes.Length; at += size)
            tensor.Type.Fill(random, bytes.AsSpan(at, size));
        for (var left = tensor.Bytes; left > 0; left -= bytes.Length)
            writer.Write(bytes, 0, (int)Math.Min(left, bytes.Length));
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        writer.Write((ulong)text.Length);
        writer.Write(Encoding.ASCII.GetBytes(text));
    }

    private static void Pad(BinaryWriter writer)
    {
        var position = writer.BaseStream.Position;
        writer.Write(new byte[Align(position) - position]);
    }

    private static long Align(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private sealed record Tensor(string Name, int[] Shape, GgmlType Type)
    {
        public long Bytes => Type.BytesOf(Shape.Aggregate(1L, (size, axis) => size * axis));
    }
}
