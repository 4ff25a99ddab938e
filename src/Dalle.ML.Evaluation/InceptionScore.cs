using System.Numerics.Tensors;

namespace Dalle.ML.Evaluation;

/// <summary>
/// The Inception Score of logits that come one by one: exp of the mean divergence of an image's classes from those of all images. As in
/// openai/improved-gan the images are split in their order, and the score is the mean over the splits.
/// </summary>
public sealed class InceptionScore
{
    private readonly int _images;
    private readonly double[][] _sums;
    private readonly double[] _negativeEntropies;
    private readonly double[] _probabilities;
    private readonly double[] _logs;
    private int _count;

    /// <summary>A score of no images yet.</summary>
    /// <param name="images">The number of images that there will be.</param>
    /// <param name="classes">The number of logits of an image.</param>
    /// <param name="splits">The number of parts; papers use 10.</param>
    public InceptionScore(int images, int classes, int splits = 10)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(images, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(splits, 1);
        if (splits > images)
            throw new ArgumentException($"{images} images cannot be split into {splits} parts: use at most {images} splits.", nameof(splits));
        _images = images;
        _sums = [.. Enumerable.Range(0, splits).Select(_ => new double[classes])];
        _negativeEntropies = new double[splits];
        _probabilities = new double[classes];
        _logs = new double[classes];
    }

    /// <summary>Adds the logits of the next image.</summary>
    /// <exception cref="ArgumentException">Another number of logits, or one that is not finite.</exception>
    /// <exception cref="InvalidOperationException">All images were added.</exception>
    public void Add(ReadOnlySpan<float> logits)
    {
        if (logits.Length != _logs.Length)
            throw new ArgumentException($"Image {_count + 1} has {logits.Length} logits where {_logs.Length} are expected.", nameof(logits));
        if (_count == _images)
            throw new InvalidOperationException($"All of the {_images} images were added.");
        for (var i = 0; i < logits.Length; i++)
        {
            if (!float.IsFinite(logits[i]))
                throw new ArgumentException($"Logit {i} of image {_count + 1} is {logits[i]}.", nameof(logits));
            _logs[i] = logits[i];
        }

        // Log-softmax: the logarithm of a probability that became zero would make the score NaN.
        TensorPrimitives.Subtract(_logs, TensorPrimitives.Max<double>(_logs), _logs);
        TensorPrimitives.Exp<double>(_logs, _probabilities);
        var sum = TensorPrimitives.Sum<double>(_probabilities);
        TensorPrimitives.Subtract(_logs, Math.Log(sum), _logs);
        TensorPrimitives.Divide(_probabilities, sum, _probabilities);

        // Split i has the images from i·N/splits (rounded down) on.
        var split = (int)((((long)_count + 1) * _sums.Length - 1) / _images);
        TensorPrimitives.Add(_sums[split], _probabilities, _sums[split]);
        _negativeEntropies[split] += TensorPrimitives.Dot<double>(_probabilities, _logs);
        _count++;
    }

    /// <summary>The mean over the splits, and their standard deviation with the divisor N as in improved-gan.</summary>
    /// <exception cref="InvalidOperationException">Images are missing.</exception>
    public (double Mean, double StandardDeviation) Compute()
    {
        if (_count < _images)
            throw new InvalidOperationException($"{_images} images were announced and {_count} added.");
        double[] scores = [.. Enumerable.Range(0, _sums.Length).Select(Score)];
        return Moments.Of(scores);
    }

    private double Score(int split)
    {
        var count = (split + 1L) * _images / _sums.Length - (long)split * _images / _sums.Length;
        var entropy = _sums[split].Select(sum => sum / count).Sum(mean => mean > 0 ? mean * Math.Log(mean) : 0);
        return Math.Exp(_negativeEntropies[split] / count - entropy);
    }
}
