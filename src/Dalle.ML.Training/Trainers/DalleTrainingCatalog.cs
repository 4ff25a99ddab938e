using Dalle.ML.Training;

namespace Microsoft.ML;

/// <summary>Extension methods of the ML.NET catalogs for the trainers of Dalle.ML.</summary>
public static class DalleTrainingCatalog
{
    /// <summary>Create a <see cref="DalleTrainer"/>, which trains a DALL·E on images and their captions.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column that the trained transformer makes.</param>
    /// <param name="imageColumnName">Name of the image column.</param>
    /// <param name="captionColumnName">Name of the text column.</param>
    /// <param name="folder">Folder of the run, from which interrupted training goes on.</param>
    /// <param name="size">Sizes of images and networks.</param>
    /// <example><code source="../../../samples/TrainDalleSample.cs" region="Sample" language="csharp"/></example>
    public static DalleTrainer TrainDalle(
        this TransformsCatalog catalog, string outputColumnName, string imageColumnName, string captionColumnName, string folder, DalleSize size = DalleSize.Small) =>
        new(catalog, new DalleTrainingOptions
        {
            OutputColumnName = outputColumnName,
            ImageColumnName = imageColumnName,
            CaptionColumnName = captionColumnName,
            Folder = folder,
            Size = size,
        });

    /// <summary>Create a <see cref="DalleTrainer"/>, which trains a DALL·E on images and their captions.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, folder, sizes, duration and device.</param>
    public static DalleTrainer TrainDalle(this TransformsCatalog catalog, DalleTrainingOptions options) => new(catalog, options);

    /// <summary>Create a <see cref="DiscreteVaeTrainer"/>, which trains the first stage of DALL·E: images to tokens and back.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column that the trained transformer makes.</param>
    /// <param name="imageColumnName">Name of the image column.</param>
    /// <param name="folder">Folder of the run, from which interrupted training goes on.</param>
    /// <param name="size">Sizes of images and networks.</param>
    public static DiscreteVaeTrainer TrainDiscreteVae(
        this TransformsCatalog catalog, string outputColumnName, string imageColumnName, string folder, DalleSize size = DalleSize.Small) =>
        new(catalog, new DalleTrainingOptions
        {
            OutputColumnName = outputColumnName,
            ImageColumnName = imageColumnName,
            Folder = folder,
            Size = size,
        });

    /// <summary>Create a <see cref="DiscreteVaeTrainer"/>, which trains the first stage of DALL·E: images to tokens and back.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, folder, sizes, duration and device.</param>
    public static DiscreteVaeTrainer TrainDiscreteVae(this TransformsCatalog catalog, DalleTrainingOptions options) => new(catalog, options);

    /// <summary>Create a <see cref="TransformerTrainer"/>, which trains the second stage of DALL·E: captions to image tokens.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column that the trained transformer makes.</param>
    /// <param name="imageColumnName">Name of the image column.</param>
    /// <param name="captionColumnName">Name of the text column.</param>
    /// <param name="folder">Folder of the run, from which interrupted training goes on.</param>
    /// <param name="size">Sizes of images and networks.</param>
    public static TransformerTrainer TrainTransformer(
        this TransformsCatalog catalog, string outputColumnName, string imageColumnName, string captionColumnName, string folder, DalleSize size = DalleSize.Small) =>
        new(catalog, new DalleTrainingOptions
        {
            OutputColumnName = outputColumnName,
            ImageColumnName = imageColumnName,
            CaptionColumnName = captionColumnName,
            Folder = folder,
            Size = size,
        });

    /// <summary>Create a <see cref="TransformerTrainer"/>, which trains the second stage of DALL·E: captions to image tokens.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, folder, sizes, duration and device.</param>
    public static TransformerTrainer TrainTransformer(this TransformsCatalog catalog, DalleTrainingOptions options) => new(catalog, options);

    /// <summary>Create a <see cref="ClipTrainer"/>, which trains the third stage of DALL·E, which ranks candidates.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column that the trained transformer makes.</param>
    /// <param name="imageColumnName">Name of the image column.</param>
    /// <param name="captionColumnName">Name of the text column.</param>
    /// <param name="folder">Folder of the run, from which interrupted training goes on.</param>
    /// <param name="size">Sizes of images and networks.</param>
    public static ClipTrainer TrainClip(
        this TransformsCatalog catalog, string outputColumnName, string imageColumnName, string captionColumnName, string folder, DalleSize size = DalleSize.Small) =>
        new(catalog, new DalleTrainingOptions
        {
            OutputColumnName = outputColumnName,
            ImageColumnName = imageColumnName,
            CaptionColumnName = captionColumnName,
            Folder = folder,
            Size = size,
        });

    /// <summary>Create a <see cref="ClipTrainer"/>, which trains the third stage of DALL·E, which ranks candidates.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, folder, sizes, duration and device.</param>
    public static ClipTrainer TrainClip(this TransformsCatalog catalog, DalleTrainingOptions options) => new(catalog, options);
}
