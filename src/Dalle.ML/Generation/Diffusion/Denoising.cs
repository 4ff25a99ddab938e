using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Diffusion;

/// <summary>One run of a <see cref="DiffusionNetwork"/>.</summary>
/// <param name="Scheduler">The steps.</param>
/// <param name="Guidance">Scale of guidance; 1 for none.</param>
/// <param name="Conditions">Adds what the network is told to its inputs, for a number of rows.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Report">Receives the number of steps done, that of all, and the estimate of the clean x.</param>
internal sealed record Denoising(
    Scheduler Scheduler, float Guidance, Action<NamedTensors, int> Conditions, ulong Seed, Action<int, int, float[]> Report)
{
    /// <summary>Number of the candidate.</summary>
    public int Candidate { get; init; }

    /// <summary>Length to which the initial noise is brought; null to leave it as it is.</summary>
    public float? NoiseLength { get; init; }

    /// <summary>The clean x whose noise is found first, and is started from; null to start from noise of the seed.</summary>
    public Inversion? Inversion { get; init; }

    /// <summary>Cancels this run alone.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The part of x that is known; null for none.</summary>
    public KnownPart? Known { get; init; }
}

/// <summary>A clean x, and the steps that are taken backwards from it.</summary>
internal sealed record Inversion(float[] Clean, DdimScheduler Scheduler);

/// <summary>
/// The part of x that is known. It is put into x, as noisy as that, before each step, and a step may be undone and repeated so that the rest
/// fits it (Lugmayr et al. 2022, "RePaint").
/// </summary>
/// <param name="Values">The clean x.</param>
/// <param name="IsKnown">For each pixel whether it is known.</param>
/// <param name="Passes">How often each step is taken; null to put the known part into the result alone.</param>
internal sealed record KnownPart(float[] Values, bool[] IsKnown, int? Passes)
{
    /// <summary>Puts the known values, or others of them, into x.</summary>
    public void PutInto(float[] x, float[] values)
    {
        for (var i = 0; i < x.Length; i++)
        {
            if (IsKnown[i % IsKnown.Length])
                x[i] = values[i];
        }
    }
}
