namespace Dalle.ML.Training.Data;

/// <summary>An image of a user's data before it is decoded.</summary>
/// <param name="Name">Its name in messages: a path in the data's folder, or a row.</param>
/// <param name="Pixels">Reads it as rows of red, green, blue bytes of the wanted size. Throws if it cannot be read.</param>
internal sealed record SourceImage(string Name, Func<byte[]> Pixels);
