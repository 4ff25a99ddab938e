namespace Dalle.ML;

/// <summary>
/// Something that is made when it is first needed and disposed if it was. Unlike <see cref="Lazy{T}"/> it does not remember a failure: what
/// failed for want of memory may work later. Thread-safe.
/// </summary>
internal sealed class RetryableLazy<T>(Func<T> make) : IDisposable
    where T : class
{
    private readonly Lock _lock = new();
    private volatile T? _value;

    public T Value
    {
        get
        {
            if (_value is { } value)
                return value;
            lock (_lock)
                return _value ??= make();
        }
    }

    public void Dispose() => (_value as IDisposable)?.Dispose();
}
