using System.Globalization;

namespace Microsoft.ML.Runtime;

internal sealed class Channel(string name, Action<string, ChannelMessage> log) : IChannel
{
    public void Trace(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Trace, sensitivity, fmt);

    public void Trace(MessageSensitivity sensitivity, string fmt, params object[] args) =>
        Send(ChannelMessageKind.Trace, sensitivity, Format(fmt, args));

    public void Info(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Info, sensitivity, fmt);

    public void Info(MessageSensitivity sensitivity, string fmt, params object[] args) =>
        Send(ChannelMessageKind.Info, sensitivity, Format(fmt, args));

    public void Warning(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Warning, sensitivity, fmt);

    public void Warning(MessageSensitivity sensitivity, string fmt, params object[] args) =>
        Send(ChannelMessageKind.Warning, sensitivity, Format(fmt, args));

    public void Error(MessageSensitivity sensitivity, string fmt) => Send(ChannelMessageKind.Error, sensitivity, fmt);

    public void Error(MessageSensitivity sensitivity, string fmt, params object[] args) =>
        Send(ChannelMessageKind.Error, sensitivity, Format(fmt, args));

    public void Dispose()
    {
    }

    private static string Format(string fmt, object[] args) => string.Format(CultureInfo.InvariantCulture, fmt, args);

    private void Send(ChannelMessageKind kind, MessageSensitivity sensitivity, string message) =>
        log(name, new ChannelMessage(kind, sensitivity, message));
}

/// <summary>A pipe of messages that nobody has subscribed to.</summary>
internal sealed class UnheardPipe<TMessage> : IPipe<TMessage>
{
    public void Dispose()
    {
    }
}
