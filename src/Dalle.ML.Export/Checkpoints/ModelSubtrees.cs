namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Finds a model within whatever a trainer wrapped it in: dictionaries such as <c>state_dict</c>, and modules such as those of
/// DistributedDataParallel, DeepSpeed (<c>module.</c>) and torch.compile (<c>_orig_mod.</c>). Every family opens its checkpoints this way.
/// </summary>
/// <remarks>
/// If a checkpoint contains the model several times, the order of preference is: not wrapped at all, wrapped in known wrappers only, the image
/// model of a taming-transformers pair of stages, a moving average of the weights, anything else. Two candidates of the same rank are an error.
/// </remarks>
internal static class ModelSubtrees
{
    private static readonly string[] Wrappers =
        ["state_dict", "model_state_dict", "model", "module", "_orig_mod", "weights", "params", "net", "network", "online_model"];

    // taming-transformers: Net2NetTransformer keeps the VQGAN of its images here, and that of its condition in cond_stage_model.
    private const string ImageStage = "first_stage_model";

    private static readonly string[] MovingAverages =
        ["ema", "ema_model", "model_ema", "ema_state_dict", "model_ema_state_dict", "state_dict_ema", "params_ema", "ema_params"];

    /// <summary>The part of a checkpoint in which a tensor has this name.</summary>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="tensor">The tensor's name within the part.</param>
    /// <param name="note">Is told which part was taken, if others have such a tensor too.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or several that are equally likely to be the model's.</exception>
    public static Checkpoint FindSubtree(this Checkpoint weights, string tensor, Action<string>? note = null) => weights.TryFindSubtree(tensor, note)
        ?? throw new InvalidDataException($"The checkpoint has no tensor '{tensor}'. It has "
            + $"{string.Join(", ", weights.Names.Take(4).Select(name => $"'{name}'"))}, …");

    /// <summary>As <see cref="FindSubtree"/>, null where there is no such tensor.</summary>
    /// <exception cref="InvalidDataException">Several are equally likely to be the model's.</exception>
    public static Checkpoint? TryFindSubtree(this Checkpoint weights, string tensor, Action<string>? note = null)
    {
        if (weights.Contains(tensor))
            return weights;
        string[] prefixes = [.. weights.Names.Where(name => name.EndsWith("." + tensor, StringComparison.Ordinal)).Select(name => name[..^tensor.Length])];
        var best = prefixes.GroupBy(Rank).MinBy(rank => rank.Key)?.ToArray();
        if (best is [var chosen] && prefixes.Length > 1)
        {
            note?.Invoke($"the checkpoint contains several models with a tensor '{tensor}': '{chosen.TrimEnd('.')}' is exported, and not "
                + $"{string.Join(", ", prefixes.Except(best).Select(prefix => $"'{prefix.TrimEnd('.')}'"))}. To export another, save it in a separate file.");
        }
        return best switch
        {
            null => null,
            [var prefix] => weights.Subtree(prefix),
            _ => throw new InvalidDataException($"The checkpoint contains more than one model with a tensor '{tensor}': "
                + $"{string.Join(", ", best.Select(prefix => $"'{prefix.TrimEnd('.')}'"))}. Save the one to export in a separate file."),
        };
    }

    private static int Rank(string prefix)
    {
        var modules = prefix.TrimEnd('.').Split('.');
        return modules.All(Wrappers.Contains) ? 0
            : modules.All(module => module == ImageStage || Wrappers.Contains(module)) ? 1
            : modules.All(module => module == ImageStage || MovingAverages.Contains(module) || Wrappers.Contains(module)) ? 2
            : 3;
    }
}
