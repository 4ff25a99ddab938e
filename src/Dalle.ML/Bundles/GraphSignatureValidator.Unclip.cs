using Dalle.ML.Onnx;

namespace Dalle.ML.Bundles;

internal static partial class GraphSignatureValidator
{
    private static void CheckUnclip(Bundle bundle, UnclipGraphs unclip)
    {
        var dimension = unclip.EmbeddingDimension;
        OnnxValue[] conditions = [new("conditional", Bool, [null])];
        if (unclip.Text is { } text)
            conditions = [.. conditions, .. CheckText(bundle, text, dimension)];
        if (unclip.Image is { } image)
            Check(bundle, image.File, [new("pixels", Float, [null, 3, image.Size, image.Size])], [new("features", Float, [null, dimension])]);
        if (unclip.Prior is { } prior)
            CheckSteps(bundle, prior.Condition, [prior.File], conditions, [], Shape("x", dimension), Shape("prediction", dimension));

        OnnxValue embedding = Shape("embedding", dimension);
        foreach (var stage in unclip.Stages)
        {
            var channels = stage.Diffusion.Variance == Variance.Posterior ? 3 : 6;
            OnnxValue[] lowResolution = stage.LowResolution switch
            {
                null => [],
                { Noise: null } => [Pixels("low_res", 3)],
                _ => [Pixels("low_res", 3), new("low_res_level", Int64, [null])],
            };
            var steps = stage.Last is { } last ? new[] { stage.File, last.File } : [stage.File];
            CheckSteps(bundle, stage.Condition, steps, [.. conditions, embedding], lowResolution, Pixels("x", 3), Pixels("prediction", channels));

            OnnxValue Pixels(string name, int planes) => Shape(name, planes, stage.Size, stage.Size);
        }
    }

    /// <summary>Returns what the text tower tells the other networks.</summary>
    private static OnnxValue[] CheckText(Bundle bundle, UnclipText text, int dimension)
    {
        var outputs = Check(bundle, text.File, [new("ids", Int64, [null, text.Format.Total])],
        [
            Shape("pooled", dimension),
            new("sequence", Float, [null, text.Format.Total, null]),
            new("mask", Bool, [null, text.Format.Total]),
        ]).Outputs;
        return [.. outputs.Where(output => output.Name is "pooled" or "sequence" or "mask")];
    }

    /// <summary>Checks a graph of conditions, which may be none, and the graphs of steps that take what it gives.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="condition">File of the graph of conditions.</param>
    /// <param name="steps">Files of the graphs of steps.</param>
    /// <param name="conditions">What each of the graphs may take.</param>
    /// <param name="lowResolution">What the graphs of steps take besides <paramref name="x"/> and <c>t</c>.</param>
    /// <param name="x">What is denoised.</param>
    /// <param name="prediction">What a step gives.</param>
    private static void CheckSteps(
        Bundle bundle, string? condition, string[] steps, OnnxValue[] conditions, OnnxValue[] lowResolution, OnnxValue x, OnnxValue prediction)
    {
        OnnxValue[] required = [x, new("t", Int64, [null]), .. lowResolution];
        OnnxValue[] optional = [.. conditions, x with { Name = "self_condition" }];
        if (condition is not null)
        {
            var outputs = Check(bundle, condition, Taken(condition, conditions), []).Outputs;
            foreach (var output in outputs)
            {
                // Buffers are allocated by the sizes that the graph declares, so it must declare them.
                if (output.Dimensions.Count == 0 || output.Dimensions.Skip(1).Any(size => size is null))
                    throw bundle.Error($"the output {output} of the graph '{condition}' does not declare all sizes after the batch size.");
                if (IsLarge(output))
                    throw bundle.Error($"the output {output} of the graph '{condition}' takes more than {MaxContextBytes >> 20} MiB per image.");
                if (required.Concat(optional).Any(known => known.Name == output.Name))
                    throw bundle.Error($"the output {output} of the graph '{condition}' has the name of an input that it does not give.");
            }
            optional = [.. optional, .. outputs];
        }
        foreach (var file in steps)
            Check(bundle, file, [.. required, .. Taken(file, optional)], [prediction]);

        OnnxValue[] Taken(string file, OnnxValue[] known)
        {
            var inputs = Read(bundle, file).Inputs.Select(input => input.Name).ToHashSet();
            return [.. known.Where(value => inputs.Contains(value.Name))];
        }
    }

    private static OnnxValue Shape(string name, params ReadOnlySpan<int> sizes) => new(name, Float, [null, .. sizes.ToArray().Select(size => (long?)size)]);
}
