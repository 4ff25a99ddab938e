using System.Diagnostics;
using System.Diagnostics.Metrics;
using Dalle.ML.Server.Scheduling;

namespace Dalle.ML.Server;

/// <summary>The meter and the activity source of the server.</summary>
internal sealed class ServerTelemetry : IDisposable
{
    private readonly ActivitySource _source = new(DalleServer.TelemetryName);
    private readonly Meter _meter;
    private readonly Histogram<int> _batchSize;
    private readonly Histogram<double> _batchDuration;
    private readonly Histogram<double> _imageDuration;
    private readonly Counter<long> _images;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _refused;
    private readonly int _tokensPerImage;

    public ServerTelemetry(IMeterFactory meters, DalleModel model)
    {
        _meter = meters.Create(DalleServer.TelemetryName);
        _batchSize = _meter.CreateHistogram<int>("dalle.batch.size", "{image}", "Images that were generated together.");
        _batchDuration = _meter.CreateHistogram<double>("dalle.batch.duration", "s", "Time that a batch took.");
        _imageDuration = _meter.CreateHistogram<double>("dalle.image.duration", "s", "Time of an image from its request to its end, waiting included.");
        _images = _meter.CreateCounter<long>("dalle.images", "{image}", "Images that were generated.");
        _tokens = _meter.CreateCounter<long>("dalle.tokens", "{token}", "Image tokens that were sampled.");
        _refused = _meter.CreateCounter<long>("dalle.requests.refused", "{request}", "Requests that were answered with an error, by its code.");
        _tokensPerImage = model.Info.TokenRows * model.Info.TokenColumns;
    }

    public void ObservePending(Func<int> pending) =>
        _meter.CreateObservableUpDownCounter("dalle.queue.images", pending, "{image}", "Images that wait or are in work.");

    /// <summary>Starts the activity of a batch, which is linked to the requests in it.</summary>
    public Activity? StartBatch(IReadOnlyList<ImageJob> batch)
    {
        if (!_source.HasListeners())
            return null;
        var links = batch.Select(job => job.Context).Where(context => context != default).Distinct().Select(context => new ActivityLink(context));
        return _source.StartActivity("dalle.batch", ActivityKind.Internal, parentContext: default, tags: [new("dalle.batch.size", batch.Count), new("dalle.candidates", batch[0].Slice.Candidates)], links);
    }

    public void BatchDone(int images, int candidates, TimeSpan duration)
    {
        _batchSize.Record(images);
        _batchDuration.Record(duration.TotalSeconds);
        _tokens.Add((long)images * candidates * _tokensPerImage);
    }

    public void ImageDone(TimeSpan duration)
    {
        _images.Add(1);
        _imageDuration.Record(duration.TotalSeconds);
    }

    public void Refused(string code) => _refused.Add(1, new KeyValuePair<string, object?>("error.type", code));

    public void Dispose()
    {
        _source.Dispose();
        _meter.Dispose();
    }
}
