using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Families;

public sealed class ClipFamilyTests : IDisposable
{
    private const int Width = 64;
    private const int Length = 7;
    private const int Vocabulary = 515;

    private readonly TemporaryFolder _folder = new();
    private readonly string _checkpoint;

    /// <summary>A CLIP with a layer in each tower, and a vocabulary of 512 bytes, one merge and two marks.</summary>
    public ClipFamilyTests()
    {
        _checkpoint = Path.Combine(_folder.Path, "model.safetensors");
        var weights = new Dictionary<string, Tensor>();
        void Add(string name, params int[] shape) =>
            weights.Add(name, new Tensor([.. Enumerable.Range(1, shape.Aggregate(1, (a, b) => a * b)).Select(i => MathF.Sin(i + weights.Count) / 8)], isFloat16: false, shape));
        void AddNorm(string name)
        {
            Add(name + ".weight", Width);
            Add(name + ".bias", Width);
        }
        foreach (var tower in new[] { "", "visual." })
        {
            var block = tower + "transformer.resblocks.0.";
            AddNorm(block + "ln_1");
            AddNorm(block + "ln_2");
            Add(block + "attn.in_proj_weight", 3 * Width, Width);
            Add(block + "attn.in_proj_bias", 3 * Width);
            Add(block + "attn.out_proj.weight", Width, Width);
            Add(block + "attn.out_proj.bias", Width);
            Add(block + "mlp.c_fc.weight", 4 * Width, Width);
            Add(block + "mlp.c_fc.bias", 4 * Width);
            Add(block + "mlp.c_proj.weight", Width, 4 * Width);
            Add(block + "mlp.c_proj.bias", Width);
        }
        Add("token_embedding.weight", Vocabulary, Width);
        Add("positional_embedding", Length, Width);
        AddNorm("ln_final");
        Add("text_projection", Width, 3);
        Add("logit_scale");
        Add("visual.class_embedding", Width);
        Add("visual.conv1.weight", Width, 3, 8, 8);
        Add("visual.positional_embedding", 5, Width);
        AddNorm("visual.ln_pre");
        AddNorm("visual.ln_post");
        Add("visual.proj", Width, 3);
        SafetensorsWriter.Write(_checkpoint, weights);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_tokenizer_is_found_beside_the_checkpoint_or_named_behind_it()
    {
        var merges = Write("elsewhere/my-merges.txt", "#version: 0.2\na b\n");
        Export(_checkpoint, merges);
        Write("bpe_simple_vocab_16e6.txt", "#version: 0.2\na b\n");
        Export(_checkpoint);
        using var model = DalleModel.Load(Export(_folder.Path));
        Assert.Equal((3, true, false, 0), (model.Info.EmbeddingDimension, model.Info.HasClip, model.Info.CanDecode, model.Info.ImageWidth));
        Assert.NotEqual(model.EmbedText("ab"), model.EmbedText("ba"));
        // Longer than the model reads: the end stays, and what is cut away makes no difference.
        Assert.Equal(model.EmbedText("a a a a a"), model.EmbedText("a a a a a a a"));
    }

    [Fact]
    public void What_is_transparent_is_black_as_to_clip_itself()
    {
        using var model = DalleModel.Load(Export(_checkpoint, Write("bpe.txt", "#version: 0.2\na b\n")));
        float[] Embed(params byte[] pixel)
        {
            using var image = MLImage.CreateFromPixels(20, 20, MLPixelFormat.Rgba32, [.. Enumerable.Repeat(pixel, 400).SelectMany(value => value)]);
            return model.EmbedImage(image);
        }
        Assert.Equal(Embed(0, 0, 0, 255), Embed(0, 0, 0, 0));
        // ML.NET keeps colours multiplied by their opacity.
        Assert.Equal(Embed(255, 0, 0, 255), Embed(51, 0, 0, 51));
        Assert.NotEqual(Embed(255, 255, 255, 255), Embed(0, 0, 0, 0));
    }

    [Fact]
    public void Files_of_Hugging_Face_give_the_same_ids()
    {
        using var first = DalleModel.Load(Export(_checkpoint, Write("merges-of-openai.txt", "#version: 0.2\na b\n")));
        var expected = first.EmbedText("abba");
        string[] symbols = [.. Enumerable.Range('!', 94).Concat(Enumerable.Range('¡', 12)).Concat(Enumerable.Range('®', 82)).Concat(Enumerable.Range(256, 68)).Select(symbol => $"{(char)symbol}")];
        string[] tokens = [.. symbols, .. symbols.Select(symbol => symbol + "</w>"), "ab", "<|startoftext|>", "<|endoftext|>"];
        var vocabulary = Write("vocab.json", JsonSerializer.Serialize(tokens.Index().ToDictionary(token => token.Item, token => token.Index)));
        using var second = DalleModel.Load(Export(_checkpoint, vocabulary, Write("merges.txt", "#version: 0.2\na b\n")));
        Assert.Equal(expected, second.EmbedText("abba"));
    }

    [Fact]
    public void Without_a_tokenizer_it_says_which_file_is_lacking() =>
        Assert.Contains("bpe_simple_vocab_16e6.txt.gz", Assert.Throws<FileNotFoundException>(() => Export(_checkpoint)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_tokenizer_of_another_model_is_refused() =>
        Refused("514 tokens and the model 515", _checkpoint, Write("bpe.txt", "#version: 0.2\n"));

    [Theory]
    [InlineData("visual.transformer.resblocks.0.mlp.c_fc.bias")]
    [InlineData("visual.proj")]
    [InlineData("text_projection")]
    [InlineData("logit_scale")]
    public void A_tensor_that_is_lacking_is_named(string tensor)
    {
        var merges = Write("bpe.txt", "#version: 0.2\na b\n");
        Refused($"'{tensor}'", SafetensorsWriter.Copy(_checkpoint, PathOf("less.safetensors"), (name, value) => name == tensor ? null : value), merges);
        Refused($"'{tensor}'", SafetensorsWriter.Copy(_checkpoint, PathOf("flat.safetensors"), (name, value) => name == tensor ? Twice(value) : value), merges);

        static Tensor Twice(Tensor value) => new([.. value.Values, .. value.Values], value.IsFloat16, [2, .. value.Shape]);
    }

    [Fact]
    public void A_logit_scale_of_one_dimension_is_the_same()
    {
        var merges = Write("bpe.txt", "#version: 0.2\na b\n");
        var flat = SafetensorsWriter.Copy(_checkpoint, PathOf("flat.safetensors"), (name, value) => name == "logit_scale" ? value.Reshape(1) : value);
        var expected = Bundles.Bundle.Open(Export(_checkpoint, merges)).Manifest.Clip!.Scale;
        Assert.Equal(expected, Bundles.Bundle.Open(Export(flat, merges)).Manifest.Clip!.Scale);
    }

    private void Refused(string reason, params string[] sources) =>
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => Export(sources)).Message, StringComparison.Ordinal);

    private string PathOf(string name) => Path.Combine(_folder.Path, name);

    private string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    private string Export(params string[] sources)
    {
        BundleExporter.Export("clip", sources, PathOf("bundle"));
        return PathOf("bundle");
    }
}
