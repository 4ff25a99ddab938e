using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class ModelSubtreesTests : IDisposable
{
    private const string Tensor = "decoder.weight";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("state_dict.")]
    [InlineData("model_state_dict.")]
    [InlineData("model.")]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("state_dict.module._orig_mod.")]
    [InlineData("module.module.")]
    [InlineData("ema.")]
    [InlineData("state_dict.first_stage_model.")]
    [InlineData("trainer.generator.")]
    public void A_model_is_found_in_its_wrappers(string prefix) => AssertFound(prefix, prefix);

    [Theory]
    [InlineData("", "state_dict.", "ema.")]
    [InlineData("state_dict.", "ema.", "state_dict.teacher.")]
    [InlineData("module.", "module_ema.", "optimizer.0.")]
    [InlineData("state_dict.", "state_dict.first_stage_model.")]
    [InlineData("state_dict.first_stage_model.", "state_dict.cond_stage_model.")]
    [InlineData("state_dict.model.", "state_dict.model_ema.")]
    [InlineData("model_ema.module.", "teacher.")]
    [InlineData("params.", "opt_state.0.mu.params.")]
    public void Of_several_models_the_likeliest_is_taken(string expected, params string[] others) => AssertFound(expected, [.. others, expected]);

    [Theory]
    [InlineData("state_dict.", "model.")]
    [InlineData("generator.", "teacher.")]
    [InlineData("ema.", "params_ema.")]
    public void Models_of_the_same_rank_are_named_instead_of_guessed_at(params string[] prefixes)
    {
        using var checkpoint = Write(prefixes);
        var message = Assert.Throws<InvalidDataException>(() => checkpoint.FindSubtree(Tensor)).Message;
        Assert.All(prefixes, prefix => Assert.Contains($"'{prefix.TrimEnd('.')}'", message, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        using var checkpoint = Write("state_dict.");
        Assert.Null(checkpoint.TryFindSubtree("coder.weight"));
        Assert.Contains("'encoder.weight'", Assert.Throws<InvalidDataException>(() => checkpoint.FindSubtree("encoder.weight")).Message, StringComparison.Ordinal);
    }

    private void AssertFound(string expected, params string[] prefixes)
    {
        using var checkpoint = Write(prefixes);
        Assert.Equal(Array.IndexOf(prefixes, expected), checkpoint.FindSubtree(Tensor).Read(Tensor).Values[0]);
    }

    /// <summary>A checkpoint with the tensor behind each prefix, whose value is the number of the prefix.</summary>
    private Checkpoint Write(params string[] prefixes)
    {
        var path = Path.Combine(_folder.Path, "weights.safetensors");
        SafetensorsWriter.Write(path, prefixes.Select((prefix, i) => (prefix, i)).ToDictionary(entry => entry.prefix + Tensor, entry => new Tensor([entry.i], isFloat16: false, 1)));
        return Checkpoint.Open(path);
    }
}
