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
}
