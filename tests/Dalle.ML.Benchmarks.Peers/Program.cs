using Dalle.ML.Benchmarks;
using Dalle.ML.Benchmarks.Peers;

const string Usage = """
    A step of our transformer beside those of other libraries: Debian's PyTorch (if it is installed), libtorch and llama.cpp. Random weights of the
    same shape are made once (3 GB of artifacts/bench). Nothing is asserted.

      peers [filter] [--rounds N] [--json PATH]

      filter         part of '12x512, rows = 1': only what has it in its name
      --rounds N     samples of each, 15 unless told
      --json PATH    where the numbers go, artifacts/bench.json unless told, with the geometry before the ending
    """;

if (args is [PeerProcess.Argument, var library, var size, var precision])
{
    var shape = Geometry.All.Single(geometry => geometry.Name == size);
    using IPeer peer = library == LibTorchDecoder.Library
        ? new LibTorchDecoder(shape, precision)
        : new LlamaDecoder(shape, GgmlType.All.Single(type => type.Name == precision));
    PeerProcess.Serve(peer);
    return 0;
}
if (Arguments.Parse(args) is not { } arguments)
{
    Console.Error.WriteLine(Usage);
    return 1;
}

int[] allRows = [1, 8];
var load = Machine.CurrentLoad();
foreach (var geometry in Geometry.All)
{
    var selected = allRows.Where(rows => PeerComparison.NameOf(geometry, rows).Contains(arguments.Filter, StringComparison.Ordinal)).ToArray();
    if (selected.Length == 0)
        continue;
    using var comparison = new PeerComparison(geometry);
    var report = new Report(Machine.Describe(load), Results.Measure(selected.SelectMany(comparison.Steps), arguments.Rounds));
    report.Print(Console.Out);
    report.Save(Path.ChangeExtension(arguments.Json, $"{geometry.Name}.json"));
}
return 0;
