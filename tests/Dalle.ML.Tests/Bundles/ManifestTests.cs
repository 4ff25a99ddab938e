using Dalle.ML.Bundles;

namespace Dalle.ML.Tests.Bundles;

public sealed class ManifestTests
{
    [Fact]
    public void What_a_manifest_leaves_out_has_its_default()
    {
        var manifest = Manifest.Parse("""
            {
              "format": 1, "name": "x", "family": "x", "precision": "fp32", "files": {},
              "image": { "width": 8, "height": 8, "rows": 1, "columns": 1, "vocabulary": 2 },
              "text": { "tokenizer": { "kind": "youTokenToMe", "vocabulary": "bpe.model" }, "vocabulary": 9, "length": 1, "padding": "shared", "paddingId": 0 },
              "textEncoder": { "file": "text.onnx", "outputs": ["states"] },
              "decoder": {
                "file": "decoder.onnx", "imageIdOffset": 0,
                "cache": { "layers": 1, "heads": 1, "headSize": 1, "capacity": 1 },
                "state": { "count": 1, "shape": [1] }
              },
              "clip": {
                "textEncoder": "a.onnx", "imageEncoder": "b.onnx", "embedding": 1, "imageSize": 1, "scale": 1,
                "text": { "tokenizer": { "kind": "clipBpe", "vocabulary": "v" }, "vocabulary": 9, "length": 1, "padding": "shared", "paddingId": 0 }
              }
            }
            """u8.ToArray());
        Assert.Equal((1, 1, 0, 1, 1), (manifest.Sampling.Temperature, manifest.Sampling.Guidance, manifest.Sampling.TopK, manifest.Sampling.TopP, manifest.Sampling.Candidates));
        Assert.Equal(ResampleFilter.Bicubic, manifest.Image!.Resample);
        Assert.Equal(ResampleFilter.Bicubic, manifest.Clip!.Resample);
        Assert.Empty(manifest.Text!.Prefix.Concat(manifest.Text.BosTokens).Concat(manifest.Text.EosTokens));
        Assert.Empty(manifest.Text.Cleaning);
        Assert.Equal(("ids", "ids", "logits"), (manifest.TextEncoder!.Ids, manifest.Decoder!.Ids, manifest.Decoder.Logits));
        Assert.Empty(manifest.Decoder.Start);
        Assert.Equal(("past_key_0", "present_key_0"), manifest.Decoder.Cache.Names(0).First());
        Assert.Equal(("past_state_0", "present_state_0"), manifest.Decoder.State!.Names.Single());
    }
}
