using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Onnx;

namespace Dalle.ML.Tests.Bundles;

/// <summary>A bundle is untrusted input: whatever is wrong with one is a clear error before anything runs.</summary>
public sealed class BundleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _bundle;

    public BundleTests() => _bundle = _folder.CopyOf(TinyModel.Path, "bundle");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_copy_of_a_bundle_is_a_bundle()
    {
        using var model = DalleModel.Load(_bundle);
        Assert.Equal(Bundle.HashOf(TinyModel.Path), model.Info.Hash);
    }

    [Fact]
    public void A_folder_that_is_missing_or_holds_no_manifest_is_refused()
    {
        Refused("does not exist", Path.Combine(_folder.Path, "nothing"));
        Refused("dalle.json", _folder.Path);
    }

    [Theory]
    [InlineData("decoder.onnx")]
    [InlineData("decoder.weights")]
    [InlineData("vocab.json")]
    public void Missing_altered_and_truncated_files_are_refused_by_name(string file)
    {
        var path = Path.Combine(_bundle, file);
        var bytes = File.ReadAllBytes(path);

        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Refused($"'{file}' is not the one that the manifest describes");
        File.WriteAllBytes(path, bytes[..^1]);
        Refused($"'{file}' has {bytes.Length - 1} bytes");
        File.Delete(path);
        Refused($"'{file}' is missing");
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"format\": 1, \"surprise\": true}")]
    [InlineData("{\"format\": 1, \"name\": \"x\", \"family\": \"x\", \"precision\": \"fp32\", \"image\": 5, \"files\": {}}")]
    [InlineData("{\"format\": 1, \"name\": \"x\", \"family\": \"x\", \"precision\": \"fp32\", \"image\": {\"width\":1,\"height\":1,\"rows\":1,\"columns\":1,\"vocabulary\":2}, \"files\": null}")]
    public void A_malformed_manifest_is_refused(string text)
    {
        File.WriteAllText(Path.Combine(_bundle, "dalle.json"), text);
        Refused("'dalle.json' is not a bundle's manifest");
    }

    [Theory]
    [InlineData("decoder.file", "null")]
    [InlineData("decoder.cache", "null")]
    [InlineData("clip.text", "null")]
    [InlineData("text.tokenizer", "null")]
    [InlineData("sampling", "null")]
    [InlineData("text.start", "null")]
    [InlineData("text.cleaning", "[\"bleach\"]")]
    [InlineData("text.padding", "77")]
    [InlineData("text.padding", "\"sideways\"")]
    [InlineData("text.tokenizer.kind", "1")]
    [InlineData("image.resample", "0")]
    public void Nulls_and_unknown_kinds_are_refused(string key, string json)
    {
        EditNode(key, JsonNode.Parse(json));
        Refused("'dalle.json' is not a bundle's manifest");
    }

    [Fact]
    public void Files_without_a_description_or_content_are_refused()
    {
        EditManifest(manifest => manifest["files"]!["merges.txt"] = null);
        Refused("'merges.txt' has no size");
        EditManifest(manifest => manifest["files"]!["merges.txt"] = JsonNode.Parse("{\"size\": 0, \"sha256\": \"\"}"));
        Refused("'merges.txt' has no size");
    }

    [Fact]
    public void A_manifest_that_nests_or_swells_without_end_is_refused()
    {
        File.WriteAllText(Path.Combine(_bundle, "dalle.json"), string.Concat(Enumerable.Repeat("{\"image\":", 100_000)));
        Refused("'dalle.json' is not a bundle's manifest");
        File.WriteAllBytes(Path.Combine(_bundle, "dalle.json"), new byte[17 << 20]);
        Refused("at most");
    }

    [Theory]
    [InlineData("../secret.onnx")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../secret.onnx")]
    [InlineData("..\\secret.onnx")]
    [InlineData("C:secret.onnx")]
    [InlineData("./decoder.onnx")]
    [InlineData("")]
    [InlineData("dalle.json")]
    public void Names_that_leave_the_folder_are_refused(string name)
    {
        File.WriteAllBytes(Path.Combine(_folder.Path, "secret.onnx"), File.ReadAllBytes(Path.Combine(_bundle, "decoder.onnx")));
        EditManifest(manifest =>
        {
            var entry = manifest["files"]!["decoder.onnx"]!.DeepClone();
            manifest["files"]!.AsObject().Remove("decoder.onnx");
            manifest["files"]![name] = entry;
            manifest["decoder"]!["file"] = name;
        });
        Refused("is not allowed");
    }

    [Fact]
    public void A_cache_of_Hugging_Face_whose_files_are_links_is_a_bundle()
    {
        var blobs = Directory.CreateDirectory(Path.Combine(_folder.Path, "blobs")).FullName;
        var snapshot = Directory.CreateDirectory(Path.Combine(_folder.Path, "snapshots", "main")).FullName;
        foreach (var file in Directory.GetFiles(_bundle))
        {
            var blob = Bundle.Describe(file).Sha256;
            File.Copy(file, Path.Combine(blobs, blob));
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), Path.Combine("..", "..", "blobs", blob));
        }
        AssertGenerates(snapshot);
    }

    [Fact]
    public void A_volume_of_Kubernetes_whose_folder_is_a_link_is_a_bundle()
    {
        var volume = Directory.CreateDirectory(Path.Combine(_folder.Path, "volume")).FullName;
        Directory.Move(_bundle, Path.Combine(volume, "..2026_11_27"));
        Directory.CreateSymbolicLink(Path.Combine(volume, "..data"), "..2026_11_27");
        foreach (var file in Directory.GetFiles(Path.Combine(volume, "..2026_11_27")).Select(Path.GetFileName))
            File.CreateSymbolicLink(Path.Combine(volume, file!), Path.Combine("..data", file!));
        AssertGenerates(volume);
    }

    [Theory]
    [InlineData("/dev/zero", "has 0 bytes")]
    [InlineData("vocab.json", "cannot be read")]
    [InlineData("nothing", "is missing")]
    [InlineData("merges.txt", "bytes; the manifest states")]
    public void A_link_that_ends_at_something_else_is_refused(string target, string reason)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Devices are named as on Linux.");
        File.Delete(Path.Combine(_bundle, "vocab.json"));
        File.CreateSymbolicLink(Path.Combine(_bundle, "vocab.json"), target);
        Refused(reason);
    }

    [Theory]
    [InlineData("name", "emoji\n[31mOK", "'name' holds the control character U+000A")]
    [InlineData("license", "MIT\u001b]0;x\u0007", "'license' holds the control character U+001B")]
    [InlineData("description", "a \u202egpj.exe", "'description' holds the control character U+202E")]
    [InlineData("decoder.logits", "logits\r", "'decoder.logits' holds the control character U+000D")]
    public void Texts_that_would_harm_a_terminal_or_log_are_refused(string key, string text, string reason)
    {
        EditNode(key, text);
        Refused(reason);
    }

    [Fact]
    public void Names_of_files_and_of_the_manifest_are_harmless_too()
    {
        EditManifest(manifest => manifest["files"]!["a\u001b.txt"] = manifest["files"]!["vocab.json"]!.DeepClone());
        Refused("'files.…' holds the control character U+001B");
        EditManifest(manifest => manifest["files"]!.AsObject().Remove("a\u001b.txt"));
        EditNode("name", new string('x', 201));
        Refused("'name' has 201 characters");
        EditNode("name", "x");
        EditNode("provenance", new string('x', 10_001));
        Refused("'provenance' has 10001 characters");
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("{\n \"format\": 1,\n \"name\" \"x\"}", "it is not JSON: see line 3, byte 9")]
    [InlineData("[]", "the whole is an array; it must be an object")]
    [InlineData("{\"format\": 1, \"surprise\": true}", "'surprise' is not known; a manifest may have format, name, family")]
    [InlineData("{\"format\": 1, \"format\": 1}", "'format' is there twice")]
    [InlineData("{\"format\": 1}", "'name' is missing")]
    [InlineData("{\"format\": \"1\"}", "'format' is another text; it must be a whole number")]
    [InlineData("{\"image\": {\"width\": 1.5}}", "'image.width' is another number; it must be a whole number")]
    [InlineData("{\"image\": {\"width\": null}}", "'image.width' is null; it must be a value")]
    [InlineData("{\"image\": {\"resample\": \"box\"}}", "'image.resample' is another text; it must be one of bilinear, bicubic, lanczos")]
    [InlineData("{\"text\": {\"start\": [1, true]}}", "'text.start[1]' is true; it must be a whole number")]
    [InlineData("{\"files\": {\"a\": {\"size\": 1}}}", "'files.a.sha256' is missing")]
    [InlineData("{\"name\": \"\\ud800\"}", "holds half of a surrogate pair")]
    [InlineData("[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "it nests more than 16 deep")]
    public void What_is_wrong_with_a_manifest_is_said_by_its_place(string text, string reason)
    {
        File.WriteAllText(Path.Combine(_bundle, "dalle.json"), text);
        Refused(reason);
        var message = Assert.Throws<DalleBundleException>(() => DalleModel.Load(_bundle)).Message;
        Assert.DoesNotContain("Dalle.ML.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", message, StringComparison.Ordinal);
    }

    /// <summary>Saved pipelines and tokens hold it.</summary>
    [Fact]
    public void The_hash_of_a_bundle_is_that_of_its_manifest_as_it_is_written_without_words()
    {
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(DalleModel.DefaultPath, "dalle.json")))!.AsObject();
        Assert.Equal("words.txt", manifest["words"]!.GetValue<string>());
        manifest.Remove("words");
        manifest["files"]!.AsObject().Remove("words.txt");
        var written = manifest.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true, NewLine = "\n" });
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(written))), Bundle.HashOf(DalleModel.DefaultPath));
    }

    [Fact]
    public void A_folder_is_one_model_however_it_is_given()
    {
        using var model = DalleModel.Load(_bundle + Path.DirectorySeparatorChar);
        using var same = DalleModel.Load(Path.Combine(_bundle, "..", Path.GetFileName(_bundle)));
        Assert.Equal(_bundle, model.Info.Path);
        Assert.Equal(_bundle, same.Info.Path);
    }

    [Fact]
    public void Graphs_of_images_need_the_size_of_images()
    {
        EditManifest(manifest => manifest.AsObject().Remove("image"));
        Refused("'image' is missing");
    }

    [Theory]
    [InlineData("image.width", 0)]
    [InlineData("image.height", -64)]
    [InlineData("image.encodedWidth", 100_000)]
    [InlineData("image.rows", 1_000_000)]
    [InlineData("image.vocabulary", 2_000_000_000)]
    [InlineData("text.length", 0)]
    [InlineData("decoder.cache.capacity", 86)]
    [InlineData("decoder.cache.capacity", 2_000_000_000)]
    [InlineData("decoder.cache.layers", 2_000_000_000)]
    [InlineData("decoder.cache.heads", 0)]
    [InlineData("text.paddingId", 4_000_000)]
    [InlineData("text.paddingId", 2060)]
    [InlineData("text.vocabulary", 0)]
    [InlineData("text.blankId", 2072)]
    [InlineData("clip.embedding", -1)]
    [InlineData("clip.scale", -1)]
    [InlineData("sampling.topP", 2)]
    [InlineData("sampling.candidates", 0)]
    public void Sizes_out_of_bounds_are_refused_by_name(string key, int value)
    {
        Edit(key, value);
        Refused(key.StartsWith("sampling", StringComparison.Ordinal) ? "sampling" : $"'{key}' is {value}");
    }

    [Theory]
    [InlineData("image.width", 128, "'pixels'")]
    [InlineData("image.encodedHeight", 32, "'pixels'")]
    [InlineData("image.rows", 7, "'tokens'")]
    [InlineData("image.vocabulary", 512, "'logits'")]
    [InlineData("decoder.cache.heads", 4, "'past_key_0'")]
    [InlineData("decoder.cache.layers", 1, "'past_key_1'")]
    [InlineData("decoder.cache.layers", 3, "'past_key_2'")]
    [InlineData("clip.embedding", 64, "'embedding'")]
    public void Graphs_that_do_not_fit_the_manifest_are_refused(string key, int value, string tensor)
    {
        Edit(key, value);
        Refused(tensor);
    }

    [Fact]
    public void Unknown_formats_and_unlisted_files_are_refused()
    {
        Edit("format", 2);
        Refused("its format is 2");
        Edit("format", 1);
        EditManifest(manifest => manifest["files"]!.AsObject().Remove("image_decoder.onnx"));
        Refused("'image_decoder.onnx', which is not among");
    }

    [Fact]
    public void Weights_outside_of_the_bundle_are_refused()
    {
        var graph = Path.Combine(_bundle, "clip_text.onnx");
        foreach (var name in new[] { "../text.weights.bin", "/etc/shadow.weights", "other_txt.weights" })
        {
            // The same length, so that the message's own lengths stay right.
            var padded = Encoding.ASCII.GetBytes(name.PadRight("clip_text.weights".Length, 's'));
            var bytes = Replace(File.ReadAllBytes(Path.Combine(TinyModel.Path, "clip_text.onnx")), "clip_text.weights"u8, padded.AsSpan(0, "clip_text.weights".Length));
            File.WriteAllBytes(graph, bytes);
            Adopt("clip_text.onnx");
            Refused("reads its weights from");
        }
    }

    [Theory]
    [InlineData("text.start", "[2072]", "'text.start' is 2072")]
    [InlineData("text.end", "[-1]", "'text.end' is -1")]
    [InlineData("text.prefix", "[0, 5000]", "'text.prefix' is 5000")]
    [InlineData("text.start", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "'text.start.length' is 33")]
    [InlineData("text.tokenizer.merges", "null", "'text.tokenizer.merges' is missing")]
    [InlineData("text.tokenizer.kind", "\"youTokenToMe\"", "'text.tokenizer.merges' is 'merges.txt'")]
    [InlineData("text.tokenizer.vocabulary", "\"other.json\"", "'other.json', which is not among")]
    [InlineData("clip.text.vocabulary", "10", "'clip.text.paddingId' is 2048")]
    public void Texts_that_no_graph_takes_are_refused(string key, string json, string reason)
    {
        EditNode(key, JsonNode.Parse(json));
        Refused(reason);
    }

    [Fact]
    public void Caches_beyond_any_memory_are_refused()
    {
        EditManifest(manifest =>
        {
            manifest["decoder"]!["cache"]!["layers"] = 1024;
            manifest["decoder"]!["cache"]!["heads"] = 1024;
            manifest["decoder"]!["cache"]!["headSize"] = 4096;
        });
        Refused("MiB a sequence");
    }

    [Fact]
    public void Cache_names_that_are_the_same_in_all_layers_are_refused()
    {
        EditNode("decoder.cache.pastKey", "past_key");
        Refused("'{layer}'");
    }

    [Fact]
    public void Graphs_in_other_formats_are_refused()
    {
        File.Move(Path.Combine(_bundle, "decoder.onnx"), Path.Combine(_bundle, "decoder.ort"));
        EditManifest(manifest =>
        {
            var entry = manifest["files"]!["decoder.onnx"]!.DeepClone();
            manifest["files"]!["decoder.ort"] = entry;
            manifest["files"]!.AsObject().Remove("decoder.onnx");
            manifest["decoder"]!["file"] = "decoder.ort";
        });
        Refused("end in .onnx");
    }

    [Fact]
    public void A_place_of_weights_cannot_hide_behind_a_field_of_the_wrong_kind()
    {
        // A name (field 8) written as eight fixed bytes is unknown to ONNX Runtime and skipped. If it were read as text, its first byte
        // as the length, it would swallow the place of the weights that follows.
        byte[] place = [.. Field(1, "location"u8), .. Field(2, "../secret"u8)];
        byte[] tensor = [8 << 3 | 1, 40, 0, 0, 0, 0, 0, 0, 0, .. Field(13, place), .. Field(8, "a name of some length to swallow"u8)];
        var path = Path.Combine(_folder.Path, "graph.onnx");
        File.WriteAllBytes(path, Field(7, Field(5, tensor)));
        Assert.Equal(["../secret"], OnnxFile.Read(path).ExternalFiles);
    }

    [Fact]
    public void A_graph_that_fails_while_it_runs_is_an_error_of_the_bundle()
    {
        File.WriteAllText(Path.Combine(_bundle, "vocab.json"), File.ReadAllText(Path.Combine(_bundle, "vocab.json")).Replace("\"a\": 64", "\"a\": 999999", StringComparison.Ordinal));
        Adopt("vocab.json");
        Edit("text.vocabulary", 1_000_000);
        // The graph of the text has as many logits as there are ids, which shows before anything runs.
        Assert.Contains("text_decoder.onnx", Assert.Throws<DalleBundleException>(() => DalleModel.Load(_bundle)).Message, StringComparison.Ordinal);
        EditManifest(manifest => manifest.AsObject().Remove("textDecoder"));
        using var model = DalleModel.Load(_bundle);
        Assert.Contains("decoder.onnx", Assert.Throws<DalleBundleException>(() => model.Generate("a", 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_without_an_image_decoder_cannot_generate_and_says_so_at_once()
    {
        EditManifest(manifest => manifest.AsObject().Remove("imageDecoder"));
        using var model = DalleModel.Load(_bundle);
        Assert.False(model.Info.CanGenerate);
        var reports = 0;
        Assert.Throws<NotSupportedException>(() => model.Generate("a cat", 1, progress: new Counter(() => reports++)));
        Assert.Equal(0, reports);
        Assert.Throws<NotSupportedException>(() => model.DecodeTokens(new int[64]));
    }

    [Fact]
    public void Cut_graphs_are_refused_and_garbled_ones_harm_nobody()
    {
        var whole = File.ReadAllBytes(Path.Combine(_bundle, "clip_image.onnx"));
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var bytes = whole.ToArray();
            if (round % 2 == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            for (var i = 0; i < round % 5; i++)
                bytes[random.Next(Math.Max(1, bytes.Length - 1))] = (byte)random.Next(256);
            if (bytes.AsSpan().SequenceEqual(whole))
                continue;
            var path = Path.Combine(_folder.Path, "graph.onnx");
            File.WriteAllBytes(path, bytes);
            try
            {
                OnnxFile.Read(path);
                Assert.True(round % 5 > 0, "A graph that was only cut was read.");
            }
            catch (InvalidDataException)
            {
            }
        }

        File.WriteAllBytes(Path.Combine(_bundle, "clip_image.onnx"), whole[..^100]);
        Adopt("clip_image.onnx");
        Refused("'clip_image.onnx' cannot be read: it is truncated");
    }

    [Fact]
    public void A_graph_that_nests_without_end_is_refused()
    {
        // model.graph.node.attribute.graph.node.attribute.graph … each one field of its parent.
        byte[] message = [];
        for (var depth = 0; depth < 500; depth++)
            message = Field(6, Field(1, Field(5, message)));
        var path = Path.Combine(_folder.Path, "graph.onnx");
        File.WriteAllBytes(path, Field(7, Field(1, Field(5, message))));
        Assert.Throws<InvalidDataException>(() => OnnxFile.Read(path));
    }

    [Fact]
    public void Broken_tokenizer_files_are_an_error_of_the_bundle()
    {
        File.WriteAllText(Path.Combine(_bundle, "vocab.json"), "{ \"a\": ");
        Adopt("vocab.json");
        using var model = DalleModel.Load(_bundle);
        Assert.Contains("vocab.json", Assert.Throws<DalleBundleException>(() => model.Generate("a cat", 1)).Message, StringComparison.Ordinal);
    }

    private static void AssertGenerates(string bundle)
    {
        using var expected = TinyModel.Load();
        using var model = DalleModel.Load(bundle);
        Assert.Equal(Picture(expected), Picture(model));

        static string Picture(DalleModel model)
        {
            using var image = model.Generate("a cat", 1);
            return Convert.ToHexString(image.Image.Pixels);
        }
    }

    private void Refused(string reason, string? bundle = null)
    {
        var exception = Assert.Throws<DalleBundleException>(() => DalleModel.Load(bundle ?? _bundle));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
        Assert.Equal(Path.GetFullPath(bundle ?? _bundle), exception.BundlePath);

        // Here sessions are created while weights are verified.
        var prepared = Assert.Throws<DalleBundleException>(() => DalleModel.LoadForImages(bundle ?? _bundle, DalleDevice.Cpu));
        Assert.Equal(exception.Message, prepared.Message);
    }

    private void Edit(string key, int value) => EditNode(key, value);

    private void EditNode(string key, JsonNode? value) => EditManifest(manifest =>
    {
        var node = manifest;
        var path = key.Split('.');
        foreach (var name in path[..^1])
            node = node[name]!;
        node[path[^1]] = value;
    });

    private void EditManifest(Action<JsonNode> edit)
    {
        var path = Path.Combine(_bundle, "dalle.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        edit(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
    }

    /// <summary>Makes the manifest vouch for a file as it now is, as an attacker would.</summary>
    private void Adopt(string file) => EditManifest(manifest =>
    {
        var record = Bundle.Describe(Path.Combine(_bundle, file));
        manifest["files"]![file]!["size"] = record.Size;
        manifest["files"]![file]!["sha256"] = record.Sha256;
    });

    /// <summary>A field of a protobuf message with a payload of a given length.</summary>
    private static byte[] Field(int number, ReadOnlySpan<byte> payload)
    {
        var length = new List<byte>();
        var rest = payload.Length;
        for (; rest >= 128; rest >>= 7)
            length.Add((byte)(rest & 127 | 128));
        return [(byte)(number << 3 | 2), .. length, (byte)rest, .. payload];
    }

    private sealed class Counter(Action count) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => count();
    }

    private static byte[] Replace(byte[] bytes, ReadOnlySpan<byte> old, ReadOnlySpan<byte> replacement)
    {
        var copy = bytes.ToArray();
        for (var at = copy.AsSpan().IndexOf(old); at >= 0; at = copy.AsSpan().IndexOf(old))
            replacement.CopyTo(copy.AsSpan(at));
        return copy;
    }
}
