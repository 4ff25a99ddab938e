using System.Reflection;
using Dalle.ML.Generation;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>
/// The context of a catalog. ML.NET does not show it to third parties, so it is read by reflection, here
/// and nowhere else.
/// </summary>
internal static class CatalogEnvironment
{
    /// <summary>The environment of one of a context's catalogs.</summary>
    /// <exception cref="NotSupportedException">This version of ML.NET keeps the environment elsewhere.</exception>
    public static IHostEnvironment Of(object catalog)
    {
        var environment = catalog.GetType().GetInterfaces().FirstOrDefault(type => type.Name == "IInternalCatalog")?.GetProperty("Environment")?.GetValue(catalog);
        return environment as IHostEnvironment ?? throw Unknown(catalog, "its catalogs have no environment");
    }

    /// <summary>The requested device: explicit, else that of the context, else the CPU; and whether the CPU may replace it.</summary>
    /// <exception cref="NotSupportedException">This version of ML.NET keeps the device elsewhere.</exception>
    public static (DalleDevice Device, bool FallbackToCpu) Device(IHostEnvironment environment, int? gpuDeviceId, bool fallbackToCpu)
    {
        if (gpuDeviceId is { } explicitId)
            return (DalleDevice.Cuda(explicitId), fallbackToCpu);
        return Property(environment, nameof(MLContext.GpuDeviceId)) is int contextId
            ? (DalleDevice.Cuda(contextId), Property(environment, nameof(MLContext.FallbackToCpu)) is true)
            : (DalleDevice.Cpu, false);
    }

    /// <summary>
    /// The seed that the context was created with; a random one if it has none. The numbers that a context derives from its seed would
    /// not do: each operation takes some, so that a seed would depend on the operations before.
    /// </summary>
    /// <exception cref="NotSupportedException">This version of ML.NET keeps the seed elsewhere.</exception>
    public static ulong Seed(IHostEnvironment environment) => ContextSeed(environment) is { } seed ? unchecked((uint)seed) : Seeds.Random();

    /// <summary>The seed that the context was created with; null if it has none.</summary>
    /// <exception cref="NotSupportedException">This version of ML.NET keeps the seed elsewhere.</exception>
    public static int? ContextSeed(IHostEnvironment environment) => Property(environment, "Seed") as int?;

    /// <summary>Warns in the context's log.</summary>
    public static void Warn(IHostEnvironment environment, string source, string warning)
    {
        using var channel = environment.Start(source);
        channel.Warning(MessageSensitivity.None, warning);
    }

    private static object? Property(IHostEnvironment environment, string name)
    {
        var property = environment.GetType().GetInterfaces()
            .Prepend(environment.GetType())
            .Select(type => type.GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .FirstOrDefault(property => property is not null);
        return property is null ? throw Unknown(environment, $"its environment has no {name}") : property.GetValue(environment);
    }

    private static NotSupportedException Unknown(object part, string lack) =>
        new($"Dalle.ML does not know this version of ML.NET ({part.GetType().Assembly.GetName()}): {lack}.");
}
