using System.Globalization;
using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>
/// A stage's state in a file: <c>model.*</c> by PyTorch's names, <c>exp_avg.*</c> and <c>exp_avg_sq.*</c> of the optimiser by the same
/// names, <c>average.*</c> where there is a moving average of the weights, what else the stage keeps under <c>state.*</c>; sizes, step and
/// time in the metadata. The Python recipes write and read the same.
/// </summary>
internal sealed class TrainingCheckpoint : IDisposable
{
    /// <summary>Sizes are written by the names that the Python recipes use.</summary>
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true };

    private readonly string _path;
    private readonly Checkpoint _tensors;

    private TrainingCheckpoint(string path) => (_path, _tensors) = (path, Checkpoint.Open(path));

    /// <summary>Steps that are done.</summary>
    public long Step => Number("step");

    /// <summary>Time that they took.</summary>
    public TimeSpan Elapsed => TimeSpan.FromSeconds(double.TryParse(Setting("elapsed"), CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0 and < 1e9
        ? seconds
        : throw Malformed("elapsed"));

    /// <summary>The seed that it was begun with; null where the Python recipes wrote it, whose random numbers are others.</summary>
    public int? Seed => _tensors.Settings.ContainsKey("seed") ? (int)Number("seed") : null;

    /// <summary>The sizes of the network as JSON.</summary>
    public string Config => Setting("config");

    /// <summary>Opens the checkpoint of a stage, if there is one.</summary>
    /// <exception cref="InvalidDataException">It is not well-formed.</exception>
    public static TrainingCheckpoint? TryOpen(string path) => File.Exists(path) ? new(path) : null;

    /// <summary>The file of a stage in a folder.</summary>
    public static string PathOf(string folder, TrainingStage stage) => Path.Combine(folder, stage switch
    {
        TrainingStage.DiscreteVae => "dvae.safetensors",
        TrainingStage.Transformer => "transformer.safetensors",
        _ => "clip.safetensors",
    });

    /// <summary>The sizes of the network.</summary>
    /// <exception cref="InvalidDataException">They are missing or not of this kind.</exception>
    public T Sizes<T>() => (T)Sizes(typeof(T));

    /// <summary>The sizes of the network.</summary>
    /// <param name="kind">A record of sizes.</param>
    /// <exception cref="InvalidDataException">They are missing or not of this kind.</exception>
    public object Sizes(Type kind)
    {
        try
        {
            return JsonSerializer.Deserialize(Config, kind, Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{_path}' is not the checkpoint of this stage: its sizes cannot be read. {exception.Message}", exception);
        }
    }

    /// <summary>Whether there are tensors under a prefix.</summary>
    public bool Has(string prefix) => _tensors.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>Reads tensors under a prefix into those of the same names, all of which must be there in their shapes.</summary>
    /// <exception cref="InvalidDataException">One is missing or has another shape.</exception>
    public void Read(string prefix, IEnumerable<(string Name, Tensor Tensor)> into)
    {
        foreach (var (name, tensor) in into)
            _tensors.ReadInto(prefix + name, tensor);
    }

    /// <summary>Checks the shape of a tensor without reading it.</summary>
    /// <exception cref="InvalidDataException">It is missing or has another shape.</exception>
    public void CheckShape(string name, params int[] shape)
    {
        if (!_tensors.Shape(name).AsSpan().SequenceEqual(shape))
            throw new InvalidDataException($"'{_path}' contradicts itself: tensor '{name}' has the shape [{string.Join(", ", _tensors.Shape(name))}], by the sizes it has [{string.Join(", ", shape)}].");
    }

    /// <summary>Writes the weights that are the result, in halves, by PyTorch's names alone.</summary>
    public void WriteModel(string path)
    {
        using var scope = NewDisposeScope();
        var prefix = Has("average.") ? "average." : "model.";
        SafetensorsWriter.Write(path, [.. _tensors.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => (name[prefix.Length..], Half(name)))]);

        Tensor Half(string name)
        {
            var stored = _tensors.Read(name);
            return tensor(stored.Values, [.. stored.Shape.Select(size => (long)size)]).to(ScalarType.Float16);
        }
    }

    public void Dispose() => _tensors.Dispose();

    private long Number(string name) => long.TryParse(Setting(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) && number >= 0
        ? number
        : throw Malformed(name);

    private string Setting(string name) => _tensors.Settings.GetValueOrDefault(name) as string ?? throw Malformed(name);

    private InvalidDataException Malformed(string name) => new($"'{_path}' is not a checkpoint of training: it has no usable '{name}'. Choose another folder, or delete the file.");
}

internal static class CheckpointTensors
{
    /// <summary>Reads a tensor of a checkpoint into one of the same shape.</summary>
    /// <exception cref="InvalidDataException">It is missing or has another shape.</exception>
    public static void ReadInto(this Checkpoint checkpoint, string name, Tensor into)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var values = checkpoint.Read(name, [.. into.shape.Select(size => (int)size)]).Values;
        into.copy_(tensor(values, into.shape));
    }
}
