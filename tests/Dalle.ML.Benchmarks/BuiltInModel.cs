using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Images;
using Dalle.ML.Text;

namespace Dalle.ML.Benchmarks;

/// <summary>The model that is measured: as users have it, and in its parts.</summary>
internal sealed class BuiltInModel : IDisposable
{
    public const string Prompt = "a red apple on a blue background";

    public BuiltInModel()
    {
        Bundle = Bundle.Open(DalleModel.DefaultPath);
        var manifest = Bundle.Manifest;
        var tokenizer = new PromptTokenizer(Bundle, manifest.Text!);
        (PromptIds, UnconditionalIds) = (tokenizer.Encode(Prompt), tokenizer.Unconditional(Prompt));
        Decoder = new MeasuredDecoder("decoder", new(Bundle));
        SamplingDecoder = new MeasuredDecoder("decoder", new(Bundle), samplesTokens: true);
        Vae = new DiscreteVae(Bundle, DalleDevice.Cpu);
        Clip = new ClipModel(Bundle, manifest.Clip!, DalleDevice.Cpu);
        Model = DalleModel.LoadDefault();
    }

    public DalleModel Model { get; }

    public Bundle Bundle { get; }

    public ImageFormat Image => Bundle.Manifest.Image!;

    public long[] PromptIds { get; }

    public long[] UnconditionalIds { get; }

    public MeasuredDecoder Decoder { get; }

    /// <summary>The same, with the sampler in its graph.</summary>
    public MeasuredDecoder SamplingDecoder { get; }

    public DiscreteVae Vae { get; }

    public ClipModel Clip { get; }

    public void Dispose()
    {
        Model.Dispose();
        Clip.Dispose();
        Vae.Dispose();
        SamplingDecoder.Dispose();
        Decoder.Dispose();
    }
}
