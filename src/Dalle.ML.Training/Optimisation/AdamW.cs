using Dalle.ML.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Optimisation;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) on flat parameters, after clipping the gradients' norm. Each replica's thread does a part: first all
/// sum gradients, then they meet, then all update.
/// </summary>
internal sealed class AdamW : IDisposable
{
    private static readonly Scalar Epsilon = 1e-8.ToScalar();

    private readonly FlatParameters _parameters;
    private readonly TrainingSchedule _schedule;
    private readonly double[] _squares;

    public AdamW(FlatParameters parameters, TrainingSchedule schedule)
    {
        (_parameters, _schedule) = (parameters, schedule);
        _squares = new double[parameters.Gradients.Length];
        var device = parameters.Weights.device;
        (Mean, Square) = (parameters.Zeros(device), parameters.Zeros(device));
        if (schedule.AverageDecay is not null)
            Average = parameters.Weights.clone().DetachFromDisposeScope();
    }

    /// <summary>The moving average of the gradients.</summary>
    public Tensor Mean { get; }

    /// <summary>The moving average of their squares.</summary>
    public Tensor Square { get; }

    /// <summary>The moving average of the weights, if the schedule has one.</summary>
    public Tensor? Average { get; }

    /// <summary>Adds up a part of the gradients of all replicas.</summary>
    public void SumGradients(int replica)
    {
        using var scope = NewDisposeScope();
        var (start, length) = Part(replica);
        var sum = _parameters.Gradients[0].narrow(0, start, length);
        foreach (var gradient in _parameters.Gradients.Skip(1))
            sum.add_(gradient.narrow(0, start, length), Arithmetic.One);
        _squares[replica] = sum.dot(sum).Number();
    }

    /// <summary>Updates a part of the weights.</summary>
    /// <param name="replica">Whose part.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="isLearning">Whether a group of parameters learns in this step.</param>
    /// <exception cref="ArithmeticException">The gradients are not finite.</exception>
    public void Update(int replica, long step, double rate, Func<int, bool> isLearning)
    {
        using var scope = NewDisposeScope();
        var norm = Math.Sqrt(_squares.Sum());
        if (!double.IsFinite(norm))
        {
            throw new ArithmeticException($"Training does not converge: in step {step} the gradients are not finite. Lower the learning rate ({_schedule.LearningRate}) "
                + "or raise the number of warm-up steps; the last checkpoint is from before.");
        }
        var scale = Math.Min(1, _schedule.ClipNorm / (norm + 1e-6));
        var (from, length) = Part(replica);
        foreach (var (index, range) in _parameters.Ranges.Index())
        {
            var start = Math.Max(from, range.Start);
            var count = Math.Min(from + length, range.Start + range.Length) - start;
            if (count > 0 && isLearning(index))
                Update(start, count, step, rate, range.WeightDecay, scale);
        }
        if (Average is { } average)
        {
            // Young averages follow faster, or they would remember the random weights of the beginning.
            var decay = Math.Min(_schedule.AverageDecay!.Value, (1.0 + step) / (10.0 + step));
            average.narrow(0, from, length).lerp_(_parameters.Weights.narrow(0, from, length), 1 - decay);
        }
    }

    public void Dispose()
    {
        Mean.Dispose();
        Square.Dispose();
        Average?.Dispose();
    }

    private void Update(long start, long count, long step, double rate, double weightDecay, double scale)
    {
        var (beta1, beta2) = (_schedule.Beta1, _schedule.Beta2);
        using Scalar clipping = scale.ToScalar(), decay = (1 - rate * weightDecay).ToScalar();
        using Scalar oldOfSquare = beta2.ToScalar(), newOfSquare = (1 - beta2).ToScalar();
        using Scalar correction = Math.Sqrt(1 - Math.Pow(beta2, step)).ToScalar(), move = (-rate / (1 - Math.Pow(beta1, step))).ToScalar();
        var gradient = _parameters.Gradients[0].narrow(0, start, count).mul_(clipping);
        var weights = _parameters.Weights.narrow(0, start, count).mul_(decay);
        var mean = Mean.narrow(0, start, count).lerp_(gradient, 1 - beta1);
        var square = Square.narrow(0, start, count).mul_(oldOfSquare).addcmul_(gradient, gradient, newOfSquare);
        var deviation = square.sqrt().div_(correction).add_(Epsilon, Arithmetic.One);
        weights.addcdiv_(mean, deviation, move);
    }

    private (long Start, long Length) Part(int replica)
    {
        var start = _parameters.Count * replica / _squares.Length;
        return (start, _parameters.Count * (replica + 1) / _squares.Length - start);
    }
}
