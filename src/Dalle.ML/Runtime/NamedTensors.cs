using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>Tensors by name, for networks that take those of them that they need. Not thread-safe.</summary>
internal sealed class NamedTensors : IDisposable
{
    private readonly Dictionary<string, OrtValue> _values = [];

    /// <summary>Adds a tensor over the caller's values: later changes of them are seen by later runs.</summary>
    public void Add<T>(string name, T[] values, params long[] shape)
        where T : unmanaged => Add(name, OrtValue.CreateTensorValueFromMemory(values, shape));

    public OrtValue Get(string name) => _values[name];

    /// <summary>Adds a tensor, which is freed with the others.</summary>
    public void Add(string name, OrtValue value) => _values.Add(name, value);

    /// <summary>A copy of the values of a tensor.</summary>
    public T[] Values<T>(string name)
        where T : unmanaged => _values[name].GetTensorDataAsSpan<T>().ToArray();

    public void Dispose()
    {
        foreach (var value in _values.Values)
            value.Dispose();
    }
}
