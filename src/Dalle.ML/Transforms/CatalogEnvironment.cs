using System.Reflection;
using Dalle.ML.Runtime;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>
/// What a catalog knows of the context that it belongs to. ML.NET shows third parties none of it, so it is read by reflection, here
/// and nowhere else.
/// </summary>
internal static class CatalogEnvironment
{
    /// <exception cref="NotSupportedException">This version of ML.NET keeps the environment elsewhere.</exception>
    public static IHostEnvironment Of(TransformsCatalog catalog)
    {
        var environment = catalog.GetType().GetInterfaces().FirstOrDefault(type => type.Name == "IInternalCatalog")?.GetProperty("Environment")?.GetValue(catalog);
        return environment as IHostEnvironment
            ?? throw new NotSupportedException($"Dalle.ML does not know this version of ML.NET ({catalog.GetType().Assembly.GetName()}): its catalogs have no environment.");
    }

    /// <summary>The device that was asked for: explicitly, else by the context, else the CPU; and whether the CPU may take its place.</summary>
    public static (DalleDevice Device, bool FallbackToCpu) Device(IHostEnvironment environment, int? gpuDeviceId, bool fallbackToCpu)
    {
        if (gpuDeviceId is { } explicitId)
            return (DalleDevice.Cuda(explicitId), fallbackToCpu);
        return Property(environment, nameof(MLContext.GpuDeviceId)) is int contextId
            ? (DalleDevice.Cuda(contextId), Property(environment, nameof(MLContext.FallbackToCpu)) is true)
            : (DalleDevice.Cpu, false);
    }

    private static object? Property(IHostEnvironment environment, string name) => environment.GetType().GetInterfaces()
        .Prepend(environment.GetType())
        .Select(type => type.GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        .FirstOrDefault(property => property is not null)?.GetValue(environment);
}
