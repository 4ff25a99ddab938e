using Dalle.ML.Ecosystem.Tests;
using Microsoft.ML;

[assembly: AssemblyFixture(typeof(Drawings))]

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>The built-in model, and pictures of three kinds that it drew: loaded and drawn once for all tests.</summary>
public sealed class Drawings : IDisposable
{
    private static readonly (string Kind, string Prompt)[] Prompts = [("heart", "a red heart"), ("cat", "a cat"), ("pizza", "a pizza")];

    private readonly string _folder = Directory.CreateTempSubdirectory("dalle-").FullName;

    public Drawings() => Rows = [.. Prompts.SelectMany(prompt => Draw(prompt.Kind, prompt.Prompt))];

    public DalleModel Model { get; } = DalleModel.LoadDefault();

    /// <summary>Four of each kind.</summary>
    public Drawing[] Rows { get; }

    /// <summary>Path of a file that is gone after the tests.</summary>
    public string NewFile(string extension) => Path.Combine(_folder, Guid.NewGuid() + extension);

    public string PathOf(Drawing row) => Path.Combine(_folder, row.File);

    /// <summary>The rows as a view, with their pictures loaded.</summary>
    public IDataView Load(MLContext ml) => LoadPictures(ml, ml.Data.LoadFromEnumerable(Rows));

    /// <summary>Loads the pictures of rows.</summary>
    public IDataView LoadPictures(MLContext ml, IDataView rows) =>
        ml.Transforms.LoadImages("Picture", _folder, nameof(Drawing.File)).Fit(rows).Transform(rows);

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private IEnumerable<Drawing> Draw(string kind, string prompt)
    {
        var requests = GenerationRequest.Series(prompt, seed: 1, count: 4).ToArray();
        foreach (var image in Model.GenerateBatch(requests, new GenerationOptions { Candidates = 1 }))
        {
            using (image)
            {
                var file = NewFile(".png");
                image.Image.Save(file);
                yield return new Drawing { Kind = kind, Prompt = prompt, File = Path.GetFileName(file), Seed = image.Seed };
            }
        }
    }
}
