using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Standins.Tests.Core;

public sealed class ModelSaveLoadTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("standins").FullName;

    public sealed class Source
    {
        public string Text { get; set; } = "";
    }

    public sealed class Reversed
    {
        public string Backwards { get; set; } = "";

        [VectorType(2)]
        public float[] Vector { get; set; } = [];
    }

    [CustomMappingFactoryAttribute("Standins.Tests.Reverse")]
    public sealed class ReverseFactory : CustomMappingFactory<Source, Reversed>
    {
        internal static void Reverse(Source source, Reversed reversed)
        {
            reversed.Backwards = string.Concat(source.Text.Reverse());
            reversed.Vector = [source.Text.Length, 1];
        }

        public override Action<Source, Reversed> GetMapping() => Reverse;
    }

    public sealed class WithVectors
    {
        public string Text { get; set; } = "";

        public bool Flag { get; set; }

        [VectorType(2, 3)]
        public float[] Fixed { get; set; } = [];

        public long[] Variable { get; set; } = [];
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_built_in_transformer_comes_back()
    {
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CopyColumns("Copy", "Text")
            .Append(_ml.Transforms.Expression("Options", "x => \"7b7d\"", "Copy"))
            .Append(_ml.Transforms.CustomMapping<Source, Reversed>(ReverseFactory.Reverse, "Standins.Tests.Reverse"))
            .Append(_ml.Transforms.Concatenate("Pair", "Number", "Number"))
            .Append(_ml.Transforms.DropColumns("Text"))
            .Append(_ml.Transforms.SelectColumns("Pair", "Options", "Backwards", "Vector"))
            .Fit(data);

        var (loaded, schema) = SaveAndLoad(model, data.Schema);
        var expected = model.Transform(data);
        var actual = loaded.Transform(data);

        Assert.Equal(data.Schema.Select(column => (column.Name, column.Type)), schema!.Select(column => (column.Name, column.Type)));
        Assert.Equal(
            expected.Schema.Select(column => (column.Name, column.Type)),
            actual.Schema.Select(column => (column.Name, column.Type)));
        Assert.Equal(expected.GetColumn<string>("Options"), actual.GetColumn<string>("Options"));
        Assert.Equal(expected.GetColumn<string>("Backwards"), actual.GetColumn<string>("Backwards"));
        Assert.Equal(expected.GetColumn<float[]>("Vector"), actual.GetColumn<float[]>("Vector"));
        Assert.Equal(expected.GetColumn<int[]>("Pair"), actual.GetColumn<int[]>("Pair"));
    }

    [Fact]
    public void A_loaded_model_can_be_saved_again()
    {
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CustomMapping<Source, Reversed>(ReverseFactory.Reverse, "Standins.Tests.Reverse").Fit(data);
        var (once, _) = SaveAndLoad(model, data.Schema);
        var (twice, _) = SaveAndLoad(once, data.Schema);
        Assert.Equal("2 wor", twice.Transform(data).GetColumn<string>("Backwards").Last());
    }

    [Fact]
    public void Nested_chains_come_back()
    {
        var data = Samples.View(_ml);
        var inner = _ml.Transforms.CopyColumns("B", "Text").Append(_ml.Transforms.CopyColumns("C", "B")).Fit(data);
        var model = new TransformerChain<ITransformer>(inner);
        Assert.Equal("row 2", SaveAndLoad(model, data.Schema).Model.Transform(data).GetColumn<string>("C").Last());
    }

    [Fact]
    public void The_input_schema_keeps_types_and_sizes()
    {
        var data = _ml.Data.LoadFromEnumerable<WithVectors>([]);
        var (_, schema) = SaveAndLoad(_ml.Transforms.CopyColumns("Copy", "Text").Fit(data), data.Schema);
        Assert.Equal(data.Schema.Select(column => (column.Name, column.Type)), schema!.Select(column => (column.Name, column.Type)));
    }

    [Fact]
    public void A_model_may_have_no_input_schema()
    {
        var data = Samples.View(_ml);
        var (loaded, schema) = SaveAndLoad(_ml.Transforms.CopyColumns("Copy", "Text").Fit(data), inputSchema: null);
        Assert.Null(schema);
        Assert.Equal("row 2", loaded.Transform(data).GetColumn<string>("Copy").Last());
    }

    [Fact]
    public void Models_go_through_files()
    {
        var data = Samples.View(_ml);
        var path = Path.Combine(_folder, "model.zip");
        _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Text").Fit(data), data.Schema, path);
        Assert.Equal("row 2", new MLContext().Model.Load(path, out _).Transform(data).GetColumn<string>("Copy").Last());
    }

    [Fact]
    public void A_mapping_without_a_contract_cannot_be_saved()
    {
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CustomMapping<Source, Reversed>(ReverseFactory.Reverse, contractName: null).Fit(data);
        Assert.Throws<InvalidOperationException>(() => SaveAndLoad(model, data.Schema));
    }

    [Fact]
    public void A_mapping_whose_factory_is_nowhere_cannot_be_loaded()
    {
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CustomMapping<Source, Reversed>(ReverseFactory.Reverse, "Standins.Tests.Unknown").Fit(data);
        Assert.ThrowsAny<Exception>(() => SaveAndLoad(model, data.Schema));
    }

    [Fact]
    public void An_assembly_may_be_registered_beforehand()
    {
        var ml = new MLContext();
        ml.ComponentCatalog.RegisterAssembly(typeof(ReverseFactory).Assembly);
        ml.ComponentCatalog.RegisterAssembly(typeof(ReverseFactory).Assembly);
        var data = Samples.View(ml);
        using var stream = new MemoryStream();
        ml.Model.Save(
            ml.Transforms.CustomMapping<Source, Reversed>(ReverseFactory.Reverse, "Standins.Tests.Reverse").Fit(data), data.Schema, stream);
        stream.Position = 0;
        Assert.Equal("2 wor", ml.Model.Load(stream, out _).Transform(data).GetColumn<string>("Backwards").Last());
    }

    [Fact]
    public void What_is_not_a_model_is_refused()
    {
        using var noise = new MemoryStream([.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))]);
        Assert.ThrowsAny<Exception>(() => _ml.Model.Load(noise, out _));

        using var foreign = new MemoryStream();
        using (var archive = new ZipArchive(foreign, ZipArchiveMode.Create, leaveOpen: true))
            archive.CreateEntry("readme.txt");
        foreign.Position = 0;
        Assert.ThrowsAny<Exception>(() => _ml.Model.Load(foreign, out _));
    }

    [Fact]
    public void A_truncated_model_is_refused()
    {
        var data = Samples.View(_ml);
        using var stream = new MemoryStream();
        _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Text").Fit(data), data.Schema, stream);
        using var half = new MemoryStream(stream.ToArray()[..(int)(stream.Length / 2)]);
        Assert.ThrowsAny<Exception>(() => _ml.Model.Load(half, out _));
    }

    private (ITransformer Model, DataViewSchema? InputSchema) SaveAndLoad(ITransformer model, DataViewSchema? inputSchema)
    {
        using var stream = new MemoryStream();
        _ml.Model.Save(model, inputSchema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out var schema);
        return (loaded, schema);
    }
}
