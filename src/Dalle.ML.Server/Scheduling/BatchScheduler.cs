using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Scheduling;

/// <summary>The library's <see cref="DalleModel.GenerateBatch"/>; tests hold it up.</summary>
internal delegate IEnumerable<GeneratedImage> BatchGenerator(
    IReadOnlyList<GenerationRequest> requests, GenerationOptions? options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken);

/// <summary>
/// Generates the images of all clients, one batch after the other. What came while a batch was in work is grouped into the next: images with
/// equal options share one, and an image is the same in any batch.
/// </summary>
internal sealed partial class BatchScheduler : BackgroundService
{
    private readonly BatchGenerator _generate;
    private readonly DalleServerOptions _options;
    private readonly ServerTelemetry _telemetry;
    private readonly ILogger<BatchScheduler> _logger;
    private readonly FairQueue _queue;
    private readonly CancellationTokenSource _givenUp = new();
    private readonly CancellationTokenRegistration _onStopping;
    private volatile bool _isStopping;
    private double _secondsPerImage = 1;

    public BatchScheduler(
        BatchGenerator generate, IOptions<DalleServerOptions> options, ServerTelemetry telemetry, IHostApplicationLifetime lifetime, ILogger<BatchScheduler> logger)
    {
        (_generate, _options, _telemetry, _logger) = (generate, options.Value, telemetry, logger);
        _queue = new FairQueue(_options.MaxPendingImages);
        _telemetry.ObservePending(() => _queue.Pending);
        _onStopping = lifetime.ApplicationStopping.Register(() =>
        {
            _isStopping = true;
            _givenUp.CancelAfter(_options.StopTimeout);
        });
    }

    /// <summary>Whether requests are accepted.</summary>
    public bool IsReady => !_isStopping && ExecuteTask is { IsCompleted: false };

    /// <summary>Images that wait or are in work.</summary>
    public int Pending => _queue.Pending;

    /// <summary>Puts the images of a request into the queue; the caller reads and disposes the run.</summary>
    /// <param name="client">Whose turn it uses.</param>
    /// <param name="requests">Prompts and seeds.</param>
    /// <param name="options">How they are generated, with the number of candidates of each image.</param>
    /// <param name="previewParts">Parts of the work, 0 to 1, after each of which a preview is made, ascending.</param>
    /// <param name="cancellationToken">Is cancelled when the client leaves.</param>
    /// <exception cref="ApiException">The queue is full, or the server stops.</exception>
    public ImageRun Submit(
        string client, IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IReadOnlyList<double> previewParts, CancellationToken cancellationToken)
    {
        if (_isStopping)
            throw ApiException.Stopping();
        var run = new ImageRun(client, requests.Count, cancellationToken);
        var jobs = requests.Select((request, index) => new ImageJob(run, index, request, options, previewParts, _options.MaxBatchCandidates)).ToArray();
        if (!_queue.TryAdd(jobs))
        {
            run.Dispose();
            throw _isStopping ? ApiException.Stopping() : ApiException.QueueFull(_queue.Pending, _options.MaxPendingImages, RetryAfter());
        }
        // Room in the queue is free at once, also while a long batch is in work.
        run.Abandoned.Register(_queue.RemoveAbandoned);
        return run;
    }

    public override void Dispose()
    {
        _onStopping.Dispose();
        base.Dispose();
        _givenUp.Dispose();
        _queue.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _givenUp.Token);
        try
        {
            while (true)
            {
                await _queue.WaitAsync(stop.Token).ConfigureAwait(false);
                await Task.Delay(_options.BatchDelay, stop.Token).ConfigureAwait(false);
                while (_queue.TakeBatch(_options.MaxBatchCandidates) is { Count: > 0 } batch)
                {
                    // Its work is long and synchronous: it gets a thread, not a place among those that serve requests.
                    await Task.Factory.StartNew(() => Run(batch, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
                    await Task.Delay(_options.BatchDelay, stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _isStopping = true;
            Fail(_queue.Close(), ApiException.Stopping());
        }
    }

    /// <summary>Generates a batch. If it fails as a whole, its images are tried one by one, so that one does not spoil the others.</summary>
    private void Run(IReadOnlyList<ImageJob> batch, CancellationToken stop)
    {
        using var activity = _telemetry.StartBatch(batch);
        var clock = Stopwatch.StartNew();
        var left = new Queue<ImageJob>(batch);
        try
        {
            var slice = batch[0].Slice;
            var requests = batch.Select(job => job.Request with { CancellationToken = job.Abandoned }).ToArray();
            foreach (var image in _generate(requests, slice, new LeaderProgress(batch[0]), stop))
            {
                // The library leaves out images whose client has left.
                while (left.Count > batch.Count - image.Index)
                    Drop(left.Dequeue());
                var job = left.Dequeue();
                if (job.Add(image))
                {
                    _queue.Finish();
                    _telemetry.ImageDone(job.Age);
                }
                else
                {
                    _queue.Return(job);
                }
            }
            while (left.TryDequeue(out var job))
                Drop(job);
            _secondsPerImage = (_secondsPerImage + clock.Elapsed.TotalSeconds / batch.Count) / 2;
            _telemetry.BatchDone(batch.Count, slice.Candidates!.Value, clock.Elapsed);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Fail(left, ApiException.Stopping());
        }
#pragma warning disable CA1031 // Whatever goes wrong is the answer to these requests; others go on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.GetType().Name);
            if (batch.Count > 1)
            {
                LogRetry(exception, batch.Count);
                while (left.TryDequeue(out var job))
                    Run([job], stop);
            }
            else if (exception is ArgumentOutOfRangeException or NotSupportedException)
            {
                // What only the model could tell of the request, such as more steps than it was trained with.
                Fail(left, ApiException.Unsupported(exception.Message.Split('\n', '(')[0].Trim()));
            }
            else
            {
                LogFailure(exception);
                Fail(left, exception);
            }
        }
    }

    private void Drop(ImageJob job)
    {
        job.Dispose();
        _queue.Finish();
    }

    private void Fail(IEnumerable<ImageJob> jobs, Exception exception)
    {
        foreach (var job in jobs)
        {
            job.Fail(exception);
            _queue.Finish();
        }
    }

    private TimeSpan RetryAfter() => TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling(_queue.Pending * _secondsPerImage), 1, 60));

    [LoggerMessage(Level = LogLevel.Warning, Message = "A batch of {Images} images failed; they are generated one by one.")]
    private partial void LogRetry(Exception exception, int images);

    [LoggerMessage(Level = LogLevel.Error, Message = "An image failed.")]
    private partial void LogFailure(Exception exception);

    /// <summary>Reports at once, in the thread that generates: the tokens are valid only then.</summary>
    private sealed class LeaderProgress(ImageJob leader) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => leader.Report(value);
    }
}
