using System.Reflection;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Put on a built-in assembly, makes a loader of it known to models: <c>[assembly: ModelLoader&lt;TLoader&gt;]</c>.</summary>
internal abstract class ModelLoaderAttribute : Attribute
{
    private protected abstract string Name { get; }

    /// <summary>
    /// The loader of this name in a built-in assembly. Nothing else can be named by a model: the attribute is out of the
    /// reach of other assemblies.
    /// </summary>
    internal static ModelLoaderAttribute Find(string assemblyName, string name)
    {
        var assembly = ComponentCatalog.IsBuiltIn(assemblyName) ? ComponentCatalog.LoadAssembly(assemblyName) : null;
        return assembly?.GetCustomAttributes<ModelLoaderAttribute>().FirstOrDefault(loader => loader.Name == name)
            ?? throw new FormatException($"The model needs a component '{name}' of the assembly '{assemblyName}', which is not there.");
    }

    internal abstract ITransformer Load(IHostEnvironment env, ModelLoadContext ctx);
}

[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class ModelLoaderAttribute<TLoader> : ModelLoaderAttribute where TLoader : IModelLoader
{
    private protected override string Name => TLoader.Name;

    internal override ITransformer Load(IHostEnvironment env, ModelLoadContext ctx) => TLoader.Load(env, ctx);
}
