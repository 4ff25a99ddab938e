namespace Dalle.ML.Interactive;

/// <summary>What a program outside of a notebook shows, one below the other, in a file beside its other output.</summary>
internal static class Page
{
    private static readonly Lock Writing = new();

    private static string? _path;

    public static void Add(object value)
    {
        // Before the file is touched: reading a sequence may generate its images, and fail.
        var format = Notebook.Formats.FirstOrDefault(format => format.Key.IsInstanceOfType(value)).Value;
        var html = format is null ? $"<pre>{Html.Text(value.ToString() ?? "")}</pre>" : format(value);
        lock (Writing)
        {
            if (_path is null)
            {
                var name = AppDomain.CurrentDomain.FriendlyName;
                _path = Path.GetFullPath(name + ".html");
                File.WriteAllText(_path, $"<!doctype html><meta charset=\"utf-8\"><title>{Html.Text(name)}</title><body style=\"font-family:sans-serif\">\n");
                Console.WriteLine($"what is shown: {_path}");
            }
            File.AppendAllText(_path, $"<p>{html}</p>\n");
        }
    }
}
