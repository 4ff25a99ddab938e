using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Families;

/// <summary>How the models of onnx/training and Dalle.ML.Training read text, as their <c>config.json</c> tells it.</summary>
/// <param name="Lowercase">Whether text is put into lower case.</param>
/// <param name="VocabSize">Number of ids without padding.</param>
/// <param name="Length">Ids of a text with padding.</param>
/// <param name="LeadingSpace">Whether text begins with a space.</param>
internal sealed record TextPart(bool Lowercase, int VocabSize, int Length, bool LeadingSpace = false)
{
    /// <summary>The steps that say so in a manifest.</summary>
    public TextCleaning[] Cleaning()
    {
        List<TextCleaning> steps = [];
        if (Lowercase)
            steps.Add(TextCleaning.Lowercase);
        if (LeadingSpace)
            steps.Add(TextCleaning.LeadingSpace);
        return [.. steps];
    }
}
