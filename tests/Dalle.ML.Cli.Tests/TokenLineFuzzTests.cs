using System.Text;
using Dalle.ML.Tests.Fuzz;

namespace Dalle.ML.Cli.Tests;

[Trait("Category", "Fuzz")]
public sealed class TokenLineFuzzTests(ITestOutputHelper output)
{
    private const long MaxAllocated = 1 << 22;

    private static readonly byte[] Lines = Encoding.UTF8.GetBytes(
        "{\"file\":\"apple.png\",\"model\":\"tiny\",\"hash\":\"00ff\",\"rows\":2,\"columns\":2,\"tokens\":[1,2,3,4]}\n\n{\"tokens\":[0,2047,5,1]}\r\n");

    /// <summary>Damaged files of tokens are read or refused with where they are wrong, in little memory.</summary>
    [Fact]
    public async Task Files_of_tokens() => output.WriteLine(await new FuzzRun("tokens", MaxAllocated).Run(
        mutator =>
        {
            var damaged = mutator.Mutate(Lines);
            var console = new ToolConsole { OpenInput = () => new MemoryStream(damaged), OpenOutput = () => Stream.Null, WorkingFolder = Path.GetTempPath() };
            Assert.All(TokenLine.ReadAll(console, InputFile.StandardInput, CancellationToken.None), line => Assert.NotNull(line.Line.Tokens));
        },
        typeof(InvalidDataException)));
}
