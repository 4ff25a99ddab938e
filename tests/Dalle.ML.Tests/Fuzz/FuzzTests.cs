using System.Text;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Prompts;
using Dalle.ML.Tests.Images;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Tests.Fuzz;

/// <summary>Whatever is read of a bundle, of images and of prompts must be read or refused when it is damaged, in little memory.</summary>
[Trait("Category", "Fuzz")]
public sealed class FuzzTests(ITestOutputHelper output) : IDisposable
{
    private const long MaxAllocated = 1 << 25;
    private const int MaxPixels = 1 << 20;

    private static readonly byte[] Manifest = Encoding.UTF8.GetBytes("""
        {
          "format": 1, "name": "x", "family": "x", "license": "MIT", "precision": "fp32", "words": "words.txt",
          "image": { "width": 8, "height": 8, "rows": 1, "columns": 1, "vocabulary": 2, "resample": "bicubic" },
          "text": {
            "tokenizer": { "kind": "byteLevelBpe", "vocabulary": "v.json", "merges": "m.txt" }, "cleaning": ["lowercase", "trim"],
            "vocabulary": 9, "length": 4, "padding": "shared", "paddingId": 0, "start": [1], "end": [2], "keepEnd": true
          },
          "decoder": {
            "file": "decoder.onnx", "imageIdOffset": 0,
            "cache": { "kind": "shared", "layers": 1, "heads": 1, "headSize": 1, "capacity": 10 }, "state": { "count": 1, "shape": [1, 2] }
          },
          "clip": {
            "textEncoder": "a.onnx", "imageEncoder": "b.onnx", "embedding": 1, "imageSize": 1, "scale": 1.5,
            "text": { "tokenizer": { "kind": "clipBpe", "vocabulary": "v.json" }, "vocabulary": 9, "length": 1, "padding": "perPosition", "paddingId": 0 }
          },
          "sampling": { "temperature": 0.5, "topK": 3, "topP": 0.9, "candidates": 8 },
          "files": { "decoder.onnx": { "size": 12, "sha256": "00ff" }, "v.json": { "size": 7, "sha256": "00ff" } }
        }
        """);

    private readonly TemporaryFolder _folder = new(isInMemory: true);

    private static TheoryData<string> ImageFiles =>
        ["rgb.png", "palette-alpha.png", "gray-16.png", "lossy.jpg", "lossy-progressive.jpg", "lossy-cmyk.jpg", "exif6.jpg", "lossy.webp", "alpha.webp", "exif6.webp", "rgb.bmp", "rgb.gif"];

    public static TheoryData<string> Images => ImageFiles;

