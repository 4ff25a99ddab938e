using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Optimisation;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Stages;

/// <summary>
/// The tokens of all images of a set, which a trained discrete VAE encodes once; they are kept in a file, so that later runs read no image.
/// </summary>
internal sealed class ImageTokens
{
    private const string FileName = "tokens.safetensors";
    private const int BatchSize = 64;

    private readonly int[] _tokens;
    private readonly int _each;

    private ImageTokens(int[] tokens, int each) => (_tokens, _each) = (tokens, each);

    /// <summary>The tokens of an image.</summary>
    public ReadOnlySpan<int> Of(int image) => _tokens.AsSpan(image * _each, _each);

    /// <summary>Reads the tokens that are kept, or encodes the images if they or the discrete VAE are others by now.</summary>
    public static ImageTokens Get(StageContext context, DiscreteVaeNetwork network, ReplicaThreads threads, CancellationToken cancellationToken)
    {
        int[] images = [.. context.Set.Training, .. context.Set.Validation];
        var (each, count) = (context.Grid * context.Grid, images.Length == 0 ? 0 : images.Max() + 1);
        var path = Path.Combine(context.Plan.Folder, FileName);
        var fingerprint = Fingerprint(context, network);
        if (File.Exists(path))
        {
            using var kept = Checkpoint.Open(path);
            if (kept.Settings.GetValueOrDefault("fingerprint") as string == fingerprint)
            {
                var values = kept.Read("tokens", count, each).Values;
                if (values.All(token => token >= 0 && token < network.Sizes.Codes))
                    return new(Array.ConvertAll(values, token => (int)token), each);
            }
        }
        var tokens = new int[checked(count * each)];
        Encode(context, network, threads, images, tokens, cancellationToken);
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(path, [("tokens", tensor(tokens, [count, each]))], new Dictionary<string, string> { ["fingerprint"] = fingerprint });
        return new(tokens, each);
    }

    private static void Encode(StageContext context, DiscreteVaeNetwork network, ReplicaThreads threads, int[] images, int[] tokens, CancellationToken cancellationToken)
    {
        var each = context.Grid * context.Grid;
        foreach (var chunk in images.Chunk(BatchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var pixels = context.ReadPixels(chunk);
            threads.Run(replica =>
            {
                var (start, count) = threads.Share(replica, chunk.Length);
                if (count == 0)
                    return;
                using var scope = NewDisposeScope();
                using var off = no_grad();
                long[] ids = [];
                // In floats, as the exported encoder computes.
                threads.Pass(nameof(Encode), count, () => ids = network.Encode(context.ToTensor(pixels, start, count)).cpu().data<long>().ToArray());
                for (var i = 0; i < ids.Length; i++)
                    tokens[chunk[start + i / each] * each + i % each] = (int)ids[i];
            });
        }
    }

    private static string Fingerprint(StageContext context, DiscreteVaeNetwork network)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var scope = NewDisposeScope();
        foreach (var tensor in network.parameters().Concat(network.buffers()))
            hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{context.Set.Hash} {context.Set.ImageSize}")));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
