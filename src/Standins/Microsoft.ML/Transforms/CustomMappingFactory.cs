using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: ModelLoader<CustomMappingLoader>]

namespace Microsoft.ML.Transforms;

/// <summary>Gives a saved custom mapping its function back.</summary>
public abstract class CustomMappingFactory<TSrc, TDst> : ICustomMappingFactory
    where TSrc : class, new()
    where TDst : class, new()
{
    public abstract Action<TSrc, TDst> GetMapping();

    ITransformer ICustomMappingFactory.CreateTransformer(string contractName) =>
        new CustomMappingTransformer<TSrc, TDst>(GetMapping(), contractName, inputSchemaDefinition: null, outputSchemaDefinition: null);
}

/// <summary>The contract name under which a factory is found; written <c>[CustomMappingFactoryAttribute("name")]</c>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class CustomMappingFactoryAttributeAttribute(string contractName) : ExtensionBaseAttribute(contractName);

internal interface ICustomMappingFactory
{
    ITransformer CreateTransformer(string contractName);
}

/// <summary>A custom mapping is saved as the name of its contract and of the assembly that has the factory.</summary>
internal sealed class CustomMappingLoader : IModelLoader
{
    static string IModelLoader.Name => "CustomMapping";

    internal static void Save(ModelSaveContext ctx, string contractName, Assembly assembly) => ctx.Write<CustomMappingLoader>(writer =>
    {
        writer.Write(contractName);
        writer.Write(assembly.GetName().Name);
    });

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        var contractName = ctx.Reader.ReadString();
        var assemblyName = ctx.Reader.ReadString();
        var type = env.ComponentCatalog.FindExtension(contractName, assemblyName)
            ?? throw new InvalidOperationException(
                $"The model needs the custom mapping '{contractName}', which neither '{assemblyName}' nor a registered assembly has.");
        if (!typeof(ICustomMappingFactory).IsAssignableFrom(type))
            throw new InvalidOperationException($"{type} has the contract name '{contractName}', but is not a custom mapping factory.");

        try
        {
            return ((ICustomMappingFactory)Activator.CreateInstance(type)).CreateTransformer(contractName);
        }
        catch (Exception e)
        {
            // Whatever went wrong in somebody's class, the model is not to blame.
            var cause = (e as TargetInvocationException)?.InnerException ?? e;
            throw new InvalidOperationException($"{type}, the factory of '{contractName}', failed: {cause.Message}", cause);
        }
    }
}
