using Microsoft.ML.Runtime;

namespace Microsoft.ML;

public sealed class LoggingEventArgs : EventArgs
{
    internal LoggingEventArgs(string source, ChannelMessage message)
    {
        Source = source;
        Kind = message.Kind;
        RawMessage = message.Message;
        Message = $"[Source={source}, Kind={Kind}] {RawMessage}";
    }

    public string Source { get; }

    public ChannelMessageKind Kind { get; }

    public string Message { get; }

    public string RawMessage { get; }
}
