using System.Text.Json.Serialization.Metadata;
using Dalle.ML.Bundles;

namespace Dalle.ML.Tests.Bundles;

/// <summary>The format of bundles is public: its page has every name of the manifest.</summary>
public sealed class BundleFormatPageTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "bundle-format.md"));

    public static IEnumerable<TheoryDataRow<string, string>> Names =>
        from type in Types(ManifestContext.Default.Manifest, [])
        from name in type.Properties.Where(property => property.Get is not null).Select(property => property.Name).Concat(Values(type.Type))
        select new TheoryDataRow<string, string>(type.Type.Name, name);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_page_has_every_name(string type, string name) => Assert.True(Page.Contains($"`{name}`", StringComparison.Ordinal), $"docs/bundle-format.md lacks '{name}' of {type}.");

    /// <summary>The records of a manifest and the enumerations in them.</summary>
    private static HashSet<JsonTypeInfo> Types(JsonTypeInfo type, HashSet<JsonTypeInfo> found)
    {
        if (type.Type.Namespace != typeof(Manifest).Namespace && type.ElementType is null)
            return found;
        if (type.ElementType is { } element)
            return Types(ManifestContext.Default.GetTypeInfo(element)!, found);
        if (found.Add(type))
        {
            foreach (var property in type.Properties)
                Types(ManifestContext.Default.GetTypeInfo(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType)!, found);
        }
        return found;
    }

    private static IEnumerable<string> Values(Type type) =>
        type.IsEnum ? Enum.GetNames(type).Select(System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName) : [];
}
