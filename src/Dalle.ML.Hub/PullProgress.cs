namespace Dalle.ML.Hub;

/// <summary>A report of <see cref="DalleHub.PullAsync(string, IProgress{PullProgress}?, CancellationToken)"/>.</summary>
/// <param name="Stage">The step that the pull is at.</param>
/// <param name="File">Name of the file in the checkpoint, or of the model where a report is not about one file.</param>
/// <param name="Bytes">Bytes of the file that are on this machine.</param>
/// <param name="Size">Size of the file in bytes; of all files together for <see cref="PullStage.Planned"/>.</param>
/// <param name="Remark">Something to know about the file, such as a retry and its reason; null if there is nothing.</param>
public readonly record struct PullProgress(PullStage Stage, string File, long Bytes, long Size, string? Remark = null);
