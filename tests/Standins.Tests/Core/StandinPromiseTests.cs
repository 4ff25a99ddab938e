using System.IO.Compression;
using System.Reflection;
using System.Reflection.Emit;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Standins.Tests.Core;

/// <summary>What the stand-in says clearly where the real package can do more, or says otherwise.</summary>
public class StandinPromiseTests
{
    private readonly MLContext _ml = new();

    public sealed class Priced
    {
        [CustomTypeTests.Money, ColumnName("Text")]
        public CustomTypeTests.Money? Price { get; set; }
    }

    [CustomMappingFactoryAttribute(Contract)]
    public sealed class BrokenFactory : CustomMappingFactory<TextRow, DisposalTests.Length>
    {
        public const string Contract = "Standins.Tests.Broken";

        public override Action<TextRow, DisposalTests.Length> GetMapping() => throw new ArgumentException("no bundle");
    }

    public StandinPromiseTests() => Assert.SkipUnless(
        Feed.IsStandin,
        "The real package splits its assemblies otherwise and has errors of its own.");

    [Theory]
    [InlineData("x => x + 1")]
    [InlineData("x => \"a\" + \"b\"")]
    [InlineData("x => \"with \\\"escapes\\\"\"")]
    public void An_expression_that_is_not_understood_is_named(string expression)
    {
        var exception = Assert.Throws<NotSupportedException>(() => _ml.Transforms.Expression("Out", expression, "Text"));
        Assert.Contains(expression, exception.Message);
    }

