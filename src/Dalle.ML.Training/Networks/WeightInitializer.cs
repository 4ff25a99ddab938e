using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Networks;

/// <summary>Makes new weights, the same for a seed on every device.</summary>
internal sealed class WeightInitializer(Generator random, Device device)
{
    /// <summary>PyTorch's default for linear layers and convolutions of so many inputs.</summary>
    public Parameter Uniform(long inputs, params long[] shape) => Make(shape, values => values.uniform_(-1 / Math.Sqrt(inputs), 1 / Math.Sqrt(inputs), random));

    public Parameter Normal(double deviation, params long[] shape) => Make(shape, values => values.normal_(0, deviation, random));

    public Parameter Constant(double value, params long[] shape)
    {
        using var number = value.ToScalar();
        return Make(shape, values => values.fill_(number));
    }

    private Parameter Make(long[] shape, Func<Tensor, Tensor> fill)
    {
        using var scope = NewDisposeScope();
        return new Parameter(fill(empty(shape)).to(device).DetachFromDisposeScope());
    }
}
