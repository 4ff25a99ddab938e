namespace Dalle.ML;

/// <summary>Which of several candidates of a prompt is the best.</summary>
public enum RankBy
{
    /// <summary>The one that fits the prompt best by CLIP, as <see cref="GeneratedImage.Score"/> tells (Ramesh et al. 2021).</summary>
    Clip,

    /// <summary>
    /// The one that surprises the transformer least, as <see cref="GeneratedImage.Perplexity"/> tells (ai-forever/ru-dalle). It needs no CLIP, and about
    /// as much time again as the generation.
    /// </summary>
    Perplexity,

    /// <summary>
    /// ru-dALLE's cherry-picking: it sorts images by perplexity as it generates them, and those anew by CLIP. So it is the order of CLIP, of equal scores
    /// the lower perplexity first; both numbers are computed.
    /// </summary>
    Both,
}
