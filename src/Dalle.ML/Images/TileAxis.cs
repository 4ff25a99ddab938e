using Dalle.ML.Bundles;

namespace Dalle.ML.Images;

/// <summary>One axis of an image that a network takes in tiles: rows and columns are cut alike.</summary>
/// <param name="Sources">For each position of the padded axis the pixel of the image that is there.</param>
/// <param name="Tiles">The tiles, along the padded axis.</param>
internal sealed record TileAxis(int[] Sources, IReadOnlyList<TileAxis.Tile> Tiles)
{
    /// <param name="Start">First position.</param>
    /// <param name="Length">Number of positions.</param>
    /// <param name="Margin">Number of positions before those whose result is used.</param>
    /// <param name="Used">Number of positions whose result is used.</param>
    /// <param name="Target">The pixel of the image that the first used position is; outside of the image where that is padded.</param>
    public readonly record struct Tile(int Start, int Length, int Margin, int Used, int Target);

    /// <param name="length">Number of pixels of the image.</param>
    /// <param name="graph">How the network's input is cut.</param>
    public static TileAxis Cut(int length, UpscalerGraph graph) => graph.Edges == TileEdges.Clipped ? Clipped(length, graph) : Repeated(length, graph);

    /// <summary>xinntao/Real-ESRGAN, RealESRGANer: padding at the end only, and tiles that end where the image does.</summary>
    private static TileAxis Clipped(int length, UpscalerGraph graph)
    {
        var mirrored = length + graph.Mirror;
        var padded = (mirrored + graph.Multiple - 1) / graph.Multiple * graph.Multiple;
        var size = graph.TileSize == 0 ? padded : graph.TileSize;
        var tiles = new List<Tile>();
        for (var start = 0; start < length; start += size)
        {
            var (first, used) = (Math.Max(start - graph.Overlap, 0), Math.Min(size, padded - start));
            tiles.Add(new(first, Math.Min(start + used + graph.Overlap, padded) - first, start - first, used, start));
        }
        return new([.. Enumerable.Range(0, padded).Select(i => Reflect(Reflect(i, mirrored), length))], tiles);
    }

    /// <summary>ai-forever/ru-dalle, realesrgan/utils.py: padding on both sides, and tiles of one size beyond the image.</summary>
    private static TileAxis Repeated(int length, UpscalerGraph graph)
    {
        var mirrored = length + 2 * graph.Mirror;
        var count = (mirrored + graph.TileSize - 1) / graph.TileSize;
        var tile = graph.TileSize + 2 * graph.Overlap;
        var sources = Enumerable.Range(0, count * graph.TileSize + 2 * graph.Overlap)
            .Select(i => ReflectWithEdge(Math.Clamp(i - graph.Overlap, 0, mirrored - 1) - graph.Mirror, length));
        var tiles = Enumerable.Range(0, count)
            .Select(i => new Tile(i * graph.TileSize, tile, graph.Overlap, graph.TileSize, i * graph.TileSize - graph.Mirror));
        return new([.. sources], [.. tiles.Where(part => part.Target < length)]);
    }

    /// <summary>A place beyond the last pixel of some, mirrored at that pixel; to and fro where they are few.</summary>
    private static int Reflect(int place, int length)
    {
        if (length == 1)
            return 0;
        var there = place % (2 * length - 2);
        return there < length ? there : 2 * length - 2 - there;
    }

    /// <summary>A place before the first pixel of some or beyond the last, mirrored so that the pixel at the edge is there twice.</summary>
    private static int ReflectWithEdge(int place, int length)
    {
        var there = (place % (2 * length) + 2 * length) % (2 * length);
        return there < length ? there : 2 * length - 1 - there;
    }
}
