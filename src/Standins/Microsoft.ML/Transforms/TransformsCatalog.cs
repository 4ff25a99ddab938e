using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The components that transform data; extension methods fill it.</summary>
public sealed class TransformsCatalog : IInternalCatalog
{
    private readonly IHostEnvironment _environment;

    internal TransformsCatalog(IHostEnvironment environment) => _environment = environment;

    IHostEnvironment IInternalCatalog.Environment => _environment;
}
