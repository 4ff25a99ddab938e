using Dalle.ML.Images;

namespace Dalle.ML.Generation;

/// <summary>One of the images that were generated for a request.</summary>
/// <param name="Request">The request.</param>
/// <param name="Number">Which of its candidates this is, from 0.</param>
/// <param name="Tokens">The image tokens in raster order.</param>
/// <param name="Pixels">The picture, which whoever takes the candidate disposes.</param>
internal readonly record struct Candidate(GenerationRequest Request, int Number, int[] Tokens, ImageTensor Pixels)
{
    /// <summary>The seed that gives this candidate as the only one.</summary>
    public ulong Seed => Seeds.OfCandidate(Request.Seed, Number);
}