    [Fact]
    public void A_file_that_is_not_a_model_is_a_format_error()
    {
        using var noise = new MemoryStream([.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))]);
        Assert.Throws<FormatException>(() => _ml.Model.Load(noise, out _));

        using var foreign = new MemoryStream();
        using (var archive = new ZipArchive(foreign, ZipArchiveMode.Create, leaveOpen: true))
            archive.CreateEntry("readme.txt");
        foreign.Position = 0;
        Assert.Throws<FormatException>(() => _ml.Model.Load(foreign, out _));
    }

    [Fact]
    public void A_model_with_any_byte_changed_loads_or_says_why_not()
    {
        var data = Samples.View(_ml);
        using var stream = new MemoryStream();
        var pipeline = _ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.Transforms.DropColumns("Text"));
        _ml.Model.Save(pipeline.Fit(data), data.Schema, stream);
        var model = stream.ToArray();

        for (var at = 0; at < model.Length; at++)
        {
            var changed = (byte[])model.Clone();
            changed[at] ^= 0xff;
            using var copy = new MemoryStream(changed);
            Assert.True(Record.Exception(() => _ml.Model.Load(copy, out _)) is null or FormatException, $"byte {at}");
        }
    }

    [Theory]
    [InlineData(3_000_000)]
    [InlineData(2)]
    public void A_vector_of_vectors_is_refused_however_deep(int depth)
    {
        var schema = Component(writer =>
        {
            writer.Write(1);
            writer.Write("Column");
            writer.Write(Enumerable.Repeat((byte)4, depth).ToArray());
        });
        AssertRefused(("InputSchema", schema), ("Transformer/Component", Chain(0)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void A_count_out_of_reason_is_refused(int count)
    {
        AssertRefused(("InputSchema", Component(writer => writer.Write(count))), ("Transformer/Component", Chain(0)));
        AssertRefused(("Transformer/Component", Chain(count)));
        AssertRefused(
            ("InputSchema", Component(writer =>
            {
                writer.Write(1);
                writer.Write("Column");
                writer.Write([(byte)4, (byte)0]);
                writer.Write(count);
            })),
            ("Transformer/Component", Chain(0)));
    }

    [Fact]
    public void Chains_nested_too_deep_are_refused()
    {
        var folders = Enumerable.Range(0, 3000)
            .Select(depth => "Transformer/" + string.Concat(Enumerable.Repeat("Transform_000/", depth)) + "Component");
        Assert.Contains("nested", AssertRefused([.. folders.Select(name => (name, Chain(1)))]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_is_refused()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("larger", AssertRefused(("Transformer/Component", new byte[100 << 20])), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 150 << 20);
    }

    [Fact]
    public void A_factory_that_fails_is_not_taken_for_a_corrupt_model()
    {
        var data = Samples.View(_ml);
        using var stream = new MemoryStream();
        var model = _ml.Transforms.CustomMapping<TextRow, DisposalTests.Length>((_, _) => { }, BrokenFactory.Contract).Fit(data);
        _ml.Model.Save(model, null, stream);
        stream.Position = 0;

        var e = Assert.Throws<InvalidOperationException>(() => _ml.Model.Load(stream, out _));

        Assert.Contains("no bundle", e.Message, StringComparison.Ordinal);
        Assert.IsType<ArgumentException>(e.InnerException);
    }

    [Fact]
    public void An_expression_of_the_real_package_in_a_model_is_a_format_error() =>
        AssertRefused(("Transformer/Component", Component(writer =>
        {
            writer.Write("Microsoft.ML");
            writer.Write("Expression");
            writer.Write("Out");
            writer.Write("x => x + 1");
            writer.Write(1);
            writer.Write("Text");
        })));

    [Fact]
    public void A_model_that_cannot_be_saved_leaves_the_earlier_file_as_it_is()
    {
        var folder = Directory.CreateTempSubdirectory("standins").FullName;
        try
        {
            var path = Path.Combine(folder, "model.zip");
            var data = Samples.View(_ml);
            _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Text").Fit(data), data.Schema, path);
            var before = File.ReadAllBytes(path);

            var unnamed = _ml.Transforms.CustomMapping<TextRow, DisposalTests.Length>((_, _) => { }, null).Fit(data);
            Assert.Throws<InvalidOperationException>(() => _ml.Model.Save(unnamed, data.Schema, path));

            Assert.Equal(before, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_column_that_the_cache_drops_uncovers_no_other()
    {
        var data = Samples.View(_ml);
        var priced = _ml.Transforms.CustomMapping<TextRow, Priced>((_, _) => { }, null).Fit(data).Transform(data);

        Assert.Equal(["Number"], _ml.Data.Cache(priced).Schema.Select(column => column.Name));
    }

    [Fact]
    public void A_cache_refuses_a_source_that_has_become_another()
    {
        var rows = Samples.Rows(3).ToList();
        var cached = _ml.Data.Cache(_ml.Data.LoadFromEnumerable(rows));
        Assert.Equal(3, cached.GetColumn<int>("Number").Count());

        rows.Add(new TextRow());

        Assert.Throws<InvalidOperationException>(() => cached.GetColumn<string>("Text").Count());
        Assert.Equal(3, cached.GetColumn<int>("Number").Count());
    }

    [Fact]
    public void A_registration_that_failed_fails_again()
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Twice"), AssemblyBuilderAccess.Run);
        var module = assembly.DefineDynamicModule("Twice");
        var contract = typeof(CustomMappingFactoryAttributeAttribute).GetConstructor([typeof(string)])!;
        foreach (var name in new[] { "First", "Second" })
        {
            var type = module.DefineType(name, TypeAttributes.Public);
            type.SetCustomAttribute(new CustomAttributeBuilder(contract, ["Standins.Tests.Twice"]));
            type.CreateType();
        }

        Assert.Throws<InvalidOperationException>(() => _ml.ComponentCatalog.RegisterAssembly(assembly));
        Assert.Throws<InvalidOperationException>(() => _ml.ComponentCatalog.RegisterAssembly(assembly));
        _ml.ComponentCatalog.RegisterAssembly(assembly, throwOnError: false);
    }

    [Fact]
    public void A_row_of_another_schema_is_a_schema_error()
    {
        var data = Samples.View(_ml);
        var copy = _ml.Transforms.CopyColumns("Copy", "Text").Fit(data);
        foreach (var model in new ITransformer[] { copy, new TransformerChain<ITransformer>(copy) })
        {
            var mapper = model.GetRowToRowMapper(data.Schema);
            using var row = Samples.View(_ml).GetRowCursor([]);
            Assert.Throws<ArgumentOutOfRangeException>(() => mapper.GetRow(row, []));
        }
    }

    [Fact]
    public void A_split_is_not_by_vectors()
    {
        var data = Samples.View(_ml);
        var vectors = _ml.Transforms.Concatenate("Pair", "Number", "Number").Fit(data).Transform(data);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.TrainTestSplit(vectors, samplingKeyColumnName: "Pair"));
    }

    private static byte[] Chain(int members) => Component(writer =>
    {
        writer.Write("Microsoft.ML");
        writer.Write("TransformerChain");
        writer.Write(members);
        writer.Write(7);
    });

    private static byte[] Component(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        write(new BinaryWriter(stream));
        return stream.ToArray();
    }

    private string AssertRefused(params (string Name, byte[] Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        stream.Position = 0;
        return Assert.Throws<FormatException>(() => _ml.Model.Load(stream, out _)).Message;
    }
}
