using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// The values of a YAML file by their paths, joined by dots: <c>stage2.hparams.n_heads</c>. Lists are left out.
/// </summary>
internal static class YamlSettings
{
    private const int MaxBytes = 1 << 16;
    private const int MaxDepth = 64;

    /// <exception cref="InvalidDataException">The file is not YAML.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        if (Directory.Exists(path))
            throw new InvalidDataException($"'{path}' is a folder; a configuration file is needed.");
        if (new FileInfo(path).Length > MaxBytes)
            throw new InvalidDataException($"'{path}' is larger than {MaxBytes} bytes, too large for a configuration.");
        try
        {
            using var text = File.OpenText(path);
            return Read(new Parser(text));
        }
        catch (YamlException exception)
        {
            throw new InvalidDataException($"'{path}' is not YAML: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            // The parser's own, on text that is damaged in an odd way.
            throw new InvalidDataException($"'{path}' is not YAML.", exception);
        }
    }

    private static Dictionary<string, string> Read(Parser parser)
    {
        var settings = new Dictionary<string, string>();
        // Of each open mapping, outermost first, the key whose value comes next; empty where the key comes next.
        var keys = new List<string>();
        var (lists, depth) = (0, 0);
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaxDepth)
                throw new YamlException($"it nests more than {MaxDepth} deep");
            lists += parser.Current switch { SequenceStart => 1, SequenceEnd => -1, _ => 0 };
            switch (parser.Current)
            {
                case MappingStart when lists == 0:
                    keys.Add("");
                    continue;
                case Scalar key when lists == 0 && keys is [.., ""]:
                    keys[^1] = key.Value;
                    continue;
                case Scalar value when lists == 0 && keys.Count > 0:
                    settings[string.Join('.', keys)] = value.Value;
                    break;
                case MappingEnd when lists == 0:
                    keys.RemoveAt(keys.Count - 1);
                    break;
                case AnchorAlias or SequenceEnd when lists == 0:
                    break;
                default:
                    continue;
            }
            if (keys.Count > 0)
                keys[^1] = "";
        }
        return settings;
    }
}
