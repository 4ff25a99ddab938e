// Runs the sample of a component by name: dotnet run --project samples -- ClipScore

using System.Reflection;

const string Suffix = "Sample";
var samples = Assembly.GetExecutingAssembly().GetExportedTypes().Where(type => type.Name.EndsWith(Suffix, StringComparison.Ordinal))
    .ToDictionary(type => type.Name[..^Suffix.Length], type => type.GetMethod("Example")!, StringComparer.OrdinalIgnoreCase);
if (args is not [var name] || !samples.TryGetValue(name, out var example))
{
    Console.Error.WriteLine($"Name one sample: {string.Join(", ", samples.Keys.Order())}.");
    return 2;
}
example.Invoke(null, BindingFlags.DoNotWrapExceptions, null, null, null);
return 0;
