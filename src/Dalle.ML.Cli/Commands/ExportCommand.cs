using System.CommandLine;
using System.CommandLine.Parsing;
using Dalle.ML.Export;

namespace Dalle.ML.Cli;

/// <summary><c>dalle export</c>: exports a checkpoint as a bundle.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var family = new Argument<string>("family") { HelpName = "family", Description = $"Model family: {string.Join(", ", BundleExporter.Families)}." };
        family.AcceptOnlyFromAmong([.. BundleExporter.Families]);
        var sources = new Argument<string[]>("checkpoint")
        {
            Description = "Folder of the checkpoint, or its files in the family's order.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var output = new Option<string>("--output", "-o") { HelpName = "folder", Description = "Folder of the bundle.", Required = true };
        var precision = NewPrecision("Precision of the transformer; fp16 is for GPUs and for CPUs with AVX-512 [default: fp32].");
        var clip = new Option<string>("--clip") { HelpName = "model", Description = "Folder or name of a bundle whose CLIP is added to this one." };
        var upscaler = new Option<string>("--upscaler") { HelpName = "model", Description = "Folder or name of a bundle whose upscaler is added to this one." };
        var random = new Option<bool>("--random") { Description = "Random weights in the geometry that --size names, to measure speed." };
        var size = new Option<string>("--size") { Description = "Geometry of --random." };
        var settings = new Option<string[]>("--set") { HelpName = "name=value", Description = "A setting that cannot be read from the weights; may be repeated." };
        var name = new Option<string>("--name") { HelpName = "text", Description = "Name of the model [default: the checkpoint's]." };
        var description = new Option<string>("--description") { HelpName = "text", Description = "What the model generates, for the manifest." };
        var license = new Option<string>("--license") { HelpName = "text", Description = "Licence of the weights, for the manifest." };
        var provenance = new Option<string>("--provenance") { HelpName = "text", Description = "Origin of the weights, for the manifest." };

        var command = new ToolCommand("export", "Export a checkpoint as a bundle of ONNX graphs, reproducible byte for byte.",
        [
            "dalle export dalle ./checkpoint -o ./my-model",
            "dalle export dalle ./checkpoint -o ./my-model --name birds --license MIT",
            "dalle export min-dalle ./pretrained -o ./mega --precision fp16 --clip ./clip",
            "dalle export clip ./ViT-B-32.pt ./bpe_simple_vocab_16e6.txt.gz -o ./clip",
            "dalle export min-dalle --random --size mini -o ./mini",
        ])
        {
            family, sources, output, precision, clip, upscaler, random, size, settings, name, description, license, provenance, Results.Json,
        };
        command.SetAction(parsed =>
        {
            var (folder, chosen) = (parsed.GetRequiredPath(output), parsed.GetRequiredValue(family));
            var options = new ExportOptions
            {
                Precision = parsed.GetValue(precision) ?? Precision.Fp32,
                Clip = parsed.GetModelPath(clip),
                Upscaler = parsed.GetModelPath(upscaler),
                Settings = Settings(parsed.GetValue(settings) ?? []),
                Name = parsed.GetValue(name),
                Description = parsed.GetValue(description),
                License = parsed.GetValue(license),
                Provenance = parsed.GetValue(provenance),
            };
            var (paths, geometry) = (Array.ConvertAll(parsed.GetValue(sources) ?? [], parsed.Console().FullPath), parsed.GetValue(size));
            if (parsed.GetValue(random) && (paths.Length > 0 || geometry is null))
                throw new UsageException($"--random takes no checkpoint and needs --size. Sizes: {string.Join(", ", BundleExporter.SizesOf(chosen))}.");
            if (!parsed.GetValue(random) && (paths.Length == 0 || geometry is not null))
                throw new UsageException("Give the checkpoint, or --random and --size.");
            IReadOnlyList<string> notes = [];
            try
            {
                if (geometry is null)
                    notes = BundleExporter.Export(chosen, paths, folder, options);
                else
                    BundleExporter.ExportRandom(chosen, geometry, folder, options);
            }
            catch (ArgumentException exception)
            {
                // There is no such size or setting.
                throw new UsageException(exception.Message.Split(" (Parameter")[0]);
            }
            foreach (var note in notes)
                Results.Remark(parsed, note);
            Results.Write(parsed, folder, new { Bundle = folder, Notes = notes });
            return CommandLine.Success;
        });
        return command;
    }

    /// <summary>The option of the precision.</summary>
    public static Option<Precision?> NewPrecision(string description)
    {
        var precision = new Option<Precision?>("--precision") { Description = description, CustomParser = Read };
        // In place of the names of the enumeration, which come in two spellings.
        precision.CompletionSources.Clear();
        precision.CompletionSources.Add([.. Enum.GetNames<Precision>().Select(name => name.ToLowerInvariant())]);
        return precision;
    }

    private static Precision? Read(ArgumentResult result)
    {
        var word = result.Tokens[0].Value;
        if (Enum.GetNames<Precision>().Contains(word, StringComparer.OrdinalIgnoreCase))
            return Enum.Parse<Precision>(word, ignoreCase: true);
        result.AddError($"'{word}' is not a precision. Use fp32, fp16, int8 or int4.");
        return null;
    }

    private static Dictionary<string, string> Settings(string[] pairs)
    {
        var settings = new Dictionary<string, string>();
        foreach (var pair in pairs)
        {
            var parts = pair.Split('=', 2);
            if (parts.Length < 2 || !settings.TryAdd(parts[0], parts[1]))
                throw new UsageException($"--set takes name=value, each name once; '{pair}' is not valid.");
        }
        return settings;
    }
}
