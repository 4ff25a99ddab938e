using System.Text;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;
using Dalle.ML.Tests.Fuzz;

namespace Dalle.ML.Export.Tests.Checkpoints.Fuzz;

/// <summary>Damaged checkpoints must be read or refused, in little memory.</summary>
[Trait("Category", "Fuzz")]
public sealed class FuzzTests : IDisposable
{
    // The files have a few kilobytes; a tensor whose elements are all the same one may have 16 megabytes in memory.
    private const long MaxAllocated = 1 << 27;

    private readonly TemporaryFolder _folder = new(isInMemory: true);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Readers() => [.. FuzzSamples.Readers.Keys];

    [Theory]
    [MemberData(nameof(Readers))]
    public async Task Damaged_files_are_read_or_refused(string reader)
    {
        var make = FuzzSamples.Readers[reader];
        TestContext.Current.SendDiagnosticMessage(await new FuzzRun(reader, MaxAllocated).Run(
            mutator =>
            {
                var files = make(mutator);
                foreach (var (name, content) in files)
                    File.WriteAllBytes(Path.Combine(_folder.Path, name), content);
                using var checkpoint = Checkpoint.Open(Path.Combine(_folder.Path, files[0].Name));
                foreach (var name in checkpoint.Names)
                    checkpoint.Read(name);
            },
            typeof(InvalidDataException)));
    }

    [Fact]
    public async Task Damaged_YAML_is_read_or_refused() => await RunSettings("YAML", "config.yaml", YamlSettings.Read, """
        # minDALL-E
        stage2: &two
          vocab_size_txt: 16384
          hparams: { n_heads: 24, gelu_use_approx: false, "list": [1, [2, {a: b}], 3] }
        other: *two
        text: |
          several
          lines
        model:
          params:
            ddconfig: {resolution: 256, ch_mult: [1, 1, 2]}
        """);

    [Fact]
    public async Task Damaged_JSON_of_settings_is_read_or_refused() => await RunSettings("JSON settings", "config.json", JsonSettings.Read, """
        { "prior": { "net": { "dim": 768, "depth": 12, "heads": [12, 16] }, "clip": null, "list": [{ "a": 1 }, [2]] }, "decoder": { "timesteps": 1000, "text": "\u00e9", "rate": 1e-4, "flag": true } }
        """);

    private async Task RunSettings<T>(string reader, string name, Func<string, IReadOnlyDictionary<string, T>> read, string text)
    {
        var (path, bytes) = (Path.Combine(_folder.Path, name), Encoding.UTF8.GetBytes(text));
        TestContext.Current.SendDiagnosticMessage(await new FuzzRun(reader, MaxAllocated).Run(
            mutator =>
            {
                File.WriteAllBytes(path, mutator.Mutate(bytes));
                _ = read(path).Count;
            },
            typeof(InvalidDataException)));
    }
}
