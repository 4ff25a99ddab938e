namespace Dalle.ML.Export.Tests.Golden;

/// <summary>What the recipes export, with the paper's dVAE and its sparse attention, computes here what it computes in PyTorch.</summary>
[Collection(SharedTrainingRecipe.Name)]
public sealed class TrainingRecipeTests(TrainingRecipe recipe) : TrainedModelTests(recipe.Bundle, recipe.Reference);
