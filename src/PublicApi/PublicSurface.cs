using Microsoft.CodeAnalysis;

namespace PublicApi;

/// <summary>Writes down what an assembly shows to others: types, and members that they can call or override.</summary>
internal static class PublicSurface
{
    private static readonly SymbolDisplayFormat Type = Declared(SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);
    private static readonly SymbolDisplayFormat Member = Declared(SymbolDisplayTypeQualificationStyle.NameAndContainingTypes);
    private static readonly SymbolDisplayFormat Base = WithoutConstraints(Member).WithKindOptions(SymbolDisplayKindOptions.None);

    /// <summary>The declarations, with their places: a type's from the first column on, its members' indented below it.</summary>
    public static IReadOnlyList<(string Line, Location Place)> Of(IAssemblySymbol assembly) =>
        [.. Types(assembly.GlobalNamespace).OrderBy(type => type.ToDisplayString(), StringComparer.Ordinal).SelectMany(Declarations)];

    private static IEnumerable<INamedTypeSymbol> Types(INamespaceOrTypeSymbol container)
    {
        var shown = container.GetMembers().OfType<INamespaceOrTypeSymbol>().Where(member => member is INamespaceSymbol || IsShown(member));
        return shown.SelectMany(member => member is INamedTypeSymbol type ? Types(type).Prepend(type) : Types(member));
    }

    private static IEnumerable<(string Line, Location Place)> Declarations(INamedTypeSymbol type) => type.GetMembers()
        .Where(member => member is not ITypeSymbol && IsShown(member) && IsWritten(member))
        .Select(member => (Line: "    " + Access(member) + member.ToDisplayString(Member) + Accessors(member), member.Locations[0]))
        .OrderBy(member => member.Line, StringComparer.Ordinal)
        .Prepend((Header(type), type.Locations[0]));

    private static string Header(INamedTypeSymbol type)
    {
        var modifiers = type switch
        {
            { TypeKind: not TypeKind.Class } => "",
            { IsStatic: true } => "static ",
            { IsAbstract: true } => "abstract ",
            { IsSealed: true } => "sealed ",
            _ => "",
        };
        IEnumerable<string> bases = type.Interfaces.Where(IsShown).Select(each => each.ToDisplayString(Base))
            .OrderBy(name => name, StringComparer.Ordinal);
        if (type is { TypeKind: TypeKind.Class, BaseType: { SpecialType: not SpecialType.System_Object } parent })
            bases = bases.Prepend(parent.ToDisplayString(Base));

        var declaration = type.ToDisplayString(Type);
        var name = type.ToDisplayString(WithoutConstraints(Type));
        return modifiers + name + (bases.Any() ? " : " : "") + string.Join(", ", bases) + declaration.Substring(name.Length);
    }

    private static string Access(ISymbol member) => member.DeclaredAccessibility == Accessibility.Public ? "" : "protected ";

    /// <summary>What a property lets others do; a private setter is nobody's.</summary>
    private static string Accessors(ISymbol member)
    {
        if (member is not IPropertySymbol property)
            return "";
        var accessors = from accessor in new[] { property.GetMethod, property.SetMethod }
                        where accessor is not null && IsShown(accessor)
                        let access = accessor.DeclaredAccessibility == property.DeclaredAccessibility ? "" : "protected "
                        select access + (accessor.MethodKind == MethodKind.PropertyGet ? "get;" : accessor.IsInitOnly ? "init;" : "set;");
        return $" {{ {string.Join(" ", accessors)} }}";
    }

    private static bool IsShown(ISymbol symbol) =>
        symbol.DeclaredAccessibility is Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal;

    /// <summary>Whether it is in the source, or a class's constructor of its own accord. Accessors are told with their property or event.</summary>
    private static bool IsWritten(ISymbol member) => member switch
    {
        IMethodSymbol { AssociatedSymbol: not null } => false,
        IMethodSymbol { MethodKind: MethodKind.Constructor, Parameters.Length: 0, ContainingType.TypeKind: TypeKind.Class } => true,
        _ => !member.IsImplicitlyDeclared,
    };

    private static SymbolDisplayFormat WithoutConstraints(SymbolDisplayFormat format) =>
        format.RemoveGenericsOptions(SymbolDisplayGenericsOptions.IncludeTypeConstraints);

    private static SymbolDisplayFormat Declared(SymbolDisplayTypeQualificationStyle types) => new(
        typeQualificationStyle: types,
        genericsOptions: SymbolDisplayGenericsOptions.IncludeTypeParameters | SymbolDisplayGenericsOptions.IncludeVariance
            | SymbolDisplayGenericsOptions.IncludeTypeConstraints,
        memberOptions: SymbolDisplayMemberOptions.IncludeModifiers | SymbolDisplayMemberOptions.IncludeType
            | SymbolDisplayMemberOptions.IncludeRef | SymbolDisplayMemberOptions.IncludeParameters
            | SymbolDisplayMemberOptions.IncludeConstantValue,
        delegateStyle: SymbolDisplayDelegateStyle.NameAndSignature,
        parameterOptions: SymbolDisplayParameterOptions.IncludeType | SymbolDisplayParameterOptions.IncludeName
            | SymbolDisplayParameterOptions.IncludeModifiers | SymbolDisplayParameterOptions.IncludeExtensionThis
            | SymbolDisplayParameterOptions.IncludeDefaultValue,
        kindOptions: SymbolDisplayKindOptions.IncludeMemberKeyword | SymbolDisplayKindOptions.IncludeTypeKeyword,
        miscellaneousOptions: SymbolDisplayMiscellaneousOptions.UseSpecialTypes | SymbolDisplayMiscellaneousOptions.AllowDefaultLiteral
            | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);
}
