namespace Dalle.ML.Cli.Tests;

/// <summary>Pictures of the built-in model as files, for commands that read some.</summary>
internal static class Pictures
{
    /// <summary>Generates a prompt with one candidate and without chance.</summary>
    /// <returns>The file's path.</returns>
    public static string Generate(TemporaryFolder folder, string prompt, string name)
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate(prompt, seed: 1, new GenerationOptions { Candidates = 1, Sampling = new SamplingOptions { TopK = 1 } });
        var path = Path.Combine(folder.Path, name);
        image.Image.Save(path);
        return path;
    }
}
