namespace Dalle.ML;

/// <summary>
/// A value that is created when first needed, and disposed if it was created. Unlike <see cref="Lazy{T}"/> it does not remember a failure: a creation
/// that failed for lack of memory may succeed later. Thread-safe.
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
