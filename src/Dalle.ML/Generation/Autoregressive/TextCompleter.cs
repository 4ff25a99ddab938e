using Dalle.ML.Bundles;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// Completes texts by the transformer itself, and tells how likely it holds them to be (lucidrains/DALLE-pytorch, <c>generate_texts</c>): a stream of
/// text ids, sampled one by one up to the model's text length. Its session is created when it is first needed; on a GPU it runs on the CPU. Thread-safe.
/// </summary>
internal sealed class TextCompleter : IDisposable
{
    // Keeps a text apart from the image of the same seed.
    private const uint TextDomain = 0x74657874;

    private readonly Manifest _manifest;
    private readonly TextDecoderGraph _graph;
    private readonly TextFormat _format;
    private readonly RetryableLazy<PromptTokenizer> _tokenizer;
    private readonly RetryableLazy<DecoderSession> _decoder;

    /// <param name="bundle">The bundle.</param>
    /// <param name="graph">Its transformer over the text.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="device">Device of the model.</param>
    public TextCompleter(Bundle bundle, TextDecoderGraph graph, RetryableLazy<PromptTokenizer> tokenizer, DalleDevice device)
    {
        (_manifest, _graph, _format, _tokenizer) = (bundle.Manifest, graph, bundle.Manifest.Text!, tokenizer);
        // Where the graph samples tokens it keeps the logits to itself.
        var host = device.GpuDeviceId is null ? device : DalleDevice.Cpu;
        _decoder = new(() => new DecoderSession(bundle, graph.Graph, host, vocabulary: _format.Vocabulary));
    }

    /// <summary>Completes texts, a batch when its first text is requested.</summary>
    /// <exception cref="ArgumentException">A text is empty, and the model needs a beginning.</exception>
    /// <exception cref="NotSupportedException">An option is not for text.</exception>
    public IEnumerable<CompletedText> Complete(
        IReadOnlyList<TextCompletionRequest> requests, SamplingOptions options, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        if (options.GuidanceScale is not null)
            throw new NotSupportedException($"'{nameof(options.GuidanceScale)}' is for images: text is completed without guidance. Leave it out.");
        var (defaults, done) = (_manifest.Sampling, 0);
        var sampler = new Sampler(_format.Vocabulary, options.Temperature ?? defaults.Temperature, options.TopK ?? defaults.TopK, options.TopP ?? defaults.TopP);
        using var prefill = new PromptPrefill(_decoder.Value, textEncoder: null);
        foreach (var batch in requests.Select(request => new TextStream(request, BeginningOf(request.Prompt), _format.Length)).Chunk(_decoder.Value.MaxRows))
        {
            // Rows of a batch are of equal length.
            foreach (var texts in batch.Where(stream => stream.Ids.Count < _format.Length).GroupBy(stream => stream.Ids.Count))
                Sample([.. texts], prefill, sampler, place => Report(done, batch.Length, place), cancellationToken);
            foreach (var stream in batch)
                yield return ResultOf(stream);
            done += batch.Length;
        }

        void Report(int first, int count, int place) => progress?.Report((first + count * ((place + 1.0) / _format.Length)) / requests.Count);
    }

    /// <summary>
    /// The natural logarithms of the probabilities of a prompt's text tokens with their padding, as the model reads them: of each given those before it.
    /// Of an id that begins the stream there is none.
    /// </summary>
    public double[] LogProbabilities(string prompt, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var ids = _tokenizer.Value.Encode(prompt);
        using var lease = _decoder.Value.Rent(rows: 1, isPrefill: true);
        lease.Batch.Prefill(ids);
        var result = new double[ids.Length - 1];
        for (var place = 0; place < result.Length; place++)
            result[place] = TokenLikelihood.LogProbability(lease.Batch.LogitsAt(place), (int)ids[place + 1]);
        return result;
    }

    public void Dispose() => _decoder.Dispose();

    private int[] BeginningOf(string prompt)
    {
        var ids = _tokenizer.Value.EncodeBeginning(prompt);
        if (ids.Length == 0)
            ids = _graph.Empty;
        return _graph.Prefix.Length + ids.Length > 0
            ? ids
            : throw new ArgumentException($"An empty text cannot be completed: the texts of the model '{_manifest.Name}' begin with their first word. Give one.");
    }

    private void Sample(TextStream[] streams, PromptPrefill prefill, Sampler sampler, Action<int> report, CancellationToken cancellationToken)
    {
        using var lease = _decoder.Value.Rent(streams.Length);
        var rows = lease.Batch;
        cancellationToken.ThrowIfCancellationRequested();
        prefill.CopyTo(rows, 0, Array.ConvertAll(streams, stream => _graph.Prefix.Concat(stream.Ids).Select(id => (long)id).ToArray()), cancellationToken);
        for (var place = streams[0].Ids.Count; ; place++)
        {
            for (var row = 0; row < streams.Length; row++)
            {
                var id = sampler.Sample(rows.LogitsOf(row), Philox.Uniform(streams[row].Request.Seed, (uint)place, TextDomain));
                // A row goes on after its end as long as another one does.
                rows.Ids[row] = id;
                streams[row].Append(id, isPadding: _graph.EndsAtPadding && _format.IsPadding(id), isEnd: _format.EosTokens.Contains(id));
            }
            report(place);
            if (place == _format.Length - 1 || Array.TrueForAll(streams, stream => stream.IsEnded))
                return;
            cancellationToken.ThrowIfCancellationRequested();
            rows.Decode();
        }
    }

    private CompletedText ResultOf(TextStream stream) => new()
    {
        Prompt = stream.Request.Prompt,
        Seed = stream.Request.Seed,
        Text = _tokenizer.Value.Decode(stream.Ids).Trim(),
        Tokens = _tokenizer.Value.Fit(stream.Ids),
        NewTokens = stream.Ids.Count - stream.Given,
        CutTokens = Math.Max(0, stream.Ids.Count - _format.Length),
    };

    /// <summary>A text that grows.</summary>
    private sealed class TextStream(TextCompletionRequest request, int[] beginning, int length)
    {
        public TextCompletionRequest Request => request;

        public List<int> Ids { get; } = [.. beginning];

        /// <summary>Number of ids that were there at the beginning.</summary>
        public int Given => beginning.Length;

        public bool IsEnded { get; private set; }

        public void Append(int id, bool isPadding, bool isEnd)
        {
            if (!IsEnded && !isPadding)
                Ids.Add(id);
            IsEnded |= isPadding || isEnd || Ids.Count == length;
        }
    }
}
