namespace Standins.Tests.Core;

internal static class Expect
{
    /// <summary>The exceptions that a component may throw for an input schema that does not suit it.</summary>
    internal static void SchemaMismatch(Action action)
    {
        var exception = Record.Exception(action);
        Assert.True(exception is ArgumentOutOfRangeException or InvalidOperationException, $"was {exception}");
    }
}
