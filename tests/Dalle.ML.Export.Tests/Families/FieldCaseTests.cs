using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Checkpoints that users have and that were once exported wrongly: <c>shared/cases</c>.</summary>
public sealed class FieldCaseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Cases => Path.Combine(AppContext.BaseDirectory, "Families", "cases");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_the_module_of_a_token_shift_there_is_none()
    {
        // The same weights with the argument shift_tokens=False beside them.
        Assert.Equal(Greedy("dalle-pytorch-with-start-token"), Greedy("dalle-pytorch-without-token-shift"));
    }

    [Fact]
    public void Tokenized_prompts_have_the_length_that_is_promised_and_taken()
    {
        using var model = DalleModel.Load(Export("dalle-pytorch-with-start-token"));
        var ids = model.TokenizePrompt("abc");
        Assert.Equal(model.Info.TextLength, ids.Length);
        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1 } };
        using var expected = model.Generate("abc", seed: 1, options);
        using var actual = model.GenerateBatch([new GenerationRequest("abc", Seed: 1) { PromptTokens = ids }], options,
            cancellationToken: TestContext.Current.CancellationToken).Single();
        Assert.Equal(expected.Tokens, actual.Tokens);
    }

    [Theory]
    [InlineData("shift_tokens", "transformer.layers.layers.0.1.fn.fn.net.0.weight")]
    [InlineData("rotary_emb", "transformer.pos_emb")]
    [InlineData("reversible", "transformer.layers.blocks.0.f.net.scale")]
    [InlineData("sandwich_norm", "transformer.layers.layers.0.0.fn.norm_out.weight")]
    [InlineData("share_input_output_emb", "text_emb.linear.weight")]
    public void An_argument_that_the_tensors_contradict_is_refused_with_both_names(string argument, string tensor)
    {
        var model = new TinyDallePytorch(rotaryWidth: 0);
        model.Arguments[argument] = true;
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("dalle-pytorch", model.Write(_folder.Path), Path.Combine(_folder.Path, "bundle")));
        Assert.Contains($"'{argument}'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{tensor}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_before_a_tokenizer_file_is_skipped()
    {
        var cases = Path.Combine(Cases, "json-with-bom");
        foreach (var file in new[] { "vocab.json", "merges.txt" })
        {
            Assert.Equal([0xEF, 0xBB, 0xBF], File.ReadAllBytes(Path.Combine(cases, file))[..3]);
            File.WriteAllBytes(Path.Combine(_folder.Path, file), File.ReadAllBytes(Path.Combine(cases, file))[3..]);
        }
        var (marked, plain) = (BpeFiles.Read(Path.Combine(cases, "vocab.json"), Path.Combine(cases, "merges.txt")),
            BpeFiles.Read(Path.Combine(_folder.Path, "vocab.json"), Path.Combine(_folder.Path, "merges.txt")));
        Assert.Equal(plain.Vocabulary, marked.Vocabulary);
        Assert.Equal(plain.Merges, marked.Merges);
    }

    [Theory]
    [InlineData("dtype.pkl")]
    [InlineData("fabric-attrdict.pkl")]
    [InlineData("windowspath.pkl")]
    public void A_pickle_with_a_harmless_unknown_name_is_read(string pickle)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Cases, "pickles", pickle));
        var names = StateDictFlattener.Of(new PickleMachine(bytes, TorchGlobals.Find, new TorchStorages((_, type, count) => new Storage(type, count)).Load).Load());
        Assert.Contains("state_dict.decoder.conv_in.weight", names.Tensors.Keys);
    }

    private int[] Greedy(string checkpoint)
    {
        using var model = DalleModel.Load(Export(checkpoint));
        using var image = model.Generate("abc", seed: 1, new GenerationOptions { Sampling = new SamplingOptions { TopK = 1 } });
        return [.. image.Tokens];
    }

    private string Export(string checkpoint)
    {
        var output = Path.Combine(_folder.Path, checkpoint);
        BundleExporter.Export("dalle-pytorch", [Path.Combine(Cases, checkpoint)], output);
        return output;
    }
}
