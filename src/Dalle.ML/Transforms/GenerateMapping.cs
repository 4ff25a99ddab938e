using Dalle.ML.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms;

/// <summary>
/// How a pipeline with <see cref="DalleGenerateTransformer"/> is saved. ML.NET loads no third party's transformer, but it does load custom
/// mappings, by contract name and assembly. So the transformer is saved as a chain of built-ins around one: copies to fixed column names, a
/// constant column with the options as text, the mapping, copies to the names that were asked for, and a drop of all in between.
/// </summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class GenerateMapping : CustomMappingFactory<GenerateMapping.Input, GenerateMapping.Output>
{
    private const string Contract = "Dalle.ML.Generate/1";
    private const string Prefix = "Dalle.ML.Generate.";

    /// <summary>The mapping's columns under their fixed names.</summary>
    internal class Input
    {
        [ColumnName(Prefix + nameof(Prompt))]
        public string Prompt { get; set; } = "";

        [ColumnName(Prefix + nameof(Options))]
        public string Options { get; set; } = "";
    }

    internal sealed class Output
    {
        private MLImage? _image;

        /// <summary>Every read gives a copy: ML.NET keeps one object for all rows, and readers dispose what they get.</summary>
        [ColumnName(Prefix + nameof(Image)), MLImageType]
        public MLImage? Image
        {
            get => _image is null ? null : MLImage.CreateFromPixels(_image.Width, _image.Height, _image.PixelFormat, _image.Pixels);
            set
            {
                _image?.Dispose();
                _image = value;
            }
        }

        [ColumnName(Prefix + nameof(Seed))]
        public ulong Seed { get; set; }

        [ColumnName(Prefix + nameof(Tokens)), VectorType]
        public int[] Tokens { get; set; } = [];

        [ColumnName(Prefix + nameof(Score))]
        public float Score { get; set; }
    }

    public override Action<Input, Output> GetMapping()
    {
        var models = new SavedModels();
        return (input, output) => models.Generate(input.Prompt, seed: null, input.Options, output);
    }

    /// <summary>The output columns that were asked for, and where the mapping has them.</summary>
    public static IEnumerable<(string Name, string Source)> OutputNames(DalleGenerateEstimator.Options options)
    {
        yield return (options.OutputColumnName, Prefix + nameof(Output.Image));
        if (options.SeedColumnName is { } seed)
            yield return (seed, Prefix + nameof(Output.Seed));
        if (options.TokensColumnName is { } tokens)
            yield return (tokens, Prefix + nameof(Output.Tokens));
        if (options.ScoreColumnName is { } score)
            yield return (score, Prefix + nameof(Output.Score));
    }

    public static void Save(ModelSaveContext ctx, DalleGenerateEstimator.Options options, DalleModelInfo model)
    {
        var ml = new MLContext();
        var transforms = ml.Transforms;
        var (prompt, seed, text) = (Prefix + nameof(Input.Prompt), Prefix + nameof(SeededInput.InputSeed), Prefix + nameof(Input.Options));

        // A view with nothing but the input columns, of the right types.
        var empty = ml.Data.LoadFromEnumerable<SeededInput>([]);
        var named = transforms.CopyColumns(options.PromptColumnName, prompt)
            .Append(transforms.CopyColumns(options.InputSeedColumnName ?? seed, seed))
            .Fit(empty).Transform(empty);

        var chain = new EstimatorChain<ITransformer>().Append<ITransformer>(transforms.CopyColumns(prompt, options.PromptColumnName));
        if (options.InputSeedColumnName is { } seedColumn)
            chain = chain.Append<ITransformer>(transforms.CopyColumns(seed, seedColumn));
        chain = chain.Append<ITransformer>(transforms.Expression(text, $"x => \"{SavedGeneration.From(options, model).ToText()}\"", prompt));
        chain = chain.Append<ITransformer>(options.InputSeedColumnName is null
            ? transforms.CustomMapping(new GenerateMapping().GetMapping(), Contract)
            : transforms.CustomMapping(new SeededGenerateMapping().GetMapping(), SeededGenerateMapping.Contract));
        foreach (var (name, source) in OutputNames(options))
            chain = chain.Append<ITransformer>(transforms.CopyColumns(name, source));
        string[] temporary = [prompt, text, Prefix + nameof(Output.Image), Prefix + nameof(Output.Seed), Prefix + nameof(Output.Tokens), Prefix + nameof(Output.Score)];
        chain = chain.Append<ITransformer>(transforms.DropColumns(options.InputSeedColumnName is null ? temporary : [.. temporary, seed]));
        ((ICanSaveModel)chain.Fit(named)).Save(ctx);
    }

    internal sealed class SeededInput : Input
    {
        [ColumnName(Prefix + nameof(InputSeed))]
        public ulong InputSeed { get; set; }
    }
}
