using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Families;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Google.Protobuf;

namespace Dalle.ML.Export.Tests.ThirdParty;

/// <summary>A decoder of another tool, brought in by a manifest written by hand, samples what our own graph of the same weights samples.</summary>
public sealed class ThirdPartyDecoderTests : IDisposable
{
    // What a user of another tool writes.
    private const string Decoder = """
        {
          "file": "model.onnx",
          "imageIdOffset": 262,
          "ids": "input_ids",
          "positions": "position_ids",
          "attentionMask": "attention_mask",
          "logits": "logits",
          "logitsOffset": 262,
          "cache": {
            "kind": "concat",
            "layers": 4,
            "heads": 2,
            "headSize": 8,
            "capacity": 69,
            "pastKey": "past_key_values.{layer}.key",
            "pastValue": "past_key_values.{layer}.value",
            "presentKey": "present.{layer}.key",
            "presentValue": "present.{layer}.value"
          }
        }
        """;

    private static readonly string[] Prompts = ["a cat", "", "a cat", "a very long prompt"];

    private readonly TemporaryFolder _folder = new();
    private readonly DalleModel _own;
    private readonly DalleModel _foreign;

    public ThirdPartyDecoderTests()
    {
        var weights = new TinyDalle();
        var source = weights.Write(Path.Combine(_folder.Path, "source"), isSparse: false);
        var (own, foreign) = (Path.Combine(_folder.Path, "own"), Path.Combine(_folder.Path, "foreign"));
        foreach (var output in new[] { own, foreign })
            BundleExporter.Export("dalle", [source], output, new() { Clip = DalleModel.DefaultPath });
        Replace(foreign, weights);
        (_own, _foreign) = (DalleModel.Load(own), DalleModel.Load(foreign));
    }

    public void Dispose()
    {
        _own.Dispose();
        _foreign.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(0, 0, 1, 1)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(0.9, 5, 0.9, 1)]
    [InlineData(0, 0, 1, 3)]
    [InlineData(1, 6, 0.95, 1.7)]
    public void Samples_the_same_tokens(float temperature, int topK, float topP, float guidance)
    {
        var sampling = new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, GuidanceScale = guidance };
        AssertSame(Prompts.Select((prompt, i) => new GenerationRequest(prompt, (ulong)i)), sampling);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Completes_the_same_tokens(float guidance)
    {
        var kept = Enumerable.Range(0, 64).Select(i => i < 24 || i % 8 == 0 ? i % TinyDalle.CodebookSize : -1).ToArray();
        var requests = Prompts.Select((prompt, i) => new GenerationRequest(prompt, (ulong)i) { KnownTokens = kept });
        AssertSame(requests, new() { Temperature = 1, GuidanceScale = guidance });
    }

    [Fact]
    public void Ranks_the_same_candidates()
    {
        var options = new GenerationOptions { Candidates = 5, Sampling = new() { Temperature = 1, GuidanceScale = 1.5f } };
        var (expected, actual) = (Candidates(_own), Candidates(_foreign));
        Assert.Equal(5, expected.Distinct().Count());
        Assert.Equal(expected, actual);

        string[] Candidates(DalleModel model) => [.. model.GenerateCandidates(new GenerationRequest("a cat", 7), options).Select(TokensOf)];
    }

    [Fact]
    public void Samples_the_same_tokens_in_its_graph()
    {
        using SamplerHarness inGraph = new(Bundle.Open(_foreign.Info.Path), isInGraph: true), onHost = new(Bundle.Open(_own.Info.Path), isInGraph: false);
        var filters = new SamplingParameters(Guidance: 1.7f, TopK: 6, TopP: 0.95f);
        Assert.Equal(onHost.Generate(Prompts, filters), inGraph.Generate(Prompts, filters));
    }

    [Fact]
    public void A_graph_of_old_operators_cannot_draw_by_itself()
    {
        var bundle = Bundle.Open(_foreign.Info.Path);
        var path = bundle.PathOf(bundle.Manifest.Decoder!.File);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        model.OpsetImport.Single(set => set.Domain.Length == 0).Version = 12;
        File.WriteAllBytes(path, model.ToByteArray());
        var error = Assert.Throws<DalleBundleException>(() => new SamplerHarness(bundle, isInGraph: true));
        Assert.Contains("operator set 12", error.Message, StringComparison.Ordinal);
    }

    private void AssertSame(IEnumerable<GenerationRequest> requests, SamplingOptions sampling)
    {
        var options = new GenerationOptions { Candidates = 1, Sampling = sampling };
        var (expected, actual) = (Generate(_own), Generate(_foreign));
        Assert.True(expected.Distinct().Count() > 1, "all prompts drew the same");
        Assert.Equal(expected, actual);

        string[] Generate(DalleModel model) => [.. model.GenerateBatch([.. requests], options).Select(TokensOf)];
    }

    private static string TokensOf(GeneratedImage image)
    {
        using (image)
            return string.Join(' ', image.Tokens);
    }

    /// <summary>Puts the foreign graph in the place of a bundle's own.</summary>
    private static void Replace(string folder, TinyDalle weights)
    {
        var path = Path.Combine(folder, Bundle.ManifestName);
        var manifest = JsonNode.Parse(File.ReadAllBytes(path))!;
        var files = manifest["files"]!.AsObject();
        // That of the text has the same weights.
        manifest.AsObject().Remove("textDecoder");
        foreach (var file in new[] { "text_decoder.onnx", "decoder.onnx", "decoder.weights" })
        {
            File.Delete(Path.Combine(folder, file));
            files.Remove(file);
        }
        ThirdPartyDecoder.Write(weights, Path.Combine(folder, "model.onnx"));
        foreach (var file in new[] { "model.onnx", "model.weights" })
        {
            var record = Bundle.Describe(Path.Combine(folder, file));
            files[file] = new JsonObject { ["size"] = record.Size, ["sha256"] = record.Sha256 };
        }
        manifest["decoder"] = JsonNode.Parse(Decoder);
        File.WriteAllText(path, manifest.ToJsonString());
    }
}
