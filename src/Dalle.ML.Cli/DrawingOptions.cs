using System.CommandLine;
using Dalle.ML.Generation;
using Dalle.ML.Runtime;

namespace Dalle.ML.Cli;

/// <summary>The options that say which model draws, where and how.</summary>
internal sealed class DrawingOptions
{
    public Option<DirectoryInfo> Model { get; } = new("--model", "-m") { Description = "The bundle's folder [default: the built-in model]." };

    public Option<ulong?> Seed { get; } = new("--seed") { Description = "The same seed gives the same images [default: a random one, which is kept]." };

    public Option<string> Device { get; } = new("--device") { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu" };

    /// <summary>All of them but model and seed, in the order of the help.</summary>
    public IEnumerable<Option> Others => [_candidates, _temperature, _topK, _topP, _guidance, Device];

    private readonly Option<int?> _candidates = new("--candidates") { Description = "Candidates drawn for each image, of which CLIP keeps the best [default: the model's]." };
    private readonly Option<float?> _temperature = new("--temperature") { Description = "0 always takes the likeliest token; higher varies more [default: the model's]." };
    private readonly Option<int?> _topK = new("--top-k") { Description = "Draw from the k likeliest tokens only; 0 for all [default: the model's]." };
    private readonly Option<float?> _topP = new("--top-p") { Description = "Draw from the likeliest tokens that together reach this probability [default: the model's]." };
    private readonly Option<float?> _guidance = new("--guidance") { Description = "Scale of classifier-free guidance; 1 for none [default: the model's]." };

    public DrawingOptions()
    {
        Require(_candidates, count => count is null or (>= 1 and <= GenerationOptions.MaxCandidates), $"between 1 and {GenerationOptions.MaxCandidates}");
        Require(_temperature, value => value is null or (>= 0 and <= float.MaxValue), "0 or more");
        Require(_topK, value => value is null or >= 0, "0 or more");
        Require(_topP, value => value is null or (> 0 and <= 1), "above 0 and at most 1");
        Require(_guidance, value => value is null || float.IsFinite(value.Value), "a finite number");
        Require(Device, value => value is not null && IsDevice(value), "cpu, cuda or cuda:N");
    }

    public GenerationOptions Generation(ParseResult parsed) => new()
    {
        Candidates = parsed.GetValue(_candidates),
        Sampling = new SamplingOptions
        {
            Temperature = parsed.GetValue(_temperature),
            GuidanceScale = parsed.GetValue(_guidance),
            TopK = parsed.GetValue(_topK),
            TopP = parsed.GetValue(_topP),
        },
    };

    /// <summary>Adds a check of an option's range, whose message names both.</summary>
    public static void Require<T>(Option<T> option, Func<T?, bool> isValid, string range) => option.Validators.Add(result =>
    {
        try
        {
            if (isValid(result.GetValueOrDefault<T>()))
                return;
        }
        catch (InvalidOperationException)
        {
            // It is no value of the type at all.
        }
        result.AddError($"{option.Name} must be {range}.");
    });

    private static bool IsDevice(string text)
    {
        try
        {
            DalleDevice.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
