using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Finds the networks of DALLE2-pytorch in what its trainers, or people, saved. A trainer keeps the weights of its last step and their
/// moving average, which it samples with.
/// </summary>
internal static class Dalle2Weights
{
    private const string PriorTensor = "learned_query";
    private const string UnetTensor = "null_image_hiddens";
    private const string ClipTensor = "ln_final.weight";

    /// <summary>The network of the prior; null where there is none.</summary>
    public static Checkpoint? Prior(Checkpoint file, bool averaged) => Find(file, PriorTensor, averaged, _ => true);

    /// <summary>The UNet of a stage; null where there is none.</summary>
    public static Checkpoint? Unet(Checkpoint file, int stage, bool averaged) => Find(file, UnetTensor, averaged,
        path => $".{path}".EndsWith($".unets.{stage}.", StringComparison.Ordinal) || $".{path}".Contains($".ema.{stage}.", StringComparison.Ordinal));

    /// <summary>The CLIP; null where there is none.</summary>
    public static Checkpoint? Clip(Checkpoint file) => Find(file, ClipTensor, averaged: true, _ => true);

    /// <summary>Number of UNets, if they are without a gap.</summary>
    public static int Unets(Checkpoint file) => Enumerable.Range(0, int.MaxValue).TakeWhile(stage => Unet(file, stage, averaged: true) is not null).Count();

    private static Checkpoint? Find(Checkpoint file, string tensor, bool averaged, Func<string, bool> fits)
    {
        var paths = file.Names.Where(name => $".{name}".EndsWith("." + tensor, StringComparison.Ordinal)).Select(name => name[..^tensor.Length]).Where(fits);
        var path = paths.OrderBy(path => path.Contains("ema_model.", StringComparison.Ordinal) == averaged ? 0 : 1)
            .ThenBy(path => path.Contains("online_model.", StringComparison.Ordinal) ? 1 : 0).ThenBy(path => path.Length).FirstOrDefault();
        return path is null ? null : path.Length == 0 ? file : file.Subtree(path);
    }
}
