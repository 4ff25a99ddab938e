using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Dalle.ML.Tests.PublicApi;

/// <summary>Writes down what an assembly shows to others: types, and members that they can call or override.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static IEnumerable<string> Of(Assembly assembly) => assembly.GetExportedTypes()
        .OrderBy(type => type.FullName, StringComparer.Ordinal)
        .SelectMany(type => Members(type).Order(StringComparer.Ordinal).Select(member => "    " + member).Prepend(Header(type)));

    private static string Header(Type type)
    {
        var kind = type.IsInterface ? "interface" : type.IsEnum ? "enum" : type.IsValueType ? "struct"
            : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
            : (type.IsAbstract, type.IsSealed) switch
            {
                (true, true) => "static class",
                (true, false) => "abstract class",
                (false, true) => "sealed class",
                _ => "class",
            };

        // Interfaces that come with others are left out, as is what structs, enums and delegates derive from.
        var interfaces = type.GetInterfaces();
        IEnumerable<Type> bases = type.IsEnum || kind == "delegate" ? [] : interfaces
            .Where(i => i.IsVisible && !interfaces.Any(other => other.GetInterfaces().Contains(i)))
            .Where(i => type.BaseType?.GetInterfaces().Contains(i) != true);
        if (type is { IsClass: true, BaseType: { } parent } && parent != typeof(object) && kind != "delegate")
            bases = bases.Append(parent);
        var names = bases.Select(TypeNames.Of).Order(StringComparer.Ordinal).ToArray();
        if (IsRecord(type))
            kind = type.IsValueType ? "record struct" : kind.Replace("class", "record", StringComparison.Ordinal);
        return $"{kind} {type.Namespace}.{TypeNames.Of(type)}{(names.Length == 0 ? "" : " : " + string.Join(", ", names))}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}");
        if (typeof(Delegate).IsAssignableFrom(type))
            return [Method(type.GetMethod("Invoke")!)];

        return [
            .. type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily).Select(Field),
            .. type.GetConstructors(Declared).Where(c => IsVisible(c) && IsWritten(c)).Select(c => $"{Access(c)}new({Parameters(c)})"),
            .. type.GetProperties(Declared).Where(p => p.GetAccessors(true).Any(IsVisible) && p.Name != "EqualityContract").Select(Property),
            .. type.GetEvents(Declared).Where(e => IsVisible(e.AddMethod!)).Select(e => $"event {TypeNames.Of(e)} {e.Name}"),
            .. type.GetMethods(Declared).Where(m => IsVisible(m) && IsWritten(m) && (!m.IsSpecialName || IsOperator(m))).Select(Method),
        ];
    }

    private static bool IsRecord(Type type) => (type.IsValueType ? type.GetMethod("PrintMembers", Declared) : type.GetMethod("<Clone>$")) is not null;

    /// <summary>Whether it is in the source; the compiler adds some to records, which their kind and constructor tell.</summary>
    private static bool IsWritten(MethodBase method) => !method.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false);

    private static bool IsOperator(MethodInfo method) => method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Access(MethodBase method) => (method.IsPublic ? "" : "protected ") + method switch
    {
        { IsStatic: true } => "static ",
        { DeclaringType.IsInterface: true } => "",
        { IsAbstract: true } => "abstract ",
        MethodInfo info when info.GetBaseDefinition() != info => info.IsFinal ? "sealed override " : "override ",
        { IsVirtual: true, IsFinal: false } => "virtual ",
        _ => "",
    };

    private static string Field(FieldInfo field)
    {
        if (field.IsLiteral)
            return $"{(field.IsFamily ? "protected " : "")}const {TypeNames.Of(field)} {field.Name} = {Value(field.GetRawConstantValue())}";
        var access = (field.IsFamily ? "protected " : "") + (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        return $"{access}{TypeNames.Of(field)} {field.Name}";
    }

    private static string Property(PropertyInfo property)
    {
        var accessors = property.GetAccessors(true).Where(IsVisible).ToArray();
        var index = property.GetIndexParameters();
        var name = index.Length == 0 ? property.Name : $"this[{string.Join(", ", index.Select(Parameter))}]";
        var kinds = accessors.Select(a => a == property.GetMethod ? "get;" : IsInit(a) ? "init;" : "set;").Order(StringComparer.Ordinal);
        var required = property.IsDefined(typeof(RequiredMemberAttribute), inherit: false) ? "required " : "";
        return $"{Access(accessors[0])}{required}{TypeNames.Of(property)} {name} {{ {string.Join(' ', kinds)} }}";
    }

    private static bool IsInit(MethodInfo setter) => setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static string Method(MethodInfo method)
    {
        var arguments = method.GetGenericArguments();
        var generic = arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(TypeNames.Of))}>";
        return $"{Access(method)}{TypeNames.Of(method.ReturnParameter)} {method.Name}{generic}({Parameters(method)}){string.Concat(arguments.Select(TypeNames.ConstraintsOf))}";
    }

    private static string Parameters(MethodBase method) =>
        (method.IsDefined(typeof(ExtensionAttribute), false) ? "this " : "") + string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        var prefix = parameter.IsOut ? "out " : type.IsByRef ? "ref " : "";
        if (parameter.IsDefined(typeof(ParamArrayAttribute), false))
            prefix = "params ";
        var isStruct = type.IsValueType && Nullable.GetUnderlyingType(type) is null;
        var ending = !parameter.HasDefaultValue ? "" : parameter.RawDefaultValue is null && isStruct ? " = default" : $" = {Value(parameter.RawDefaultValue)}";
        return $"{prefix}{TypeNames.Of(parameter)} {parameter.Name}{ending}";
    }

    private static string Value(object? constant) => constant is null ? "null" : Convert.ToString(constant, CultureInfo.InvariantCulture)!;
}
