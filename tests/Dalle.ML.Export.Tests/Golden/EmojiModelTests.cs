using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>The first model of the recipes, whose weights and reference tensors lie beside the repository, exported again.</summary>
public sealed class EmojiModelTests(EmojiModelTests.Weights weights)
    : TrainedModelTests(weights.Bundle, weights.Reference), IClassFixture<EmojiModelTests.Weights>
{
    public sealed class Weights : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly string _source = Path.Combine(Path.GetDirectoryName(Repository.Root) ?? "", "shared", "models", "emoji-64");

        public Weights()
        {
            if (Directory.Exists(_source))
                BundleExporter.Export("dalle", [_source], Path.Combine(_folder.Path, "bundle"));
        }

        public string Bundle => Found(Path.Combine(_folder.Path, "bundle"));

        public string Reference => Found(Path.Combine(_source, "golden"));

        public void Dispose() => _folder.Dispose();

        private string Found(string path)
        {
            Assert.SkipUnless(Directory.Exists(_source), $"The weights are not at '{_source}'.");
            return path;
        }
    }
}
