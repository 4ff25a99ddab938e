using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime.Operators;

/// <summary>The operators that are computed here instead of by ONNX Runtime.</summary>
internal static class OwnOperators
{
    public const string Domain = "Dalle.ML";

    private static readonly nint Registered = OrtApi.CreateDomain(Domain, CachedAttentionOperator.NewTable(), PanelMatMulOperator.NewTable());

    /// <summary>Makes them known to the sessions that are created with the options.</summary>
    public static void Register(SafeHandle options) => OrtApi.AddDomain(options.DangerousGetHandle(), Registered);
}
