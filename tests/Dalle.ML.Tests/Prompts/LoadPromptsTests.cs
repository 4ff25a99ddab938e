using System.Security.Cryptography;
using System.Text;
using Dalle.ML.Prompts;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Prompts;

public sealed class LoadPromptsTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("p.csv", "seed,ID,Prompt,note\n5,cat,\"a \"\"big\"\", red cat\",x\n,dog,\"a dog\n\non two lines\",\n\n18446744073709551615,,\"\"\"fox\"\"\",\"\"\n")]
    [InlineData("p.CSV", "\uFEFFseed , id, prompt\r\n 5 ,cat,\"a \"\"big\"\", red cat\"\r\n,dog,\"a dog\n\non two lines\"\r\n\r\n18446744073709551615,,\"\"\"fox\"\"\"")]
    [InlineData("p.tsv", "prompt\tid\tseed\na \"big\", red cat\tcat\t5\n\"a dog\n\non two lines\"\tdog\t\n\"\"\"fox\"\"\"\t\t18446744073709551615\n")]
    [InlineData("p.jsonl", "{\"prompt\":\"a \\\"big\\\", red cat\",\"id\":\"cat\",\"seed\":5}\n\n{\"id\":\"dog\",\"prompt\":\"a dog\\n\\non two lines\",\"seed\":null,\"note\":[1]}\r\n{\"prompt\":\"\\\"fox\\\"\",\"id\":\"\",\"seed\":18446744073709551615}")]
    public void Formats_say_the_same(string name, string content)
    {
        var view = _ml.Data.LoadPrompts(Write(name, content), seed: 7);
        Assert.Equal(["Id: String", "Prompt: String", "Seed: UInt64"], view.Schema.Select(column => $"{column.Name}: {column.Type}"));
        Assert.Equal(
        [
            new Row { Id = "cat", Prompt = "a \"big\", red cat", Seed = 5 },
            new Row { Id = "dog", Prompt = "a dog\n\non two lines", Seed = SeedOf(7, row: 1) },
            new Row { Id = "2", Prompt = "\"fox\"", Seed = ulong.MaxValue },
        ], Rows(view));
    }

    [Fact]
    public void Lines_of_text_are_prompts()
    {
        var view = _ml.Data.LoadPrompts(Write("p.txt", "\uFEFFa red apple\r\n\n  \"a, blue\" cat \t\r\n \nкошка 🐈"));
        Assert.Equal(
        [
            new Row { Id = "0", Prompt = "a red apple", Seed = 0 },
            new Row { Id = "1", Prompt = "\"a, blue\" cat", Seed = SeedOf(0, row: 1) },
            new Row { Id = "2", Prompt = "кошка 🐈", Seed = SeedOf(0, row: 2) },
        ], Rows(view));
    }

    [Fact]
    public void A_quoted_prompt_keeps_its_line_ends()
    {
        var view = _ml.Data.LoadPrompts(Write("p.csv", "prompt,id\r\n\"a\r\n\r\nb\nc\rd\",1\r\ne\rf,2"));
        Assert.Equal(["a\r\n\r\nb\nc\rd", "e\rf"], view.GetColumn<string>("Prompt"));
        Assert.Equal(["1", "2"], view.GetColumn<string>("Id"));
    }

    [Fact]
    public void Rows_without_an_id_are_called_by_numbers_of_one_length()
    {
        var view = _ml.Data.LoadPrompts(Write("p.txt", string.Concat(Enumerable.Repeat("a cat\n", 101))));
        Assert.Equal(Enumerable.Range(0, 101).Select(i => $"{i:D3}"), view.GetColumn<string>("Id"));
        Assert.Equal(101, view.GetColumn<ulong>("Seed").Distinct().Count());
    }

    [Theory]
    [InlineData("p.txt", "", "line 1: there is no prompt")]
    [InlineData("p.txt", " \r\n\t\n", "line 1: there is no prompt")]
    [InlineData("p.csv", "id,prompt\n", "line 1: there is no prompt")]
    [InlineData("p.csv", "id,text\n1,a cat\n", "line 1: the header has no column 'prompt'; it has: id, text.")]
    [InlineData("p.csv", "seed,prompt,Seed \n1,a cat,2\n", "line 1: the header has several columns 'seed'")]
    [InlineData("p.csv", "id,prompt\n1,a cat, a dog\n", "line 2: there are 3 values for 2 columns")]
    [InlineData("p.csv", "id,prompt\n1,\"a\ncat\"\n2,\"a dog\n\n", "line 4: a quote is opened and never closed")]
    [InlineData("p.csv", "id,prompt\n1,\"a\ncat\" \n", "line 3: text follows a closing quote")]
    [InlineData("p.csv", "id,prompt\nA,a cat\n\na,a dog\n", "line 4: the id 'a' is already used on line 2")]
    [InlineData("p.csv", "id,prompt\n1,a cat\n,a dog\n", "line 3: the id '1' is already used on line 2")]
    [InlineData("p.csv", "seed,prompt\n-1,a cat\n", "line 2: '-1' is not a seed")]
    [InlineData("p.csv", "seed,prompt\n\"1\n\u001b[2J\",a cat\n", "line 2: '1??[2J' is not a seed")]
    [InlineData("p.csv", "seed,prompt\n1,  \n", "line 2: the prompt is empty")]
    [InlineData("p.tsv", "seed\tprompt\n18446744073709551616\ta cat\n", "line 2: '18446744073709551616' is not a seed")]
    [InlineData("p.jsonl", "{\"prompt\":\"a cat\"}\n{\"prompt\":}\n", "line 2: this is not JSON")]
    [InlineData("p.jsonl", "[\"a cat\"]\n", "line 1: this is not a JSON object")]
    [InlineData("p.jsonl", "{\"text\":\"a cat\"}\n", "line 1: there is no \"prompt\"")]
    [InlineData("p.jsonl", "{\"prompt\":\"a cat\",\"id\":7}\n", "line 1: \"id\" is not a string")]
    [InlineData("p.jsonl", "{\"prompt\":\"a cat\",\"seed\":1.5}\n", "line 1: '1.5' is not a seed")]
    [InlineData("p.jsonl", "{\"prompt\":\"\\ud800\"}\n", "line 1: ")]
    public void Mistakes_are_named_by_file_and_line_when_the_file_is_loaded(string name, string content, string message)
    {
        var path = Write(name, content);
        var exception = Assert.Throws<InvalidDataException>(() => _ml.Data.LoadPrompts(path));
        Assert.StartsWith($"{path}, {message}", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(exception.Message, char.IsControl);
    }

    [Theory]
    [InlineData("p.txt")]
    [InlineData("p.csv")]
    public void Bytes_that_are_not_utf8_are_named_by_line(string name)
    {
        File.WriteAllBytes(In(name), [.. "prompt\nкошка\nfa"u8, 0xE7, .. "ade\n"u8]);
        var exception = Assert.Throws<InvalidDataException>(() => _ml.Data.LoadPrompts(In(name)));
        Assert.Contains($"{name}, line 3: the bytes are not UTF-8", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_text_does_not_fill_the_memory()
    {
        using (var file = File.Create(In("p.txt")))
            file.SetLength(1 << 25);
        Assert.Contains("line 1: it is longer than", Assert.Throws<InvalidDataException>(() => _ml.Data.LoadPrompts(In("p.txt"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_file_of_prompts_is_refused()
    {
        Assert.Contains(In("none.txt"), Assert.Throws<FileNotFoundException>(() => _ml.Data.LoadPrompts(In("none.txt"))).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(In("folder.csv"));
        Assert.Contains("folder.csv' is a folder", Assert.Throws<IOException>(() => _ml.Data.LoadPrompts(In("folder.csv"))).Message, StringComparison.Ordinal);
        var ending = Assert.Throws<ArgumentException>(() => _ml.Data.LoadPrompts(Write("p.doc", "a cat")));
        Assert.Equal("path", ending.ParamName);
        Assert.Contains(".txt, .csv, .tsv, .jsonl", ending.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => _ml.Data.LoadPrompts(null!));
        Assert.Throws<ArgumentNullException>(() => DalleCatalog.LoadPrompts(null!, "p.txt"));
    }

    [Fact]
    public async Task A_pipe_is_refused_as_it_can_be_read_once_only()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("Windows has no files that are pipes.");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [In("p.txt")]))
            await make.WaitForExitAsync();
        var writer = Task.Run(() => File.WriteAllText(In("p.txt"), "a cat\n"));
        Assert.Contains("is a pipe", Assert.Throws<IOException>(() => _ml.Data.LoadPrompts(In("p.txt"))).Message, StringComparison.Ordinal);
        await Record.ExceptionAsync(() => writer);
    }

    [Fact]
    public void Rows_are_read_when_they_are_asked_for_and_not_kept()
    {
        var streams = new List<MemoryStream>();
        var file = new PromptFile("p.txt", PromptFormat.Txt, () =>
        {
            streams.Add(new MemoryStream([.. "a cat\na dog\na fox\n"u8]));
            return streams[^1];
        });
        Assert.False(Assert.Single(streams).CanRead);
        using (var rows = file.Read().GetEnumerator())
        {
            Assert.True(rows.MoveNext());
            Assert.Equal("a cat\n".Length, streams[^1].Position);
        }
        Assert.False(streams[^1].CanRead);
        Assert.Equal(3, file.Read().Count());
        Assert.Equal(3, streams.Count);
    }

    [Fact]
    public void Cursors_are_independent_and_may_begin_anew()
    {
        var view = _ml.Data.LoadPrompts(Write("p.txt", "a cat\na dog\na fox"));
        using var first = view.GetRowCursor(view.Schema);
        Assert.True(first.MoveNext());
        Assert.Equal(["a cat", "a dog", "a fox"], view.GetColumn<string>("Prompt"));
        Assert.True(first.MoveNext());
        Assert.Equal(["a dog"], _ml.Data.TakeRows(_ml.Data.SkipRows(view, 1), 1).GetColumn<string>("Prompt"));
        Assert.Equal(["a cat", "a dog", "a fox"], _ml.Data.ShuffleRows(view).GetColumn<string>("Prompt").Order());
        Assert.True(first.MoveNext());
        Assert.False(first.MoveNext());

        using var prompts = view.GetRowCursor([view.Schema["Prompt"]]);
        Assert.False(prompts.IsColumnActive(view.Schema["Seed"]));
    }

    [Fact]
    public void Off_a_row_there_are_no_values()
    {
        var view = _ml.Data.LoadPrompts(Write("p.txt", "a cat\na dog"));
        Assert.Equal(2, view.GetRowCount());
        using var cursor = view.GetRowCursor(view.Schema);
        ValueGetter<ReadOnlyMemory<char>>[] texts = [Text("Id"), Text("Prompt")];
        var (seed, id) = (cursor.GetGetter<ulong>(view.Schema["Seed"]), cursor.GetIdGetter());
        AssertOffRow();
        Assert.True(cursor.MoveNext());
        Assert.True(cursor.MoveNext());
        Assert.Equal(1, cursor.Position);
        Assert.False(cursor.MoveNext());
        AssertOffRow();
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<string>(view.Schema["Prompt"]));
        using var prompts = view.GetRowCursor([view.Schema["Prompt"]]);
        Assert.Throws<InvalidOperationException>(() => prompts.GetGetter<ulong>(view.Schema["Seed"]));

        ValueGetter<ReadOnlyMemory<char>> Text(string column) => cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema[column]);

        void AssertOffRow()
        {
            (ReadOnlyMemory<char> text, ulong number, DataViewRowId row) = (default, 0, default);
            Assert.Equal(-1, cursor.Position);
            Assert.All(texts, getter => Assert.Throws<InvalidOperationException>(() => getter(ref text)));
            Assert.Throws<InvalidOperationException>(() => seed(ref number));
            Assert.Throws<InvalidOperationException>(() => id(ref row));
        }
    }

    [Fact]
    public void A_pipeline_generates_prompts_with_their_seeds()
    {
        var prompts = _ml.Data.LoadPrompts(Write("p.csv", "prompt,seed\na cat,3\na red apple,\n"), seed: 7);
        var options = new DalleGenerateEstimator.Options
        {
            InputColumnName = "Prompt",
            InputSeedColumnName = "Seed",
            BatchSize = 2,
            Generation = new GenerationOptions { Candidates = 1 },
        };
        using var transformer = _ml.Transforms.DalleGenerate(options).Fit(prompts);
        var generated = transformer.Transform(prompts);
        using var model = DalleModel.LoadDefault();
        var expected = model.GenerateBatch([new("a cat", 3), new("a red apple", SeedOf(7, row: 1))], options.Generation).Select(image => Hash(image.Image));
        Assert.Equal(expected, generated.GetColumn<MLImage>("Image").Select(Hash));
        Assert.Equal(["0", "1"], generated.GetColumn<string>("Id"));
    }

    private static ulong SeedOf(ulong seed, int row) => GenerationRequest.Series("", seed, row + 1).Last().Seed;

    private static string Hash(MLImage image)
    {
        var hash = Convert.ToHexString(SHA256.HashData(image.Pixels));
        GC.KeepAlive(image);
        return hash;
    }

    private Row[] Rows(IDataView view) => [.. _ml.Data.CreateEnumerable<Row>(view, reuseRowObject: false)];

    private string Write(string name, string content)
    {
        File.WriteAllText(In(name), content, new UTF8Encoding(false));
        return In(name);
    }

    private string In(string name) => Path.Combine(_folder.Path, name);

    private sealed record Row
    {
        public string Id { get; set; } = "";

        public string Prompt { get; set; } = "";

        public ulong Seed { get; set; }
    }
}
