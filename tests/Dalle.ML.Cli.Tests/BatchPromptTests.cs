namespace Dalle.ML.Cli.Tests;

/// <summary>The files of prompts that <c>batch</c> reads.</summary>
public sealed class BatchPromptTests : IDisposable
{
    private readonly BatchSandbox _batch = new();

    public void Dispose() => _batch.Dispose();

    [Fact]
    public async Task Formats_say_the_same()
    {
        _batch.Write("p.csv", "seed,ID,Prompt,note\n5,cat,\"a \"\"big\"\", red cat\",x\n,dog,\"a dog\n\non two lines\",\r\n\r\n18446744073709551615,,\"\"\"fox\"\"\",\"\"\n");
        _batch.Write("p.tsv", "prompt\tid\tseed\n\"a \"\"big\"\", red cat\"\tcat\t5\n\"a dog\n\non two lines\"\tdog\t\n\"\"\"fox\"\"\"\t\t18446744073709551615\n");
        _batch.Write("p.jsonl", "\uFEFF{\"prompt\":\"a \\\"big\\\", red cat\",\"id\":\"cat\",\"seed\":5}\n\n{\"id\":\"dog\",\"prompt\":\"a dog\\n\\non two lines\",\"seed\":null}\r\n{\"prompt\":\"\\\"fox\\\"\",\"seed\":18446744073709551615}");
        foreach (var format in new[] { "csv", "tsv", "jsonl" })
            Assert.Equal(0, (await _batch.RunAsync([$"p.{format}", "-o", format, .. BatchSandbox.Common])).ExitCode);
        Assert.Equal(0, (await Tool.RunAsync(_batch.Folder, ["batch", "-", "--format", "csv", "-o", "stdin", .. BatchSandbox.Common], File.ReadAllText(_batch.In("p.csv")))).ExitCode);
        var expected = BatchFolderState.Of(_batch.In("csv"));
        Assert.Equal(["2.png", "batch.json", "cat.png", "dog.png", "manifest.jsonl", "prompts.jsonl"], expected.Keys);
        Assert.Equal(["5", "18446744073709551615"], new[] { 0, 2 }.Select(i => _batch.Manifest("csv/manifest.jsonl")[i]["seed"]!.ToString()));
        foreach (var other in new[] { "tsv", "jsonl", "stdin" })
            Assert.Equal(expected, BatchFolderState.Of(_batch.In(other)));
    }

