using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.Runtime;

/// <summary>What a model file may name: the loaders of built-in transformers, and the extensions of registered assemblies.</summary>
public sealed class ComponentCatalog
{
    private readonly Lock _gate = new();
    private readonly HashSet<Assembly> _assemblies = [];
    private readonly Dictionary<string, Type> _extensions = [];

    internal ComponentCatalog()
    {
    }

    /// <summary>Makes the classes of an assembly that carry an extension attribute loadable from models.</summary>
    public void RegisterAssembly(Assembly assembly, bool throwOnError = true)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        lock (_gate)
        {
            // Built-in assemblies hold no extensions.
            if (IsBuiltIn(assembly.GetName().Name) || _assemblies.Contains(assembly))
                return;

            // Nothing is registered before all of it can be: a failure is the same the next time.
            var found = new Dictionary<string, Type>();
            foreach (var type in GetTypes(assembly, throwOnError))
            {
                if (ContractOf(type, throwOnError) is not { } contract)
                    continue;
                if ((_extensions.ContainsKey(contract) || !found.TryAdd(contract, type)) && throwOnError)
                    throw new InvalidOperationException($"Two registered classes have the contract name '{contract}'.");
            }

            foreach (var (contract, type) in found)
                _extensions.TryAdd(contract, type);
            _assemblies.Add(assembly);
        }
    }

    internal static bool IsBuiltIn(string assemblyName) =>
        assemblyName == "Microsoft.ML" || assemblyName.StartsWith("Microsoft.ML.", StringComparison.Ordinal);

    /// <summary>The class of an extension or null, from the assemblies registered and the one a model names.</summary>
    internal Type FindExtension(string contractName, string assemblyName)
    {
        lock (_gate)
        {
            if (_extensions.TryGetValue(contractName, out var known))
                return known;

            if (!IsBuiltIn(assemblyName) && LoadAssembly(assemblyName) is { } assembly)
                RegisterAssembly(assembly, throwOnError: false);
            return _extensions.GetValueOrDefault(contractName);
        }
    }

    /// <summary>An assembly by its simple name, if it is loaded or lies where the application's own assemblies do.</summary>
    internal static Assembly LoadAssembly(string simpleName)
    {
        var loaded = AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(a => a.GetName().Name == simpleName);
        if (loaded != null)
            return loaded;

        try
        {
            return Assembly.Load(new AssemblyName { Name = simpleName });
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or ArgumentException)
        {
            return null;
        }
    }

    private static string ContractOf(Type type, bool throwOnError)
    {
        try
        {
            return type.GetCustomAttribute<ExtensionBaseAttribute>()?.ContractName;
        }
        catch (Exception) when (!throwOnError)
        {
            return null;
        }
    }

    private static IEnumerable<Type> GetTypes(Assembly assembly, bool throwOnError)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException e) when (!throwOnError)
        {
            return e.Types.Where(type => type != null);
        }
    }
}
