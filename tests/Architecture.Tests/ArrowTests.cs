using System.Net.Sockets;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnitV3;
using Dalle.ML;
using Dalle.ML.Export;
using Dalle.ML.Extensions.AI;
using Dalle.ML.Interactive;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Architecture.Tests;

/// <summary>
/// Arrows go one way (docs/architecture.md): Transforms → DalleModel → Engine → {Text, Generation, Images, Clip} → Runtime → Bundles → Onnx. The
/// options, results and exceptions of the root namespace are everybody's words.
/// </summary>
public sealed class ArrowTests
{
    private const string Root = "Dalle.ML";

    private static readonly ArchUnitNET.Domain.Architecture Code = new ArchLoader()
        .LoadAssemblies(
            typeof(DalleModel).Assembly, typeof(BundleExporter).Assembly, typeof(Microsoft.ML.OnnxRuntime.InferenceSession).Assembly,
            typeof(Microsoft.ML.IDataView).Assembly, typeof(Microsoft.ML.MLContext).Assembly, typeof(DalleImageGenerator).Assembly, typeof(TokenMap).Assembly,
            typeof(HttpClient).Assembly, typeof(Socket).Assembly)
        .Build();

    /// <summary>The layers, the lowest first; a layer may use those before it, and no other.</summary>
    public static TheoryData<string, string[]> Layers => new()
    {
        { "Onnx", [] },
        { "Bundles", ["Onnx"] },
        { "Runtime", ["Onnx", "Bundles"] },
        { "Text", ["Onnx", "Bundles", "Runtime"] },
        { "Images", ["Onnx", "Bundles", "Runtime"] },
        { "Clip", ["Onnx", "Bundles", "Runtime", "Text", "Images"] },
        { "Generation", ["Onnx", "Bundles", "Runtime", "Text", "Images"] },
        { "Engine", ["Onnx", "Bundles", "Runtime", "Text", "Images", "Clip", "Generation"] },
        { "Prompts", ["Generation"] },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_uses_only_those_below_it(string layer, string[] below) =>
        Types().That().ResideInNamespaceMatching($@"^Dalle\.ML\.{layer}(\..+)?$")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\..+").And()
                .DoNotResideInNamespaceMatching($@"^Dalle\.ML\.({string.Join('|', [layer, .. below])})(\..+)?$"))
            .Check(Code);

    [Fact]
    public void Nothing_below_it_knows_the_public_model() =>
        Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\.(Onnx|Bundles|Runtime|Text|Images|Clip|Generation|Engine|Prompts)(\..+)?$")
            .Should().NotDependOnAny(Types().That().HaveFullName($"{Root}.{nameof(DalleModel)}"))
            .Check(Code);

    [Fact]
    public void Only_the_runtime_touches_ONNX_Runtime() =>
        Types().That().ResideInNamespaceMatching(@"^Dalle\.ML(\..+)?$").And().DoNotResideInNamespaceMatching(@"^Dalle\.ML\.Runtime$")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^Microsoft\.ML\.OnnxRuntime(\..+)?$"))
            .Check(Code);

    /// <summary>A library that a pipeline or a server holds makes no request; the hub is a package that nobody has who does not want it.</summary>
    [Fact]
    public void Only_the_hub_touches_the_network() =>
        Types().That().ResideInAssembly(typeof(DalleModel).Assembly, typeof(BundleExporter).Assembly, typeof(DalleImageGenerator).Assembly, typeof(TokenMap).Assembly)
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^System\.Net\.(Http|Sockets)(\..+)?$"))
            .Check(Code);

    [Fact]
    public void The_engine_knows_nothing_of_data_views() =>
        Types().That().ResideInNamespaceMatching(@"^Dalle\.ML(\.(Onnx|Bundles|Runtime|Text|Images|Clip|Generation|Engine)(\..+)?)?$")
            .Should().NotDependOnAny(Types().That().HaveFullNameMatching(@"^Microsoft\.ML\.(IDataView|DataViewSchema|DataViewRow|MLContext|TransformsCatalog).*"))
            .Check(Code);

    /// <summary>Of what lies below the model it takes the seeds, and the hashes by which a saved pipeline finds its bundle.</summary>
    [Fact]
    public void The_ML_NET_layer_stands_on_the_public_model() =>
        Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\.Transforms(\..+)?$")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\.(Onnx|Runtime|Text|Images|Clip|Engine|Generation\.Autoregressive)(\..+)?$"))
            .Check(Code);

    [Fact]
    public void Rows_know_nothing_of_saving() =>
        Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\.Transforms\.(Rows|Candidates)$")
            .Should().NotDependOnAny(Types().That().ResideInNamespaceMatching(@"^Dalle\.ML\.Transforms\.Saving$"))
            .Check(Code);

    [Fact]
    public void Every_folder_is_a_layer() =>
        Assert.Empty(typeof(DalleModel).Assembly.GetTypes().Select(type => type.Namespace ?? "")
            .Where(name => name.StartsWith(Root + ".", StringComparison.Ordinal)).Select(name => name.Split('.')[2])
            .Except([.. Layers.Select(layer => layer.Data.Item1), "Transforms"]));
}
