using Dalle.ML.Notebooks;

// Writes notebooks with their outputs: those whose names begin as the arguments say, or all.
var failed = false;
foreach (var twin in Twin.All.Where(twin => args.Length == 0 || args.Any(start => twin.Name.StartsWith(start, StringComparison.Ordinal))))
{
    var outputs = Kernel.Run(twin);
    var errors = Ipynb.Errors(outputs).ToArray();
    Ipynb.Write(twin.NotebookPath, twin.Cells(), outputs);
    Console.WriteLine($"{twin.NotebookPath}: {new FileInfo(twin.NotebookPath).Length / 1024} KiB");
    foreach (var error in errors)
        Console.Error.WriteLine($"{twin.Name}: {error}");
    failed |= errors.Length > 0;
}
return failed ? 1 : 0;
