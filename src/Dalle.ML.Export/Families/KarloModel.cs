using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The parts of a Karlo with the names of the original, wherever they come from; what is null is not there.</summary>
internal sealed record KarloModel
{
    /// <summary>The CLIP, perhaps of a text tower alone.</summary>
    public required Checkpoint Clip { get; init; }

    public Checkpoint? Prior { get; init; }

    public Checkpoint? Decoder { get; init; }

    /// <summary>The network of super-resolution.</summary>
    public Checkpoint? Upsampler { get; init; }

    /// <summary>The one that takes its last step.</summary>
    public Checkpoint? LastUpsampler { get; init; }

    /// <summary>Means and deviations of CLIP's image embeddings; null where the prior gives them as they are.</summary>
    public Tensor? Statistics { get; init; }

    public required KarloSettings Settings { get; init; }

    /// <summary>Writes the files of the tokenizer.</summary>
    public required Func<BundleWriter, ClipText, TokenizerFiles> Tokenizer { get; init; }

    /// <summary>The networks, by the shapes of their weights.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of Karlo, or not those of one.</exception>
    public KarloNetworks Infer()
    {
        if (Upsampler is not null && Decoder is null)
            throw new InvalidDataException("There is super-resolution without a decoder, whose images it makes larger: give the decoder too.");
        // Neither Karlo nor diffusers rounds the weights of CLIP.
        var both = Clip.Contains("visual.proj") ? OpenAiClip.Infer(Clip, Settings.TextHeads, Settings.ImageHeads) : null;
        var networks = new KarloNetworks(ClipText.Infer(Clip, Settings.TextHeads) with { Rounds = false }, Clip.Shape("text_projection", rank: 2)[1])
        {
            Clip = both is null ? null : both with { Image = both.Image with { Rounds = false } },
            Prior = Prior is null ? null : KarloPrior.Infer(Prior, Settings.PriorHeads),
            Decoder = Decoder is null ? null : KarloUnet.Infer(Decoder, Settings.HeadSize),
            Upsampler = Upsampler is null ? null : KarloUnet.Infer(Upsampler, Settings.HeadSize),
            ImageSize = Settings.ImageSize,
            UpsampledSize = Settings.UpsampledSize,
        };
        var (embedding, text) = (networks.Embedding, networks.Text);
        ClipFamily.Match("prior", "an embedding", networks.Prior?.Embedding, embedding);
        ClipFamily.Match("prior", "hidden states", networks.Prior?.TextWidth, text.Width);
        ClipFamily.Match("prior", "texts", networks.Prior?.TextLength, text.Length);
        ClipFamily.Match("decoder", "an embedding", networks.Decoder?.Conditions?.Embedding, embedding);
        ClipFamily.Match("decoder", "hidden states", networks.Decoder?.Conditions?.TextWidth, text.Width);
        ClipFamily.Match("statistics", "embeddings", Statistics?.Values.Length / 2, embedding);
        return networks;
    }
}

/// <summary>The networks of a Karlo.</summary>
/// <param name="Text">The text tower.</param>
/// <param name="Embedding">Number of values of an embedding.</param>
internal sealed record KarloNetworks(ClipText Text, int Embedding)
{
    /// <summary>Both towers, if there is that of images.</summary>
    public OpenAiClip? Clip { get; init; }

    public KarloPrior? Prior { get; init; }

    public KarloUnet? Decoder { get; init; }

    /// <summary>Either network of super-resolution.</summary>
    public KarloUnet? Upsampler { get; init; }

    public required int ImageSize { get; init; }

    public required int UpsampledSize { get; init; }
}

/// <summary>What the weights do not tell; defaults are those of the published model.</summary>
internal sealed record KarloSettings
{
    /// <summary>Number of attention heads of CLIP's text tower; one for 64 of its width if null.</summary>
    public int? TextHeads { get; init; }

    /// <summary>The same of its image tower.</summary>
    public int? ImageHeads { get; init; }

    public int? PriorHeads { get; init; }

    /// <summary>Number of values of the decoder's heads.</summary>
    public int HeadSize { get; init; } = 64;

    public int ImageSize { get; init; } = 64;

    public int UpsampledSize { get; init; } = 256;

    public KarloSampling Prior { get; init; } = new() { Steps = 25, Guidance = 4, Range = 10 };

    public KarloSampling Decoder { get; init; } = new() { Steps = 50, Guidance = 8 };

    public KarloSampling Upsampler { get; init; } = new() { Steps = 7 };

    /// <summary>Whether the noise schedule is computed in 32 bits.</summary>
    public bool IsSingle { get; init; }

    /// <summary>How an image that is not square becomes so.</summary>
    public Fit Fit { get; init; } = Fit.Squash;
}

/// <summary>How a network of Karlo is sampled from.</summary>
internal sealed record KarloSampling
{
    public required int Steps { get; init; }

    public DiffusionSampler Sampler { get; init; }

    public float Guidance { get; init; } = 1;

    /// <summary>Range of the estimates.</summary>
    public float Range { get; init; } = 1;

    public NoiseSchedule Schedule { get; init; } = new() { Betas = Betas.Cosine, Timesteps = 1000 };
}
