using System.Collections;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Tests.Generation;

/// <summary>Prompts that are run together are continued as if each had run alone.</summary>
public sealed class PromptPrefillTests : IDisposable
{
    // 10 prompts of 24 ids run together.
    private const int Together = 10;

    private readonly Bundle _bundle = Bundle.Open(TinyModel.Path);
    private readonly PromptTokenizer _tokenizer;
    private readonly DecoderSession _decoder;
    private readonly PromptPrefill _prefill;

    public PromptPrefillTests()
    {
        _tokenizer = new PromptTokenizer(_bundle, _bundle.Manifest.Text!);
        _decoder = new DecoderSession(_bundle, _bundle.Manifest.Decoder!, DalleDevice.Cpu);
        _prefill = new PromptPrefill(_decoder, textEncoder: null);
    }

    public void Dispose()
    {
        _prefill.Dispose();
        _decoder.Dispose();
    }

    [Fact]
    public void Rows_are_those_of_their_prompts_alone()
    {
        // More than run together, equal ones among them, next to each other and not; behind a row that is another's.
        int[] numbers = [.. Enumerable.Range(0, 13), 12, 3, 0, .. Enumerable.Range(8, 9), 3];
        var prompts = numbers.Select(Prompt).ToArray();
        using var batch = _decoder.NewBatch(prompts.Length + 1);
        _prefill.CopyTo(batch, 1, prompts, CancellationToken.None);
        using var alone = _decoder.NewBatch(1);
        for (var row = 0; row < prompts.Length; row++)
        {
            alone.Prefill(prompts[row]);
            AssertClose(alone.Logits, batch.LogitsOf(row + 1));
        }
        batch.Ids.Fill(_decoder.Graph.ImageIdOffset + 7);
        batch.Decode();
        for (var row = 0; row < prompts.Length; row++)
        {
            alone.Prefill(prompts[row]);
            alone.Ids.Fill(_decoder.Graph.ImageIdOffset + 7);
            alone.Decode();
            AssertClose(alone.Logits, batch.LogitsOf(row + 1));
        }
    }

    [Fact]
    public void It_can_be_cancelled_between_two_runs()
    {
        using var cancelled = new CancellationTokenSource();
        var read = 0;
        var prompts = new Observed<long[]>([.. Enumerable.Range(0, 3 * Together).Select(Prompt)], index =>
        {
            read = Math.Max(read, index);
            if (index == Together)
                cancelled.Cancel();
        });
        using var batch = _decoder.NewBatch(prompts.Count);
        Assert.ThrowsAny<OperationCanceledException>(() => _prefill.CopyTo(batch, 0, prompts, cancelled.Token));

        // What would have run next had been found, and no more.
        Assert.Equal(2 * Together - 1, read);
    }

    [Fact]
    public void It_goes_on_after_a_failure()
    {
        var prompts = Enumerable.Range(0, 3).Select(Prompt).ToArray();
        using var batch = _decoder.NewBatch(prompts.Length);
        _prefill.CopyTo(batch, 0, prompts, CancellationToken.None);
        var expected = batch.LogitsOf(1).ToArray();
        Assert.Throws<DalleBundleException>(() => _prefill.CopyTo(batch, 0, [[.. prompts[0].Select(_ => long.MaxValue)]], CancellationToken.None));
        batch.LogitsOf(1).Clear();
        _prefill.CopyTo(batch, 0, prompts, CancellationToken.None);
        AssertClose(expected, batch.LogitsOf(1));
    }

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], tolerance: 1e-4f);
    }

    private long[] Prompt(int number) => _tokenizer.Encode(FormattableString.Invariant($"{number} red apples"));

    private sealed class Observed<T>(T[] items, Action<int> read) : IReadOnlyList<T>
    {
        public int Count => items.Length;

        public T this[int index]
        {
            get
            {
                read(index);
                return items[index];
            }
        }

        public IEnumerator<T> GetEnumerator() => items.AsEnumerable().GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
