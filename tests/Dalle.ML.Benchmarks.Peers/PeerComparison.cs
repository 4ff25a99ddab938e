using Dalle.ML.Export;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>A step of one geometry by all: ours in every precision, and beside each the peers whose weights are as large.</summary>
internal sealed class PeerComparison : IDisposable
{
    private readonly Geometry _geometry;
    private readonly List<(IPeer Ours, List<IPeer> Peers)> _classes = [];

    public PeerComparison(Geometry geometry)
    {
        _geometry = geometry;
        Add(Precision.Fp32, PyTorch.Start(geometry), Start(LibTorchDecoder.Library, "fp32"), Start(LlamaDecoder.Library, GgmlType.F32.Name));
        Add(Precision.Fp16, Start(LibTorchDecoder.Library, "bf16"), Start(LlamaDecoder.Library, GgmlType.F16.Name));
        Add(Precision.Int8, Start(LlamaDecoder.Library, GgmlType.Q8.Name));
        Add(Precision.Int4, Start(LlamaDecoder.Library, GgmlType.Q4.Name));

        void Add(Precision precision, params IEnumerable<IPeer?> peers) => _classes.Add((new OurDecoder(geometry, precision), [.. peers.OfType<IPeer>()]));

        PeerProcess? Start(string library, string precision) =>
            PeerProcess.Start($"{library} {precision}", Environment.ProcessPath!, PeerProcess.Argument, library, geometry.Name, precision);
    }

    /// <summary>What is measured of a geometry and a number of rows begins with this.</summary>
    public static string NameOf(Geometry geometry, int rows) => $"{geometry.Name}, rows = {rows}";

    /// <param name="rows">Sequences that go through together.</param>
    public IEnumerable<Measurement> Steps(int rows) => _classes.SelectMany(each =>
    {
        var ours = Step(each.Ours, beside: null);
        return each.Peers.Select(peer => Step(peer, ours)).Prepend(ours);

        Measurement Step(IPeer peer, Measurement? beside) => new($"{NameOf(_geometry, rows)}: {peer.Description}", "ms", () => peer.Step(rows))
        {
            Figures = (results, step) =>
            {
                if (beside is null)
                    return [];
                var cost = results.MedianRatio(step, beside);
                return [new Figure("timesOurs", cost, $"{cost:F2} × ours")];
            },
        };
    });

    public void Dispose()
    {
        foreach (var peer in _classes.SelectMany(each => each.Peers.Append(each.Ours)))
            peer.Dispose();
    }
}
