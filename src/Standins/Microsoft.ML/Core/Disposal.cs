using System.Runtime.ExceptionServices;

namespace Microsoft.ML;

/// <summary>Who disposes what where something goes wrong half way.</summary>
internal static class Disposal
{
    /// <summary>
    /// What <paramref name="make"/> makes of resources that it then owns. If it fails, nobody owns them, and they are disposed here.
    /// </summary>
    internal static T OrDispose<T>(IEnumerable<object> resources, Func<T> make)
    {
        try
        {
            return make();
        }
        catch
        {
            DisposeEach(resources);
            throw;
        }
    }

    /// <summary>Disposes all that are disposable, even if one of them fails; the first failure is thrown at the end.</summary>
    internal static void DisposeAll(IEnumerable<object> resources) => DisposeEach(resources)?.Throw();

    private static ExceptionDispatchInfo DisposeEach(IEnumerable<object> resources)
    {
        ExceptionDispatchInfo failure = null;
        foreach (var resource in resources)
        {
            try
            {
                (resource as IDisposable)?.Dispose();
            }
            catch (Exception e)
            {
                failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        return failure;
    }
}
