using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The image side of a bundle of DALLE-pytorch.</summary>
internal sealed record DallePytorchImages(ImageFormat Format, ImageGraphs Graphs)
{
    /// <summary>Writes the discrete VAE of a checkpoint: the project's own, OpenAI's, or one of taming-transformers.</summary>
    /// <exception cref="InvalidDataException">It is none of them.</exception>
    public static DallePytorchImages Write(BundleWriter bundle, Checkpoint weights, SavedArguments arguments)
    {
        // OpenAIDiscreteVAE and VQGanVAE take no other size, whatever the model was trained on.
        const int ImageSize = 256;
        if (weights.Contains("codebook.weight"))
            return Write(bundle, weights, ConvolutionalVae.Infer(weights, arguments));
        if (weights.Contains("model.decoder.conv_in.weight"))
        {
            var model = weights.Subtree("model.");
            var config = VqganConfig.Infer(model);
            var grid = ImageSize / config.Encoded;
            return new(Square(ImageSize, grid, config.CodebookSize), new Vqgan(bundle, model, config).Write(grid));
        }
        if (!weights.Contains("enc.blocks.input.w"))
        {
            throw new InvalidDataException("The checkpoint has no DiscreteVAE, OpenAIDiscreteVAE or VQGanVAE at 'weights.vae.', "
                + "so it is not what train_dalle.py saves.");
        }
        var (encoder, decoder) = (weights.Subtree("enc."), weights.Subtree("dec."));
        var openAi = OpenAiVae.Infer(encoder, decoder);
        var side = ImageSize / openAi.Reduction;
        var format = Square(side * openAi.Reduction, side, openAi.CodebookSize) with { Resample = ResampleFilter.Lanczos };
        return new(format, openAi.Write(bundle, encoder, decoder, side, side));
    }

    /// <summary>Writes the project's own discrete VAE.</summary>
    public static DallePytorchImages Write(BundleWriter bundle, Checkpoint weights, ConvolutionalVae vae) =>
        new(Square(vae.ImageSize, vae.Grid, vae.CodebookSize), vae.Write(bundle, weights));

    private static ImageFormat Square(int size, int grid, int codebookSize) => new()
    {
        Width = size,
        Height = size,
        Rows = grid,
        Columns = grid,
        CodebookSize = codebookSize,
        Resample = ResampleFilter.Bilinear,
    };
}
