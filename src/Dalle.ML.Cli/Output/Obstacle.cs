namespace Dalle.ML.Cli;

/// <summary>Why a file or folder cannot be read or written, in a sentence. The system's own messages often name another path, or none.</summary>
internal static class Obstacle
{
    /// <summary>Why a folder cannot be created.</summary>
    public static string OfFolder(Exception exception, string path) => File.Exists(path) ? "a file has this name. Name a folder." : Of(exception, path);

    public static string Of(Exception exception, string path) => exception switch
    {
        UnauthorizedAccessException or IOException when Directory.Exists(path) => "it is a folder.",
        UnauthorizedAccessException => "this user has no right to.",
        FileNotFoundException => "it does not exist.",
        DirectoryNotFoundException => "its folder does not exist.",
        PathTooLongException => "its name is too long.",
        _ => exception.Message.TrimEnd('.') + ".",
    };
}
