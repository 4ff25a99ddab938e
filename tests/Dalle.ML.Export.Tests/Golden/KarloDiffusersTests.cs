using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The networks of Karlo in the layout of diffusers against diffusers and against Karlo's own files of the same weights.</summary>
[Trait("Category", "Golden")]
public sealed class KarloDiffusersTests
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    [Theory]
    [InlineData("original")]
    [InlineData("diffusers")]
    public void Networks_of_both_layouts_give_the_reference_predictions(string source)
    {
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo-diffusers"), source);
        bundle.AddText();
        bundle.Add("x", "forward/prior_x");
        bundle.Add("t", "forward/prior_t");
        Near.Values(bundle.Floats("forward/prior_forward"), bundle.PredictPrior(), "prior");

        bundle.Add("x", "forward/decoder_x");
        bundle.Add("t", "forward/decoder_t");
        bundle.Add("embedding", "forward/decoder_y");
        Near.Values(bundle.Floats("forward/decoder_forward"), bundle.PredictStage(0), "decoder");
        AssertConditions(bundle, bundle.Floats("forward/text_proj_hidden_states"), "forward/text_proj_time");

        bundle.Add("x", "forward/sr_x");
        bundle.Add("low_res", "forward/sr_low_res");
        bundle.Add("t", [TimestepOf("karlo-diffusers/forward/sr_forward_first.npy")], 1);
        Near.Values(bundle.Floats("forward/sr_forward_first"), bundle.PredictStage(1), "first steps");
        bundle.Add("t", [TimestepOf("karlo-diffusers/forward/sr_forward_last.npy")], 1);
        Near.Values(bundle.Floats("forward/sr_forward_last"), bundle.Predict(null, bundle.Unclip.Stages[1].Last!.File), "last step");

        bundle.Add("ids", "tokens");
        bundle.Run(bundle.Unclip.Text!.File);
        Near.Values(bundle.Floats("txt_feat"), bundle.Values<float>("pooled"), "text embedding");
        Near.Values(bundle.Floats("txt_feat_seq"), bundle.Values<float>("sequence"), "hidden states");
        Assert.Equal(Array.ConvertAll(bundle.Read("mask").Data, value => value != 0), bundle.Values<bool>("mask"));

        // The graph normalises pixels itself.
        var pixels = bundle.Read("forward/vision_pixels");
        var plane = pixels.Shape[2] * pixels.Shape[3];
        bundle.Add("pixels", [.. pixels.Floats().Select((value, i) => value * Deviation[i / plane % 3] + Mean[i / plane % 3])], [.. pixels.Shape.Select(size => (long)size)]);
        bundle.Run(bundle.Unclip.Image!.File);
        Near.Values(bundle.Floats("forward/vision_features"), bundle.Values<float>("features"), "image embedding");
    }

    [Fact]
    public void Every_tensor_of_the_published_layout_has_its_original_name_and_shape()
    {
        var rows = File.ReadLines(Path.Combine(GoldenFolder.Of("karlo-diffusers"), "mapping_fullsize.tsv")).Skip(1).Select(line => line.Split('\t')).ToArray();
        var folders = rows.GroupBy(row => row[0]).ToDictionary(folder => folder.Key, folder => new ShapesCheckpoint(
            folder.ToDictionary(row => row[1], row => row[2].Length == 0 ? [] : row[2].Split('x').Select(int.Parse).ToArray())));
        (string Prefix, Checkpoint View)[] views =
        [
            ("model.", KarloDiffusersNames.Prior(folders["prior"], heads: null)), ("model.", KarloDiffusersNames.Unet(folders["decoder"], 64, folders["text_proj"])),
            ("model_first_steps.", KarloDiffusersNames.Unet(folders["super_res_first"], 64)), ("model_last_step.", KarloDiffusersNames.Unet(folders["super_res_last"], 64)),
        ];
        var expected = rows.Select(row => row[3]).Where(name => !name.StartsWith("stats", StringComparison.Ordinal)).Distinct();
        Assert.Equal(expected.Order(StringComparer.Ordinal), views.SelectMany(view => view.View.Names.Select(name => view.Prefix + name)).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Respaced_timesteps_are_those_of_diffusers()
    {
        var cases = JsonSerializer.Deserialize<Dictionary<int, int[]>>(File.ReadAllText(Path.Combine(GoldenFolder.Of("karlo-diffusers"), "scheduler_steps.json")))!;
        Assert.All(cases, steps => Assert.Equal(steps.Value.Reverse(), Respacing.Spread(1000, steps.Key, multiplies: true)));
    }

    [Fact]
    public void Both_layouts_of_the_same_weights_give_the_same_graphs_and_weights()
    {
        using KarloBundle original = new(GoldenFolder.Of("karlo-diffusers"), "original"), diffusers = new(GoldenFolder.Of("karlo-diffusers"), "diffusers");
        string[] Graphs(KarloBundle bundle) => [.. bundle.Bundle.Manifest.Files.Keys.Where(file => file.EndsWith(".onnx", StringComparison.Ordinal) || file.EndsWith(".weights", StringComparison.Ordinal))];
        Assert.Equal(Graphs(original), Graphs(diffusers));
        Assert.All(Graphs(original), file => Assert.Equal(original.Bundle.Manifest.Files[file], diffusers.Bundle.Manifest.Files[file]));
    }

    [Fact]
    public void Files_of_torch_give_the_reference_predictions()
    {
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"), "diffusers");
        AssertOutputs(bundle);
    }

    [Theory]
    [InlineData("prior", "prior_scale")]
    [InlineData("decoder", "decoder_scale")]
    [InlineData("super_res", null)]
    public void Steps_of_the_pipeline_are_those_of_the_reference(string network, string? guidance)
    {
        const string Out = "diffusers/out/";
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"), "diffusers");
        var rules = network switch { "prior" => bundle.Unclip.Prior!.Diffusion, "decoder" => bundle.Unclip.Stages[0].Diffusion, _ => bundle.Unclip.Stages[1].Diffusion };
        var (steps, noise) = (bundle.Read(Out + network + "_steps"), bundle.Read(Out + network + "_noise"));
        var scheduler = Scheduler.Create(rules, DiffusionSampler.Ddpm, steps.Shape[0]);
        Assert.Equal(bundle.Read(Out + network + "_timesteps").Longs(), Enumerable.Range(0, scheduler.Steps).Select(scheduler.Timestep));

        // The row of the empty prompt comes first.
        var rows = guidance is null ? 1 : 2;
        bundle.AddText(Out + "text_embeds", Out + "last_hidden_state", Out + "mask");
        bundle.Add("conditional", [false, true], 2);
        var embedding = bundle.Floats(Out + "image_embeddings");
        bundle.Add("embedding", [.. embedding, .. embedding], 2, embedding.Length);
        if (network == "super_res")
            bundle.Add("low_res", Out + "upscaled");
        using var call = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(bundle.Root, Out, "call.json")));
        var scale = guidance is null ? 1 : call.RootElement.GetProperty(guidance).GetSingle();

        var (expected, fresh) = (steps.Floats().Chunk(steps.Floats().Length / steps.Shape[0]).ToArray(), noise.Floats().Chunk(noise.Floats().Length / noise.Shape[0]).ToArray());
        for (var step = 0; step < scheduler.Steps; step++)
        {
            var x = (step == 0 ? fresh[0] : expected[step - 1]).ToArray();
            bundle.Add("x", [.. Enumerable.Repeat(x, rows).SelectMany(values => values)], [rows, .. steps.Shape[1..].Select(size => (long)size)]);
            bundle.Add("t", [.. Enumerable.Repeat(scheduler.Timestep(step), rows)], rows);
            var stages = bundle.Unclip.Stages;
            var all = network switch
            {
                "prior" => bundle.PredictPrior(),
                "decoder" => bundle.PredictStage(0),
                _ => bundle.Predict(null, step == scheduler.Steps - 1 ? stages[1].Last!.File : stages[1].File),
            };
            var prediction = all[(all.Length - all.Length / rows)..];
            for (var i = 0; rows == 2 && i < x.Length; i++)
                prediction[i] = all[i] + scale * (prediction[i] - all[i]);
            var clean = new float[x.Length];
            scheduler.PredictClean(step, x, prediction, clean);
            scheduler.Step(step, x, prediction, clean, scheduler.AddsNoise(step) ? fresh[step + 1] : []);
            Near.Values(expected[step], x, $"{network}, step {step}");
        }
    }

    [Fact]
    public void The_small_image_of_the_pipeline_is_enlarged_to_the_reference()
    {
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"), "diffusers");
        var (steps, upscaled) = (bundle.Read("diffusers/out/decoder_steps"), bundle.Read("diffusers/out/upscaled"));
        float[] small = [.. steps.Floats()[^(steps.Floats().Length / steps.Shape[0])..].Select(value => Math.Clamp(value, -1, 1))];
        var enlarged = FloatResampler.Squash(new ImageTensor(steps.Shape[3], steps.Shape[2], small), upscaled.Shape[3], upscaled.Shape[2]);
        Near.Values(upscaled.Floats(), enlarged.Values, "enlarged image");
        var embedding = bundle.Read("diffusers/out/prior_steps").Floats()[^bundle.Unclip.EmbeddingDimension..];
        var statistics = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(bundle.Bundle.PathOf(bundle.Unclip.Prior!.Statistics!))).ToArray();
        Near.Values(bundle.Floats("diffusers/out/image_embeddings"), [.. embedding.Select((value, i) => value * statistics[embedding.Length + i] + statistics[i])], "image embedding");
    }

    [Fact]
    public void Files_of_32_bits_give_the_same_bundle_as_files_of_16()
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(GoldenFolder.Of("karlo"), "diffusers");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder.Path, "diffusers", Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            if (file.EndsWith(".bin", StringComparison.Ordinal))
                SafetensorsWriter.Copy(file, Path.ChangeExtension(copy, ".fp16.safetensors"), (_, tensor) => tensor);
            else
                File.Copy(file, copy);
        }
        var output = Path.Combine(folder.Path, "bundle");
        BundleExporter.Export("karlo", [Path.Combine(folder.Path, "diffusers")], output, new ExportOptions { Precision = Precision.Fp16 });
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"), "diffusers") { Precision = Precision.Fp16 };
        var (expected, actual) = (bundle.Bundle.Manifest.Files, Bundle.Open(output).Manifest.Files);
        Assert.All(expected.Where(file => file.Key.StartsWith("prior", StringComparison.Ordinal) || file.Key.StartsWith("decoder", StringComparison.Ordinal)
            || file.Key.StartsWith("upsampler", StringComparison.Ordinal)), file => Assert.Equal(file.Value, actual[file.Key]));
    }

    [Fact]
    public void Schedulers_and_configurations_become_the_rules_of_diffusion()
    {
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"), "diffusers");
        var unclip = bundle.Unclip;
        using var scheduler = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(bundle.Root, "diffusers", "prior_scheduler", "scheduler_config.json")));
        Assert.Equal(new Clamp { Kind = ClampKind.Range, Value = scheduler.RootElement.GetProperty("clip_sample_range").GetSingle() }, unclip.Prior!.Diffusion.Clamp);
        Assert.Equal(scheduler.RootElement.GetProperty("num_train_timesteps").GetInt32(), unclip.Prior.Diffusion.Schedule.Timesteps);
        Assert.True(unclip.Prior.Diffusion.Schedule.IsSingle);
        Assert.Equal(bundle.Read("diffusers/out/decoder_x").Shape[2], unclip.Stages[0].Size);
        Assert.Equal(bundle.Read("diffusers/out/sr_x").Shape[2], unclip.Stages[1].Size);
        Assert.Equal((Variance.Learned, 25, 7), (unclip.Stages[0].Diffusion.Variance, unclip.Stages[0].Diffusion.Steps, unclip.Stages[1].Diffusion.Steps));
    }

    [Theory]
    [InlineData("prior_scheduler/scheduler_config.json", "prediction_type", "\"epsilon\"")]
    [InlineData("decoder_scheduler/scheduler_config.json", "variance_type", "\"fixed_small_log\"")]
    [InlineData("super_res_scheduler/scheduler_config.json", "beta_schedule", "\"linear\"")]
    [InlineData("decoder/config.json", "norm_num_groups", "16")]
    [InlineData("super_res_last/config.json", "norm_eps", "1e-3")]
    [InlineData("text_encoder/config.json", "hidden_act", "\"gelu\"")]
    public void A_configuration_of_another_arithmetic_is_refused_by_its_value(string file, string name, string value)
    {
        using var folder = new TemporaryFolder();
        var copy = folder.CopyOf(Path.Combine(GoldenFolder.Of("karlo"), "diffusers"), "diffusers");
        var path = Path.Combine(copy, file);
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json[name] = JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString());
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("karlo", [copy], Path.Combine(folder.Path, "bundle")));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text_proj")]
    [InlineData("super_res_last")]
    [InlineData("text_encoder")]
    public void A_folder_without_a_part_that_others_need_is_refused_with_what_is_missing(string part)
    {
        using var folder = new TemporaryFolder();
        var source = Path.Combine(GoldenFolder.Of("karlo"), "diffusers");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Where(file => !Path.GetRelativePath(source, file).StartsWith(part, StringComparison.Ordinal)))
        {
            var copy = Path.Combine(folder.Path, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        var error = Assert.Throws<FileNotFoundException>(() => BundleExporter.Export("karlo", [folder.Path], Path.Combine(folder.Path, "bundle")));
        Assert.Contains($"'{part}'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Compares with what the pipeline of diffusers made on its way.</summary>
    private static void AssertOutputs(KarloBundle bundle)
    {
        const string Out = "diffusers/out/";
        var (prior, decoder) = (TimestepOf("karlo/diffusers/out/prior_forward.npy"), TimestepOf("karlo/diffusers/out/decoder_forward.npy"));
        var tokenizer = new PromptTokenizer(bundle.Bundle, bundle.Unclip.Text!.Format);
        var prompt = JsonSerializer.Deserialize<string>(File.ReadAllText(Path.Combine(bundle.Root, "diffusers", "prompt.json")))!;
        Assert.Equal(bundle.Read(Out + "tokens").Longs(), tokenizer.Unconditional(prompt).Concat(tokenizer.Encode(prompt)));
        bundle.Add("ids", Out + "tokens");
        bundle.Run(bundle.Unclip.Text!.File);
        Near.Values(bundle.Floats(Out + "text_embeds"), bundle.Values<float>("pooled"), "text embedding");
        Near.Values(bundle.Floats(Out + "last_hidden_state"), bundle.Values<float>("sequence"), "hidden states");
        Assert.Equal(Array.ConvertAll(bundle.Read(Out + "mask").Data, value => value != 0), bundle.Values<bool>("mask"));

        bundle.AddText(Out + "text_embeds", Out + "last_hidden_state", Out + "mask");
        bundle.Add("x", Out + "prior_x");
        bundle.Add("t", [prior, prior], 2);
        Near.Values(bundle.Floats(Out + "prior_forward"), bundle.PredictPrior(), "prior");

        // The row of the empty prompt comes first.
        var embedding = bundle.Floats(Out + "image_embedding");
        bundle.Add("embedding", [.. embedding, .. embedding], 2, embedding.Length);
        bundle.Add("conditional", [false, true], 2);
        bundle.Add("x", Out + "decoder_x");
        bundle.Add("t", [decoder, decoder], 2);
        Near.Values(bundle.Floats(Out + "decoder_forward"), bundle.PredictStage(0), "decoder");
        // This version has the channels before the places.
        var context = bundle.Read(Out + "text_proj_hidden");
        var places = new Tensor(context.Floats(), isFloat16: false, context.Shape).Transpose(0, 2, 1);
        AssertConditions(bundle, places.Values, Out + "text_proj_time");

        bundle.Add("x", Out + "sr_x");
        bundle.Add("low_res", Out + "sr_low_res");
        bundle.Add("t", [TimestepOf("karlo/diffusers/out/sr_first_forward.npy")], 1);
        Near.Values(bundle.Floats(Out + "sr_first_forward"), bundle.PredictStage(1), "first steps");
        bundle.Add("t", [TimestepOf("karlo/diffusers/out/sr_last_forward.npy")], 1);
        Near.Values(bundle.Floats(Out + "sr_last_forward"), bundle.Predict(null, bundle.Unclip.Stages[1].Last!.File), "last step");
    }

    // No array holds these.
    private static long TimestepOf(string file) => (long)GoldenReadme.Number(file, "t =");

    /// <summary>Compares what the decoder makes of embedding and text.</summary>
    private static void AssertConditions(KarloBundle bundle, float[] context, string time)
    {
        var file = bundle.Unclip.Stages[0].Condition!;
        var states = bundle.RunFor(file, new Dictionary<string, (string, string)> { ["context"] = ("Concat", "Concat") });
        Near.Values(context, states["context"], "context");
        Near.Values(bundle.Floats(time), bundle.Values<float>("time_addition"), "addition to the timestep");
    }
}
