namespace Dalle.ML.Training;

/// <summary>Images that show what a stage has learnt so far.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Step">Steps of the stage that are done.</param>
/// <param name="ImageSize">Width and height of each image in pixels.</param>
/// <param name="Images">The images, each beside its caption or its original.</param>
internal sealed record SampleSheet(TrainingStage Stage, long Step, int ImageSize, IReadOnlyList<SampleImage> Images);

/// <summary>An image of a sheet.</summary>
/// <param name="Caption">Its caption; empty where there is none.</param>
/// <param name="Pixels">Rows of red, green, blue bytes: what the model makes.</param>
/// <param name="Original">The image that it was made from or whose caption it has.</param>
internal sealed record SampleImage(string Caption, byte[] Pixels, byte[] Original);
