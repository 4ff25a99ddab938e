using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Architectures;

public sealed class CachedDecoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_mask_is_not_written_for_a_stream_that_is_too_long()
    {
        using var g = new GraphBuilder(Path.Combine(_folder.Path, "decoder.onnx"));
        var decoder = new CachedDecoder(g, new DecoderGraph
        {
            File = "decoder.onnx",
            ImageIdOffset = 0,
            TotalLength = "total_length",
            Cache = new KeyValueCache { Layers = 1, Heads = 1, HeadSize = 1, Capacity = 256 * 256 },
        });
        var error = Assert.Throws<InvalidDataException>(() => decoder.Mask(new AttentionMask("row", (_, _) => true)));
        Assert.Contains("65536 positions", error.Message, StringComparison.Ordinal);
    }
}
