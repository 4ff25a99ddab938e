using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Reads one kind of transformer back from a model.</summary>
internal interface IModelLoader
{
    /// <summary>What model files call this kind of transformer.</summary>
    static abstract string Name { get; }

    static abstract ITransformer Load(IHostEnvironment env, ModelLoadContext ctx);
}
