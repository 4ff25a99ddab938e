using static TorchSharp.torch;
using Module = TorchSharp.torch.nn.Module;

namespace Dalle.ML.Training.Optimisation;

/// <summary>A group of parameters that are optimised alike.</summary>
/// <param name="WeightDecay">Their weight decay.</param>
/// <param name="Contains">Which parameters, by name and value, belong to it if they do not to one before.</param>
internal sealed record ParameterGroup(double WeightDecay, Func<string, Tensor, bool> Contains);

/// <summary>A group's place in the flat tensor.</summary>
internal readonly record struct ParameterRange(long Start, long Length, double WeightDecay);

/// <summary>
/// The parameters of a network and its replicas as views of one flat tensor, and their gradients as views of one each: an optimiser then
/// takes a handful of operations a step.
/// </summary>
internal sealed class FlatParameters : IDisposable
{
    private readonly List<(string Name, long[] Shape, long Start)> _places = [];

    /// <param name="replicas">Networks of the same architecture; all get the values of the first.</param>
    /// <param name="groups">Groups that together contain every parameter.</param>
    public FlatParameters(IReadOnlyList<Module> replicas, IReadOnlyList<ParameterGroup> groups)
    {
        var parameters = replicas[0].named_parameters().ToArray();
        var ranges = new List<ParameterRange>();
        long end = 0;
        foreach (var (index, group) in groups.Index())
        {
            var start = end;
            foreach (var (name, parameter) in parameters.Where(p => groups.Index().First(g => g.Item.Contains(p.name, p.parameter)).Index == index))
            {
                _places.Add((name, parameter.shape, end));
                end += parameter.numel();
            }
            ranges.Add(new(start, end - start, group.WeightDecay));
        }
        Ranges = ranges;
        using var off = no_grad();
        var device = parameters[0].parameter.device;
        Weights = Zeros(device);
        Gradients = [.. replicas.Select(_ => Zeros(device))];
        using var scope = NewDisposeScope();
        var values = parameters.ToDictionary(p => p.name, p => p.parameter);
        foreach (var (name, view) in Views(Weights))
            view.copy_(values[name]);
        for (var i = 0; i < replicas.Count; i++)
            Bind(replicas[i], Weights, Gradients[i]);
    }

    public Tensor Weights { get; }

    /// <summary>The gradients of each replica.</summary>
    public Tensor[] Gradients { get; }

    public IReadOnlyList<ParameterRange> Ranges { get; }

    /// <summary>Number of values.</summary>
    public long Count => Weights.numel();

    /// <summary>A flat tensor of zeros, of the size of all parameters.</summary>
    public Tensor Zeros(Device device) => zeros([_places.Sum(place => place.Shape.Aggregate(1L, (a, b) => a * b))], device: device).DetachFromDisposeScope();

    /// <summary>The parts of a flat tensor by the names of parameters.</summary>
    public IEnumerable<(string Name, Tensor View)> Views(Tensor flat) => _places.Select(place => (place.Name, View(flat, place.Shape, place.Start)));

    /// <summary>Makes the parameters of a network views of a flat tensor.</summary>
    public void Bind(Module network, Tensor flat, Tensor? gradients = null)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var places = _places.ToDictionary(place => place.Name);
        foreach (var (name, parameter) in network.named_parameters())
        {
            var (_, shape, start) = places[name];
            parameter.set_(View(flat, shape, start));
            if (gradients is null)
                parameter.requires_grad = false;
            else
                parameter.grad = View(gradients, shape, start).DetachFromDisposeScope();
        }
    }

    public void Dispose()
    {
        Weights.Dispose();
        foreach (var gradient in Gradients)
            gradient.Dispose();
    }

    // The weights of convolutions lie with channels innermost, as their images do.
    private static Tensor View(Tensor flat, long[] shape, long start)
    {
        var part = flat.narrow(0, start, shape.Aggregate(1L, (a, b) => a * b));
        return shape is [var to, var from, var height, var width] ? part.view(to, height, width, from).permute(0, 3, 1, 2) : part.view(shape);
    }
}
