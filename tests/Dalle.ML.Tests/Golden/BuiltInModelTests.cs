namespace Dalle.ML.Tests.Golden;

/// <summary>The bundle in the package, with reference tensors in the repository.</summary>
public sealed class BuiltInModelTests() : TrainedModelTests(DalleModel.DefaultPath, Path.Combine(AppContext.BaseDirectory, "golden", "emoji-128"));
