using Dalle.ML.Images;

namespace Dalle.ML.Generation;

/// <summary>One of the images generated for a request.</summary>
/// <param name="Index">Zero-based index of the request.</param>
/// <param name="Request">The request.</param>
/// <param name="Number">Zero-based index of the candidate.</param>
/// <param name="Tokens">The image tokens in raster order.</param>
/// <param name="Decode">Makes the image, which the caller disposes; those of several candidates may be made at once.</param>
internal readonly record struct Candidate(int Index, GenerationRequest Request, int Number, int[] Tokens, Func<ImageTensor> Decode)
{
    /// <summary>The seed that generates this candidate as the only one.</summary>
    public ulong Seed => Seeds.OfCandidate(Request.Seed, Number);
}
