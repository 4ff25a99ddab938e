using Dalle.ML.Bundles;
using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests.Bundles;

public sealed class ManifestProperties
{
    private static readonly Gen<int> Size = Gen.Choose(1, 64);

    private static readonly Gen<string> File = Gen.Elements("decoder.onnx", "clip/text.onnx", "vocab.json", "mërges.txt", "a b.onnx");

    private static readonly Gen<string> Name = Gen.Elements("x", "emoji-128", "ein \"Modell\"", "модель 🐈", "a\\b");

    private static readonly Gen<int[]> Ids = Gen.Choose(0, 100).ArrayOf();

    private static readonly Gen<float> Number = Gen.Choose(1, 1 << 24).Select(value => value / 4096f);

    private static readonly Gen<TextFormat> Text =
        from kind in Gen.Elements(Enum.GetValues<TokenizerKind>())
        from files in Gen.Zip(File, File.OrNull())
        from cleaning in Gen.SubListOf(Enum.GetValues<TextCleaning>())
        from sizes in Size.ArrayOf(3)
        from ids in Gen.Three(Ids)
        from keepEnd in Gen.Elements(true, false)
        from padding in Gen.Elements(Enum.GetValues<Padding>())
        from alias in Optional(Size)
        from unconditional in Gen.Elements(Enum.GetValues<UnconditionalPrompt>())
        select new TextFormat
        {
            Tokenizer = new TokenizerFiles { Kind = kind, Vocabulary = files.Item1, Merges = files.Item2 },
            Cleaning = [.. cleaning],
            Vocabulary = sizes[0],
            Length = sizes[1],
            Prefix = ids.Item1,
            BosTokens = ids.Item2,
            EosTokens = ids.Item3,
            KeepEnd = keepEnd,
            Padding = padding,
            PaddingId = sizes[2],
            PadAliasId = alias,
            Unconditional = unconditional,
        };

    private static readonly Gen<ImageFormat> Image =
        from sizes in Size.ArrayOf(5)
        from encoded in Gen.Two(Optional(Size))
        from resample in Gen.Elements(Enum.GetValues<ResampleFilter>())
        select new ImageFormat
        {
            Width = sizes[0],
            Height = sizes[1],
            EncodedWidth = encoded.Item1,
            EncodedHeight = encoded.Item2,
            Rows = sizes[2],
            Columns = sizes[3],
            CodebookSize = sizes[4],
            Resample = resample,
        };

    private static readonly Gen<DecoderGraph> Decoder =
        from file in File
        from start in Ids
        from names in Name.OrNull().ArrayOf(3)
        from sizes in Size.ArrayOf(7)
        from kind in Gen.Elements(Enum.GetValues<CacheKind>())
        from type in Gen.Elements(Enum.GetValues<CacheType>())
        from hasState in Gen.Elements(true, false)
        from shape in Size.ArrayOf(2)
        select new DecoderGraph
        {
            File = file,
            Start = start,
            ImageIdOffset = sizes[0],
            TotalLength = names[0],
            Positions = names[1],
            AttentionMask = names[2],
            Logits = "scores",
            LogitsOffset = sizes[1],
            Cache = new KeyValueCache { Kind = kind, Type = type, Layers = sizes[2] % 4 + 1, Heads = sizes[3], HeadSize = sizes[4], Capacity = sizes[5], PastKey = "k.{layer}" },
            State = hasState ? new RecurrentState { Count = sizes[6] % 4 + 1, Shape = shape, Past = "s.{index}" } : null,
        };

    private static readonly Gen<ClipGraphs> Clip =
        from files in Gen.Two(File)
        from text in Text
        from sizes in Gen.Two(Size)
        from resample in Gen.Elements(Enum.GetValues<ResampleFilter>())
        from fit in Gen.Elements(Enum.GetValues<Fit>())
        from transparency in Gen.Elements(Enum.GetValues<Transparency>())
        from scale in Number
        select new ClipGraphs
        {
            TextEncoder = files.Item1,
            ImageEncoder = files.Item2,
            Text = text,
            EmbeddingDimension = sizes.Item1,
            ImageSize = sizes.Item2,
            Resample = resample,
            Fit = fit,
            Transparency = transparency,
            Scale = scale,
        };

    private static readonly Gen<Manifest> Manifests =
        from names in Name.ArrayOf(2)
        from remarks in Name.OrNull().ArrayOf(3)
        from precision in Gen.Elements("fp32", "fp16", "int8", "int4")
        from image in Image.OrNull()
        from text in Text.OrNull()
        from encoder in Gen.Zip(File, Name.ListOf()).Select(pair => new TextEncoderGraph { File = pair.Item1, Ids = "text", Outputs = [.. pair.Item2] }).OrNull()
        from decoder in Decoder.OrNull()
        from codec in Gen.Two(File.OrNull())
        from clip in Clip.OrNull()
        from numbers in Number.ArrayOf(3)
        from counts in Gen.Two(Size)
        from files in Gen.SubListOf("a.onnx", "clip/b.onnx", "ü.txt")
        select new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = names[0],
            Family = names[1],
            Description = remarks[0],
            License = remarks[1],
            Provenance = remarks[2],
            Precision = precision,
            Image = image,
            Text = text,
            TextEncoder = encoder,
            Decoder = decoder,
            ImageEncoder = codec.Item1,
            ImageDecoder = codec.Item2,
            Clip = clip,
            Sampling = new SamplingDefaults { Temperature = numbers[0], Guidance = numbers[1], TopK = counts.Item1, TopP = numbers[2], Candidates = counts.Item2 },
            Files = new(files.ToDictionary(file => file, file => new FileRecord { Size = file.Length * 10_000_000_000L, Sha256 = $"{file.Length:x64}" })),
        };

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_manifest_that_is_written_is_read_as_it_was(int runs) => Property.Holds(Manifests, runs, manifest =>
    {
        var json = manifest.ToJson();
        var read = Manifest.Parse(json);
        Assert.Equivalent(manifest, read, strict: true);
        Assert.Equal(json, read.ToJson());
    });

    private static Gen<int?> Optional(Gen<int> values) => values.Select(value => (int?)value).Or(Gen.Constant((int?)null));
}
