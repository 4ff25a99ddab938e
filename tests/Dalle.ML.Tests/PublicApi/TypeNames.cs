using System.Reflection;

namespace Dalle.ML.Tests.PublicApi;

/// <summary>Types as C# writes them, but for its keywords, with what may be null marked where the assembly says so.</summary>
internal static class TypeNames
{
    public static string Of(Type type) => Of(type, nullability: null);

    public static string Of(ParameterInfo parameter) => Of(parameter.ParameterType, new NullabilityInfoContext().Create(parameter));

    public static string Of(PropertyInfo property) => Of(property.PropertyType, new NullabilityInfoContext().Create(property));

    public static string Of(FieldInfo field) => Of(field.FieldType, new NullabilityInfoContext().Create(field));

    public static string Of(EventInfo happening) => Of(happening.EventHandlerType!, new NullabilityInfoContext().Create(happening));

    /// <summary>What a type parameter asks of its types, as a clause; empty if it asks nothing.</summary>
    public static string ConstraintsOf(Type parameter)
    {
        var (flags, constraints) = (parameter.GenericParameterAttributes, parameter.GetGenericParameterConstraints().Where(type => type != typeof(ValueType)).Select(Of));
        if (flags.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint))
            constraints = constraints.Prepend("struct");
        else if (flags.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
            constraints = constraints.Append("new()");
        if (flags.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            constraints = constraints.Prepend("class");
        return constraints.Any() ? $" where {parameter.Name} : {string.Join(", ", constraints)}" : "";
    }

    private static string Of(Type type, NullabilityInfo? nullability)
    {
        if (type.IsByRef)
            return Of(type.GetElementType()!, nullability);
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Of(underlying, nullability) + "?";
        var mark = !type.IsValueType && (nullability?.ReadState == NullabilityState.Nullable || nullability?.WriteState == NullabilityState.Nullable) ? "?" : "";
        if (type.IsArray)
            return Of(type.GetElementType()!, nullability?.ElementType) + "[]" + mark;
        if (type.IsGenericParameter)
            return type.Name + mark;

        var arguments = type.GetGenericArguments().Select((argument, i) => Of(argument, nullability?.GenericTypeArguments.ElementAtOrDefault(i))).ToArray();
        return $"{Bare(type)}{(arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments)}>")}{mark}";
    }

    private static string Bare(Type type) => (type.IsNested ? Bare(type.DeclaringType!) + "." : "") + type.Name.Split('`')[0];
}
