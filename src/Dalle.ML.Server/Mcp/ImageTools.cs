using Dalle.ML.Server.Api;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Dalle.ML.Server.Mcp;

/// <summary><c>generate_image</c>: images for a prompt.</summary>
internal sealed class GenerateImageTool(ToolImages images, ImageRequestReader reader, ToolSchemas schemas, ILogger<GenerateImageTool> logger) : DalleTool<GenerateArguments>(
    "generate_image", "Generate images",
    "Generates images for a prompt. Answers with the images as PNG, and as JSON the seed of each, which generates it again, its CLIP score (higher fits better), and warnings if the model did not see all of the prompt.",
    schemas.Generate, logger)
{
    protected override async ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, GenerateArguments arguments, CancellationToken cancellationToken)
    {
        var read = reader.Read(arguments.ToBody(), ImageUse.Generation);
        var (reply, content) = await images.RunAsync(request, read, read.Series, cancellationToken).ConfigureAwait(false);
        return Result(reply, content);
    }
}

/// <summary><c>edit_image</c>: a part of an image is redrawn.</summary>
internal sealed class EditImageTool(
    ToolImages images, ImageRequestReader reader, ImageService service, ToolSchemas schemas, IOptions<DalleServerOptions> options, ILogger<EditImageTool> logger)
    : DalleTool<EditArguments>(
        "edit_image", "Redraw a part of an image",
        "Redraws a part of an image for a prompt that describes the whole image, and keeps the rest. Say which part by 'redraw', 'keep' or 'mask'. The image is scaled and cropped to the model's size. Answers as generate_image does.",
        schemas.Edit, logger)
{
    protected override async ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, EditArguments arguments, CancellationToken cancellationToken)
    {
        service.CheckCanEdit();
        var read = reader.Read(arguments.ToBody(), ImageUse.Edit);
        var image = FileOf(arguments.Image ?? throw ApiException.Missing("image", "'image' is missing: the base64 of the image to edit."), "image");
        if (new object?[] { arguments.Mask, arguments.Redraw, arguments.Keep }.Count(part => part is not null) > 1)
            throw ApiException.Invalid("mask", "Give one of 'mask', 'redraw' and 'keep', not several.");
        var mask = arguments.Mask is { } text ? FileOf(text, "mask") : null;
        var region = arguments.Redraw?.ToRegion(isKept: false) ?? arguments.Keep?.ToRegion(isKept: true);
        var edits = await service.EditsAsync(read, image, mask, region, cancellationToken).ConfigureAwait(false);
        var (reply, content) = await images.RunAsync(request, read, edits, cancellationToken).ConfigureAwait(false);
        return Result(reply, content);
    }

    /// <summary>The bytes of a file in base64. No path and no address is followed.</summary>
    private byte[] FileOf(string text, string name)
    {
        const string Mark = ";base64,";
        var start = text.StartsWith("data:", StringComparison.OrdinalIgnoreCase) && text.IndexOf(Mark, StringComparison.OrdinalIgnoreCase) is >= 0 and var comma ? comma + Mark.Length : 0;
        var digits = text.AsSpan(start);
        if (digits.Length / 4L * 3 > options.Value.MaxUploadBytes)
            throw ApiException.Invalid(name, $"'{name}' has more than {options.Value.MaxUploadBytes} bytes.");
        var file = new byte[digits.Length / 4 * 3 + 3];
        return Convert.TryFromBase64Chars(digits, file, out var length) && length > 0
            ? file[..length]
            : throw ApiException.Invalid(name, $"'{name}' is not base64. Send the content of the image file in base64, or a data URI; paths and addresses are not read.");
    }
}
