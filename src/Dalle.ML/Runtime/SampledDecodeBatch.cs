using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>
/// Sequences that continue with the tokens that the <see cref="SamplingGraph"/> samples: cache, ids and tokens stay on the device, and
/// a step takes only the length of the sequences from the host.
/// </summary>
internal sealed class SampledDecodeBatch : DecodeBatch
{
    private readonly List<(string Name, OrtValue Value)> _inputs = [];
    private readonly OrtValue _firstStep = OrtValue.CreateTensorValueFromMemory(new long[1], [1]);
    private readonly OrtValue _known;
    private readonly long[] _tokens;
    private readonly OrtValue _tokensTensor;

    /// <param name="session">The transformer, which samples.</param>
    /// <param name="vocabulary">Number of entries of the codebook.</param>
    /// <param name="parameters">What is done to the logits; guided images have two rows.</param>
    /// <param name="uniforms">A number in the unit interval for each token of each image, [tokens, images].</param>
    /// <param name="known">The known tokens, −1 where tokens are sampled, of the same shape.</param>
    /// <param name="images">Number of images.</param>
    public SampledDecodeBatch(DecoderSession session, int vocabulary, SamplingParameters parameters, double[] uniforms, long[] known, int images)
        : base(session, parameters.IsGuided ? 2 * images : images)
    {
        long[] shape = [uniforms.Length / images, images];
        _known = OrtValue.CreateTensorValueFromMemory(known, shape);
        _tokens = new long[known.Length];
        _tokensTensor = OrtValue.CreateTensorValueFromMemory(_tokens, shape);
        CarryState(Session.Graph.Ids, SamplingGraph.NextIds, Rows, 1);
        CarryState(SamplingGraph.Tokens, SamplingGraph.NextTokens, shape);
        CarryState(SamplingGraph.Step, SamplingGraph.NextStep, 1);
        var (ranks, isRanked) = parameters.TopK > 0 && parameters.TopK < vocabulary ? (parameters.TopK, true) : (vocabulary, false);
        Input(SamplingGraph.Uniforms, uniforms, shape);
        Input(SamplingGraph.Guidance, [parameters.Guidance]);
        Input(SamplingGraph.Temperature, [parameters.IsGreedy ? 1 : parameters.Temperature]);
        Input(SamplingGraph.TopK, [(long)ranks]);
        Input(SamplingGraph.TopP, [(double)parameters.TopP]);
        Input(SamplingGraph.IsGreedy, [parameters.IsGreedy]);
        Input(SamplingGraph.FiltersByRank, [isRanked]);
        Input(SamplingGraph.FiltersByMass, [parameters.TopP < 1]);
        BindSteps();

        void CarryState(string past, string present, params long[] size) =>
            this.CarryState(past, present, () => new NativeTensor(session.MemoryOf(past), TensorElementType.Int64, size));
    }

    /// <summary>The tokens as last read, [tokens, images]; −1 where not sampled yet.</summary>
    public ReadOnlySpan<long> Tokens => _tokens;

    /// <summary>Runs the given ids of every row, [rows, sequence], samples the first token and reads it.</summary>
    public void Prefill(long[] ids)
    {
        var sequence = ids.Length / Rows;
        using var tensor = OrtValue.CreateTensorValueFromMemory(ids, [Rows, sequence]);
        RunPrefill(sequence, binding =>
        {
            binding.BindInput(Session.Graph.Ids, tensor);
            binding.BindInput(SamplingGraph.Tokens, _known);
            binding.BindInput(SamplingGraph.Step, _firstStep);
            Read(binding);
        });
    }

    /// <summary>Samples a token of each image, without waiting for it.</summary>
    public void Decode(bool reads) => RunDecode(reads ? Read : null);

    public override void Dispose()
    {
        base.Dispose();
        _inputs.ForEach(input => input.Value.Dispose());
        _firstStep.Dispose();
        _known.Dispose();
        _tokensTensor.Dispose();
    }

    protected override void BindFixed(OrtIoBinding binding) => _inputs.ForEach(input => binding.BindInput(input.Name, input.Value));

    private void Read(OrtIoBinding binding) => binding.BindOutput(SamplingGraph.TokensToRead, _tokensTensor);

    private void Input<T>(string name, T[] values, params long[] shape)
        where T : unmanaged => _inputs.Add((name, OrtValue.CreateTensorValueFromMemory(values, shape.Length == 0 ? [values.Length] : shape)));
}
