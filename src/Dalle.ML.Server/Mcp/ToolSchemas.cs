using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Server.Api;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Mcp;

/// <summary>What agents are told of the arguments: with the limits of this model and this server, and without what the model does not know.</summary>
internal sealed class ToolSchemas(DalleModel model, ImageRequestReader reader, IOptions<DalleServerOptions> options)
{
    private readonly DalleModelInfo _info = model.Info;

    public static JsonElement Empty { get; } = Schema([], []);

    public JsonElement Generate => Schema(Sampling(), ["prompt"]);

    public JsonElement Edit => Schema(
        [
            ("image", Text("The image to edit: the base64 of its PNG, JPEG or WebP file, or a data URI. Paths and addresses are not read.")),
            ("mask", Text("A mask of the image's size, as 'image': what is transparent (alpha 0) is redrawn. Give one of 'mask', 'redraw' and 'keep'; without any, the transparent part of the image is redrawn.")),
            ("redraw", Region("The rectangle to redraw, in pixels of the image; the rest stays.")),
            ("keep", Region("The rectangle to keep, in pixels of the image; the rest is redrawn.")),
            .. Sampling(),
        ],
        ["image", "prompt"]);

    private IEnumerable<(string Name, JsonObject Schema)> Sampling()
    {
        var defaults = _info.Defaults;
        yield return ("prompt", Text("What the image shows, in a few plain words." + (_info.Vocabulary is null ? "" : " The model knows few words: describe_model lists them."), ("maxLength", options.Value.MaxPromptLength)));
        yield return ("n", Number("integer", "How many images, each with a seed of its own.", 1, options.Value.MaxImagesPerRequest, 1));
        yield return ("seed", new JsonObject
        {
            ["type"] = new JsonArray("integer", "string"),
            ["description"] = "The same seed and arguments give the same image again. Pass the digits that an answer told, as a string. Random if absent.",
        });
        if (reader.MaxCandidates > 1)
            yield return ("candidates", Number("integer", "Candidates for each image, of which CLIP keeps the best: more take longer and fit better.", 1, reader.MaxCandidates, defaults.Candidates ?? 1));
        yield return ("guidance_scale", Number("number", "How strictly the image follows the prompt; 1 means no guidance.", fallback: defaults.Sampling.GuidanceScale));
        if (reader.IsDiffusion)
        {
            yield return ("steps", Number("integer", "Steps of the decoder: more take longer.", 1, options.Value.MaxSteps, defaults.Diffusion.DecoderSteps));
        }
        else
        {
            yield return ("temperature", Number("number", "Higher is more varied, lower more typical.", 0, fallback: defaults.Sampling.Temperature));
            yield return ("top_k", Number("integer", "Samples from the k most likely tokens; 0 keeps all.", 0, fallback: defaults.Sampling.TopK));
            yield return ("top_p", Number("number", "Samples from the most likely tokens that reach this probability, above 0 and at most 1.", 0, 1, defaults.Sampling.TopP));
        }
        yield return ("size", new JsonObject { ["type"] = "string", ["description"] = "The size of the image: the model has one.", ["enum"] = new JsonArray(reader.Size, "auto") });
    }

    private static JsonObject Text(string description, params (string Name, JsonNode Value)[] limits)
    {
        var text = new JsonObject { ["type"] = "string", ["description"] = description };
        foreach (var (name, value) in limits)
            text[name] = value;
        return text;
    }

    private static JsonObject Number(string type, string description, double? least = null, double? most = null, double? fallback = null)
    {
        var number = new JsonObject { ["type"] = type, ["description"] = description };
        foreach (var (name, value) in new[] { ("minimum", least), ("maximum", most), ("default", fallback) })
        {
            if (value is { } limit)
                number[name] = limit;
        }
        return number;
    }

    private static JsonObject Region(string description)
    {
        var region = new JsonObject { ["type"] = "object", ["description"] = description, ["additionalProperties"] = false };
        var names = new[] { "x", "y", "width", "height" };
        region["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create<string, JsonNode?>(name, new JsonObject { ["type"] = "integer", ["minimum"] = name.Length > 1 ? 1 : 0 })));
        region["required"] = new JsonArray([.. names.Select(name => (JsonNode)name)]);
        return region;
    }

    private static JsonElement Schema(IEnumerable<(string Name, JsonObject Schema)> properties, string[] required) => JsonSerializer.SerializeToElement(new JsonObject
    {
        ["type"] = "object",
        ["properties"] = new JsonObject(properties.Select(property => KeyValuePair.Create<string, JsonNode?>(property.Name, property.Schema))),
        ["required"] = new JsonArray([.. required.Select(name => (JsonNode)name)]),
        ["additionalProperties"] = false,
    });
}
