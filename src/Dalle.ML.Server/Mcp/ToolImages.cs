using System.Globalization;
using System.Threading.Channels;
using Dalle.ML.Server.Api;
using Dalle.ML.Server.Security;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Dalle.ML.Server.Mcp;

/// <summary>Generates the images of a call, and reports how far they are.</summary>
internal sealed class ToolImages(DalleModel model, ImageRequestReader reader, ImageService service, IHttpContextAccessor http)
{
    /// <summary>Runs a request in the queue of all clients.</summary>
    /// <returns>What is told of the images, and the images.</returns>
    public async Task<(ToolReply Reply, IReadOnlyList<ContentBlock> Content)> RunAsync(
        RequestContext<CallToolRequestParams> call, ImageRequest request, IReadOnlyList<GenerationRequest> images, CancellationToken cancellationToken)
    {
        var client = http.HttpContext is { } context ? RequestGuard.ClientOf(context) : "";

        // Only the newest report counts, and generating does not wait for a slow reader.
        var reports = Channel.CreateBounded<double>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var reporting = call.Params?.ProgressToken is { } token ? ReportAsync(call.Server, token, request, reports.Reader, cancellationToken) : null;
        using var run = service.Start(client, request, images, reporting is null ? null : new ChannelProgress(reports.Writer), cancellationToken);
        var (replies, files) = (new ToolImageReply[request.Count], new ContentBlock[request.Count]);
        try
        {
            await foreach (var happened in run.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                using (happened)
                {
                    var image = happened.Image!;
                    replies[happened.Index] = new ToolImageReply(image.Seed.ToString(CultureInfo.InvariantCulture), ImageService.Finite(image.Score), image.Candidate);
                    files[happened.Index] = ImageContentBlock.FromBytes(EncodedFormat.Png.Encode(image.Image), EncodedFormat.Png.MediaType);
                }
            }
        }
        finally
        {
            reports.Writer.TryComplete();
        }

        // A report after the answer would belong to nothing.
        if (reporting is not null)
            await reporting.ConfigureAwait(false);
        return (new ToolReply(model.Info.Name, reader.Size, replies) { Warnings = service.WarningsOf(request.Prompt) }, files);
    }

    /// <summary>Sends reports: tokens of all candidates, or per cent of a diffusion model's steps.</summary>
    private async Task ReportAsync(McpServer server, ProgressToken token, ImageRequest request, ChannelReader<double> reports, CancellationToken cancellationToken)
    {
        var total = reader.IsDiffusion ? 100 : (double)request.Count * request.Options.Candidates!.Value * model.Info.TokenRows * model.Info.TokenColumns;
        var unit = reader.IsDiffusion ? "%" : string.Create(CultureInfo.InvariantCulture, $" of {total:0} tokens");
        var last = 0.0;
        await foreach (var part in reports.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var done = Math.Round(part * total);
            if (done <= last)
                continue;
            last = done;
            var value = new ProgressNotificationValue { Progress = (float)done, Total = (float)total, Message = string.Create(CultureInfo.InvariantCulture, $"{done:0}{unit}") };
            await server.NotifyProgressAsync(token, value, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed class ChannelProgress(ChannelWriter<double> writer) : IProgress<double>
    {
        public void Report(double value) => writer.TryWrite(value);
    }
}
