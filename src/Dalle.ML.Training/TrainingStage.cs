namespace Dalle.ML.Training;

/// <summary>The stages of training, in their order.</summary>
public enum TrainingStage
{
    /// <summary>The discrete VAE learns to turn images into tokens and back.</summary>
    DiscreteVae,

    /// <summary>The transformer learns to continue a caption with the tokens of its image.</summary>
    Transformer,

    /// <summary>CLIP learns which caption belongs to which image, to rank what is generated.</summary>
    Clip,
}