    [Theory]
    [InlineData("txt", "", "line 1", "no prompt")]
    [InlineData("csv", "id,text\n1,a cat\n", "line 1", "no column 'prompt'")]
    [InlineData("csv", "id,prompt\n1,a cat, a dog\n", "line 2", "3 values for 2 columns")]
    [InlineData("csv", "id,prompt\n1,\"a\ncat\"\n2,\"a dog\n", "line 4", "never closed")]
    [InlineData("csv", "id,prompt\n1,\"a\" cat\n", "line 2", "closing quote")]
    [InlineData("csv", "id,prompt\nA,a cat\n\"\na\",a dog\n", "line 3", "control character")]
    [InlineData("csv", "id,prompt\nA,a cat\na,a dog\n", "line 3", "line 2")]
    [InlineData("csv", "id,prompt\n1,a cat\n,a dog\n", "line 3", "already used on line 2")]
    [InlineData("csv", "id,prompt\ncafe\u0301,a cat\nCaf\u00e9,a dog\n", "line 3", "from that of line 2 in its Unicode normal form only")]
    [InlineData("txt", "a cat\na\0 \0d\0", "line 2", "NUL bytes")]
    [InlineData("csv", "id,prompt\n../1,a cat\n", "line 2", "file names")]
    [InlineData("csv", "id,prompt\nnul.x,a cat\n", "line 2", "Windows")]
    [InlineData("csv", "seed,prompt\n-1,a cat\n", "line 2", "'-1' is not a seed")]
    [InlineData("csv", "seed,prompt\n1,  \n", "line 2", "prompt is empty")]
    [InlineData("tsv", "seed\tprompt\n18446744073709551616\ta cat\n", "line 2", "is not a seed")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\"}\n{\"prompt\":}\n", "line 2", "not JSON")]
    [InlineData("jsonl", "[\"a cat\"]\n", "line 1", "not a JSON object")]
    [InlineData("jsonl", "{\"text\":\"a cat\"}\n", "line 1", "no \"prompt\"")]
    [InlineData("jsonl", "{\"prompt\":7}\n", "line 1", "\"prompt\" is not a string")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\",\"seed\":1.5}\n", "line 1", "'1.5' is not a seed")]
    [InlineData("jsonl", "{\"prompt\":\"\\ud800\"}\n", "line 1", "surrogate")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\",\"x\":\"\\ud800\",\"id\":\"\\ud800\"}\n", "line 1", "surrogate")]
    [InlineData("jsonl", "{\"prompt\":\"a cat\",\"id\":\"0123456789012345678901234567890123456789012345678901234567890\"}\n", "line 1", "61 characters")]
    public async Task Mistakes_in_prompts_are_named_by_file_and_line_before_anything_is_generated(string format, string content, params string[] messages)
    {
        _batch.Write("prompts." + format, content);
        var run = await _batch.RunAsync("prompts." + format, "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.All(messages.Append("prompts." + format), message => Assert.Contains(message, Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.Ordinal));
        Assert.False(Directory.Exists(_batch.In("out")));
    }

    [Fact]
    public async Task Cut_prompts_and_unseen_words_are_summed_up_and_cuts_are_in_the_manifest()
    {
        _batch.Write("p.txt", $"a cat\nan axolotl\n{string.Join(' ', Enumerable.Repeat("a dog", 40))}\nan axolotl on a mat\n");
        var run = await _batch.RunAsync(["p.txt", "-o", "out", .. BatchSandbox.Common]);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("1 of 4 prompts are longer", run.Errors, StringComparison.Ordinal);
        Assert.Contains("the model never saw: axolotl, mat.", run.Errors, StringComparison.Ordinal);
        var cut = _batch.Manifest("out/manifest.jsonl").Select(line => line["cutTokens"]?.GetValue<int>()).ToArray();
        Assert.Equal([true, true, false, true], cut.Select(count => count is null));
        Assert.True(cut[2] > 0);
    }

    [Fact]
    public async Task Lines_of_text_may_end_with_CR_alone()
    {
        _batch.Write("cr.txt", "a \"cat\" \r  a  dog\r\ra cow\r\na fox");
        Assert.Equal(0, (await _batch.RunAsync(["cr.txt", "-o", "out", .. BatchSandbox.Common])).ExitCode);
        // A line is taken as it is, but for the spaces around it.
        Assert.Equal(["a \"cat\"", "a  dog", "a cow", "a fox"], _batch.Manifest("out/manifest.jsonl").Select(entry => (string?)entry["prompt"]));
    }

    [Fact]
    public async Task What_could_fill_the_memory_is_refused_in_a_short_line()
    {
        var spaces = new string(' ', 1 << 16);
        _batch.Write("nested.jsonl", "{\"prompt\":" + new string('[', 100_000));
        _batch.Write("long.txt", "a cat\na" + spaces + "b\n");
        _batch.Write("wide.csv", new string(',', 100_000) + "\n");
        _batch.Write("open.csv", "prompt\n\"" + string.Concat(Enumerable.Repeat("a cat\n", 3 << 20)));
        _batch.Write("line.txt", new string('x', (1 << 24) + 1));
        _batch.Write("seed.csv", "prompt,seed\na cat," + new string('x', 100_000) + "\n");
        foreach (var (file, message) in new[]
        {
            ("nested.jsonl", "line 1: this is not JSON, or is nested too deeply"), ("long.txt", "line 2: the prompt has 65538 characters; at most 65536 are read"),
            ("wide.csv", "line 1: the header has no column 'prompt'"), ("open.csv", "line 2: a value in quotes is longer than 16777216 characters"),
            ("line.txt", "line 1: it is longer than 16777216 bytes"), ("seed.csv", "is not a seed"),
        })
        {
            var run = await _batch.RunAsync(file, "-o", "out");
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, Assert.Single(BatchSandbox.Lines(run.Errors)), StringComparison.Ordinal);
            Assert.InRange(run.Errors.Length, 1, 400);
        }
        var tokens = await Tool.RunAsync(_batch.Folder, ["decode", "line.txt"]);
        Assert.Equal((1, "dalle: line.txt, line 1: it is longer than 16777216 bytes. Break it into lines, one for each entry.\n"), (tokens.ExitCode, tokens.Errors));
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_named_by_line()
    {
        File.WriteAllBytes(_batch.In("prompts.txt"), [.. "a cat\nкошка\nfa"u8, 0xE7, .. "ade\n"u8]);
        var run = await _batch.RunAsync("prompts.txt", "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("prompts.txt, line 3: the bytes are not UTF-8", run.Errors, StringComparison.Ordinal);
    }
}
