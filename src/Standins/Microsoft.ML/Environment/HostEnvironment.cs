namespace Microsoft.ML.Runtime;

internal sealed class HostEnvironment : IHost
{
    private readonly Lock _gate = new();
    private readonly string _name;
    private readonly Action<string, ChannelMessage> _log;

    internal HostEnvironment(string name, int? seed, ComponentCatalog componentCatalog, Action<string, ChannelMessage> log)
    {
        _name = name;
        _log = log;
        ComponentCatalog = componentCatalog;
        Rand = seed is { } value ? new Random(value) : new Random();
    }

    public ComponentCatalog ComponentCatalog { get; }

    public Random Rand { get; }

    public IHost Register(string name, int? seed = null, bool? verbose = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
            return new HostEnvironment(Qualify(name), seed ?? Rand.Next(), ComponentCatalog, _log);
    }

    public IChannel Start(string name) => new Channel(Qualify(name), _log);

    public IPipe<TMessage> StartPipe<TMessage>(string name) => new UnheardPipe<TMessage>();

    private string Qualify(string name) => _name.Length == 0 ? name : $"{_name}; {name}";
}
