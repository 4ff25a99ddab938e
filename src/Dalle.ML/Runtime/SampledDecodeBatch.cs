using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Dalle.ML.Runtime;

/// <summary>
/// Sequences that go on by themselves, by the tokens that the <see cref="SamplingGraph"/> draws: cache, ids and tokens stay on the device, and
/// a step takes nothing from the host but the length of the sequences.
/// </summary>
internal sealed class SampledDecodeBatch : DecodeBatch
{
    private readonly List<(string Name, OrtValue Value)> _inputs = [];
    private readonly OrtValue _firstStep = OrtValue.CreateTensorValueFromMemory(new long[1], [1]);
    private readonly OrtValue _given;
    private readonly long[] _codes;
    private readonly OrtValue _codesTensor;

    /// <param name="session">The transformer, which draws.</param>
    /// <param name="vocabulary">Number of codes.</param>
    /// <param name="filters">What is done to the logits; guided images have two rows.</param>
    /// <param name="uniforms">A number of the unit interval for each token of each image, [tokens, images].</param>
    /// <param name="given">The codes that are not drawn, −1 where they are, of the same shape.</param>
    /// <param name="images">Number of images.</param>
    public SampledDecodeBatch(DecoderSession session, int vocabulary, SamplingParameters filters, double[] uniforms, long[] given, int images)
        : base(session, filters.IsGuided ? 2 * images : images)
    {
        long[] shape = [uniforms.Length / images, images];
        _given = OrtValue.CreateTensorValueFromMemory(given, shape);
        _codes = new long[given.Length];
        _codesTensor = OrtValue.CreateTensorValueFromMemory(_codes, shape);
        CarryState(Session.Graph.Ids, SamplingGraph.NextIds, Rows, 1);
        CarryState(SamplingGraph.Codes, SamplingGraph.NextCodes, shape);
        CarryState(SamplingGraph.Step, SamplingGraph.NextStep, 1);
        var (ranks, isRanked) = filters.TopK > 0 && filters.TopK < vocabulary ? (filters.TopK, true) : (vocabulary, false);
        Input(SamplingGraph.Uniforms, uniforms, shape);
        Input(SamplingGraph.Guidance, [filters.Guidance]);
        Input(SamplingGraph.Temperature, [filters.IsGreedy ? 1 : filters.Temperature]);
        Input(SamplingGraph.TopK, [(long)ranks]);
        Input(SamplingGraph.TopP, [(double)filters.TopP]);
        Input(SamplingGraph.IsGreedy, [filters.IsGreedy]);
        Input(SamplingGraph.FiltersByRank, [isRanked]);
        Input(SamplingGraph.FiltersByMass, [filters.TopP < 1]);
        BindSteps();

        void CarryState(string past, string present, params long[] size) =>
            this.CarryState(past, present, () => new NativeTensor(session.MemoryOf(past), TensorElementType.Int64, size));
    }

    /// <summary>What was drawn when it was last read, [tokens, images]; −1 is still to come.</summary>
    public ReadOnlySpan<long> Codes => _codes;

    /// <summary>Runs the given ids of every row, [rows, sequence], draws the first token and reads it.</summary>
    public void Prefill(long[] ids)
    {
        var sequence = ids.Length / Rows;
        using var tensor = OrtValue.CreateTensorValueFromMemory(ids, [Rows, sequence]);
        Prefill(sequence, binding =>
        {
            binding.BindInput(Session.Graph.Ids, tensor);
            binding.BindInput(SamplingGraph.Codes, _given);
            binding.BindInput(SamplingGraph.Step, _firstStep);
            Read(binding);
        });
    }

    /// <summary>Draws a token of each image; it is there when it is read.</summary>
    public void Decode(bool reads) => Decode(reads ? Read : null);

    public override void Dispose()
    {
        base.Dispose();
        _inputs.ForEach(input => input.Value.Dispose());
        _firstStep.Dispose();
        _given.Dispose();
        _codesTensor.Dispose();
    }

    protected override void BindFixed(OrtIoBinding binding) => _inputs.ForEach(input => binding.BindInput(input.Name, input.Value));

    private void Read(OrtIoBinding binding) => binding.BindOutput(SamplingGraph.Drawn, _codesTensor);

    private void Input<T>(string name, T[] values, params long[] shape)
        where T : unmanaged => _inputs.Add((name, OrtValue.CreateTensorValueFromMemory(values, shape.Length == 0 ? [values.Length] : shape)));
}
