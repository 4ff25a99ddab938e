namespace Dalle.ML.Evaluation;

/// <summary>NumPy's RandomState (a Mersenne twister), so that subsets are those that torch-fidelity chooses.</summary>
internal sealed class NumPyRandom
{
    private const int Length = 624;
    private const int Middle = 397;
    private readonly uint[] _state = new uint[Length];
    private int _next = Length;

    public NumPyRandom(uint seed)
    {
        _state[0] = seed;
        for (var i = 1; i < Length; i++)
            _state[i] = 1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30)) + (uint)i;
    }

    /// <summary>The first numbers of a permutation of 0 … <paramref name="count"/> − 1: NumPy's choice without replacement.</summary>
    public int[] Choose(int count, int size)
    {
        int[] numbers = [.. Enumerable.Range(0, count)];
        for (var i = count - 1; i > 0; i--)
        {
            var other = Below(i);
            (numbers[i], numbers[other]) = (numbers[other], numbers[i]);
        }
        return numbers[..size];
    }

    /// <summary>A number of 0 … <paramref name="last"/>; larger ones are discarded.</summary>
    private int Below(int last)
    {
        var mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount((uint)last);
        uint value;
        do
            value = Next() & mask;
        while (value > last);
        return (int)value;
    }

    private uint Next()
    {
        if (_next == Length)
        {
            for (var i = 0; i < Length; i++)
            {
                var joined = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7fffffff);
                _state[i] = _state[(i + Middle) % Length] ^ (joined >> 1) ^ ((joined & 1) * 0x9908b0df);
            }
            _next = 0;
        }
        var value = _state[_next++];
        value ^= value >> 11;
        value ^= (value << 7) & 0x9d2c5680;
        value ^= (value << 15) & 0xefc60000;
        return value ^ (value >> 18);
    }
}
