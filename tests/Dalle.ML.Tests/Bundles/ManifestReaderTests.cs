using System.Reflection;
using System.Text;
using Dalle.ML.Bundles;

namespace Dalle.ML.Tests.Bundles;

/// <summary>A generated serializer writes a manifest, and lines of ours read it: the two have the same names, and what is left out the same values.</summary>
public sealed class ManifestReaderTests
{
    [Fact]
    public void Everything_that_is_written_is_read()
    {
        var json = ((Manifest)Filled(typeof(Manifest), isNeeded: _ => true)).ToJson();
        Assert.Equal(Encoding.UTF8.GetString(json), Encoding.UTF8.GetString(Manifest.Parse(json).ToJson()));
    }

    /// <summary>The records of which nothing is set but what a manifest must have.</summary>
    [Fact]
    public void What_a_manifest_leaves_out_is_what_the_records_begin_with()
    {
        var whole = (Manifest)Filled(typeof(Manifest), property => property.IsDefined(typeof(System.Runtime.CompilerServices.RequiredMemberAttribute)) || IsRecord(property.PropertyType));
        var json = System.Text.Json.Nodes.JsonNode.Parse(whole.ToJson())!;
        LeaveOut(json, whole);
        Assert.Equal(Encoding.UTF8.GetString(whole.ToJson()), Encoding.UTF8.GetString(Manifest.Parse(Encoding.UTF8.GetBytes(json.ToJsonString())).ToJson()));
    }

    private static bool IsRecord(Type type) => type.Namespace == typeof(Manifest).Namespace && type is { IsClass: true, IsArray: false };

    /// <summary>An instance whose properties have values that they do not begin with.</summary>
    private static object Filled(Type type, Func<PropertyInfo, bool> isNeeded, object? beginning = null)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return "x";
        if (type == typeof(bool))
            return beginning is not true;
        if (type.IsEnum)
            return Enum.GetValues(type).Cast<object>().Last();
        if (type.IsPrimitive)
            return Convert.ChangeType(3, type, System.Globalization.CultureInfo.InvariantCulture);
        if (type == typeof(SortedDictionary<string, FileRecord>))
            return new SortedDictionary<string, FileRecord> { ["x"] = (FileRecord)Filled(typeof(FileRecord), isNeeded) };
        if ((type.IsArray ? type.GetElementType() : type.IsGenericType ? type.GetGenericArguments()[0] : null) is { } element)
        {
            var array = Array.CreateInstance(element, 1);
            array.SetValue(Filled(element, isNeeded), 0);
            return array;
        }
        var record = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties().Where(property => property.CanWrite && isNeeded(property)))
            property.SetValue(record, Filled(property.PropertyType, isNeeded, property.GetValue(record)));
        return record;
    }

    /// <summary>Removes what a record's JSON need not have.</summary>
    private static void LeaveOut(System.Text.Json.Nodes.JsonNode json, object record)
    {
        var type = ManifestContext.Default.GetTypeInfo(record.GetType())!;
        foreach (var property in type.Properties.Where(property => property.Get is not null))
        {
            var value = property.Get!(record);
            if (value is not null && IsRecord(value.GetType()))
                LeaveOut(json[property.Name]!, value);
            else if (!property.IsRequired)
                json.AsObject().Remove(property.Name);
        }
    }
}
