using Microsoft.Extensions.Options;

namespace Dalle.ML.Server;

/// <summary>Refuses options that no request could meet.</summary>
internal sealed class DalleServerOptionsValidator : IValidateOptions<DalleServerOptions>
{
    public ValidateOptionsResult Validate(string? name, DalleServerOptions options)
    {
        (string Name, long Value)[] positive =
        [
            (nameof(options.MaxPendingImages), options.MaxPendingImages), (nameof(options.MaxImagesPerRequest), options.MaxImagesPerRequest),
            (nameof(options.MaxCandidates), options.MaxCandidates), (nameof(options.MaxSteps), options.MaxSteps),
            (nameof(options.MaxBatchCandidates), options.MaxBatchCandidates),
            (nameof(options.MaxPromptLength), options.MaxPromptLength), (nameof(options.MaxEmbeddingInputs), options.MaxEmbeddingInputs),
            (nameof(options.MaxJsonBytes), options.MaxJsonBytes), (nameof(options.MaxUploadBytes), options.MaxUploadBytes),
            (nameof(options.MaxUploadPixels), options.MaxUploadPixels), (nameof(options.MaxStoredBytes), options.MaxStoredBytes),
            (nameof(options.StoredImageLifetime), options.StoredImageLifetime.Ticks),
        ];
        var errors = positive.Where(option => option.Value < 1).Select(option => $"{option.Name} must be more than 0.").ToList();
        if (options.BatchDelay < TimeSpan.Zero || options.StopTimeout < TimeSpan.Zero)
            errors.Add($"{nameof(options.BatchDelay)} and {nameof(options.StopTimeout)} must not be negative.");
        if (options.MaxImagesPerRequest > options.MaxPendingImages)
            errors.Add($"{nameof(options.MaxImagesPerRequest)} is {options.MaxImagesPerRequest}, more than the {options.MaxPendingImages} of {nameof(options.MaxPendingImages)}: such a request would never fit.");
        if (options.ApiKeys.Any(string.IsNullOrWhiteSpace))
            errors.Add($"A key of {nameof(options.ApiKeys)} is empty. A variable may have no value.");
        return errors.Count > 0 ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
    }
}
