using Dalle.ML.Generation;

namespace Dalle.ML.Training.Optimisation;

/// <summary>
/// Seeds of all that is random: a function of what it is for, so that a run that goes on needs none of the state of the one before.
/// </summary>
internal readonly record struct StepSeeds(int Seed, TrainingStage Stage)
{
    /// <summary>For the first weights.</summary>
    public int Weights => At(0, 0, 0);

    /// <summary>For the order of an epoch.</summary>
    public int Order(long epoch) => At(1, epoch, 0);

    /// <summary>For the choice of captions and the like in a step.</summary>
    public int Batch(long step) => At(2, step, 0);

    /// <summary>For the noise of a replica in a step.</summary>
    public int Noise(long step, int replica) => At(3, step, replica);

    private int At(uint purpose, long number, int replica)
    {
        var (word, _, _, _) = Philox.Block(((uint)number, (uint)(number >> 32), (uint)replica, purpose), ((uint)Seed, (uint)Stage));
        return (int)(word >> 1);
    }
}