    public static TheoryData<string, string> Prompts => new()
    {
        { "Txt", "a red apple\n\n  two cats, one dog \r\nünïcode 🐈\n" },
        { "Csv", "id,prompt,seed\r\nheart,a red heart,5\n,\"bananas, \"\"three\"\"\nof them\",\nz,a dog,18446744073709551615\n" },
        { "Tsv", "prompt\tseed\tnote\na cat\t7\t\n\"a\tdog\"\t\tx\n" },
        { "Jsonl", "{\"prompt\":\"a \\\"big\\\" cat\",\"id\":\"cat\",\"seed\":5}\n\n{\"id\":\"d\",\"prompt\":\"a dog \\ud83d\\udc08\",\"seed\":null,\"note\":[1,{}]}\r\n" },
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Manifests() => await Run("manifest", mutator => ML.Bundles.Manifest.Parse(mutator.Mutate(Manifest)), typeof(JsonException));

    [Fact]
    public async Task Bundles()
    {
        var bundle = _folder.CopyOf(TinyModel.Path, "bundle");
        var path = Path.Combine(bundle, Bundle.ManifestName);
        var manifest = File.ReadAllBytes(path);
        foreach (var weights in Directory.GetFiles(bundle, "*.weights"))
            File.Delete(weights);
        // Nothing is accepted, as the weights are missing: most of it is refused before.
        var start = Encoding.UTF8.GetString(manifest).IndexOf("\"files\"", StringComparison.Ordinal);
        await Run("bundle", mutator =>
        {
            File.WriteAllBytes(path, [.. mutator.Mutate(manifest[..start]), .. manifest[start..]]);
            var message = Assert.Throws<DalleBundleException>(() => Bundle.Open(bundle)).Message;
            Assert.DoesNotContain(message, char.IsControl);
            if (!message.Contains("is missing. Copy", StringComparison.Ordinal))
                throw new InvalidDataException();
        }, typeof(InvalidDataException));
    }

    [Theory]
    [InlineData("clip_image.onnx")]
    [InlineData("decoder.onnx")]
    public async Task Graphs(string file)
    {
        var graph = File.ReadAllBytes(Path.Combine(TinyModel.Path, file));
        await Run(file, mutator => OnnxFile.Read(new MemoryStream(mutator.Mutate(graph))), typeof(InvalidDataException));
    }

    [Theory]
    [MemberData(nameof(Images))]
    public async Task Pictures(string file)
    {
        var picture = File.ReadAllBytes(PictureFiles.PathOf(file));
        var reader = new ImageReader { MaxPixels = MaxPixels };
        await Run(file, mutator =>
        {
            using var image = reader.Read(mutator.Mutate(picture));
            Assert.InRange(image.Width * image.Height, 1, MaxPixels);
        }, typeof(InvalidDataException));
    }

    [Theory]
    [MemberData(nameof(Prompts))]
    public async Task Files_of_prompts(string format, string content)
    {
        var bytes = Encoding.UTF8.GetBytes(content);
        await Run(format, mutator =>
        {
            var damaged = mutator.Mutate(bytes);
            var file = new PromptFile("prompts", Enum.Parse<PromptFormat>(format), () => new MemoryStream(damaged));
            Assert.Equal(file.Count, file.Read().Count(prompt => prompt.Prompt.Length > 0));
        }, typeof(InvalidDataException));
    }

    [Theory]
    [InlineData("ByteLevelBpe")]
    [InlineData("SpacedBpe")]
    [InlineData("CharBpe")]
    [InlineData("ClipBpe")]
    [InlineData("YouTokenToMe")]
    public async Task Tokenizers(string kind)
    {
        var files = new TokenizerFiles { Kind = Enum.Parse<TokenizerKind>(kind), Vocabulary = "vocabulary", Merges = kind == "YouTokenToMe" ? null : "merges" };
        var vocabulary = Encoding.UTF8.GetBytes(kind == "YouTokenToMe"
            ? "7 2\n97 4\n98 5\n9601 6\n32 7\n99 8\n100 9\n101 10\n4 5 11\n6 4 12\n1 3 0 2\n"
            : """{"<unk>":3,"<pad>":1,"Ġ":4,"a":5,"b":6,"c":7,"Ġa":8,"Ġb":9,"Ġc":10,"a</w>":11,"b</w>":12,"c</w>":13,"ab":14,"ab</w>":15,"<|startoftext|>":16,"<|endoftext|>":17,"[UNK]":18}""");
        var merges = "#version: 0.2\nĠ a\nĠ b\nĠ c\na b\na b</w>\n"u8.ToArray();
        File.WriteAllBytes(Path.Combine(_folder.Path, "vocabulary"), vocabulary);
        File.WriteAllBytes(Path.Combine(_folder.Path, "merges"), merges);
        await Run(kind, mutator =>
        {
            var damagesMerges = files.Merges is not null && mutator.OneIn(2);
            var damaged = Path.Combine(_folder.Path, "damaged");
            File.WriteAllBytes(damaged, mutator.Mutate(damagesMerges ? merges : vocabulary));
            var chosen = damagesMerges ? files with { Merges = damaged } : files with { Vocabulary = damaged };
            _ = TextTokenizer.Open(_folder.Path, chosen).Encode("ab ca 🐈 \0").Count();
        }, typeof(DalleBundleException));
    }

    private async Task Run(string reader, Action<Mutator> read, params Type[] refusals) => output.WriteLine(await new FuzzRun(reader, MaxAllocated).Run(read, refusals));
}
