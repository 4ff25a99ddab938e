namespace Dalle.ML.Tests;

public sealed class ScoreTests(ITestOutputHelper output)
{
    /// <summary>The ranges that docs/sampling.md gives.</summary>
    [Fact]
    public void The_built_in_models_scores_tell_fitting_images_from_others()
    {
        string[] prompts =
        [
            "a panda", "a pizza", "a rocket", "a red heart", "three bananas", "a frog to the left of a pig", "a yellow star on a black background", "a snowman",
            "two cats", "a crown", "a green circle", "a cactus",
        ];
        using var model = DalleModel.LoadDefault();
        var images = prompts.Select(prompt => model.Generate(prompt, seed: 1, new() { Candidates = 2 })).ToArray();
        var fitting = images.Select(image => image.Score).Order().ToArray();
        var others = images.SelectMany(image => prompts.Where(prompt => prompt != image.Prompt).Select(prompt => model.Score(prompt, image.Image))).Order().ToArray();
        output.WriteLine($"fitting {string.Join(" ", fitting)}; others {others[others.Length / 20]} {others[others.Length / 2]} {others[others.Length * 19 / 20]} {others[^1]}");
        Array.ForEach(images, image => image.Dispose());
        Assert.InRange(fitting[0], 20, model.Info.ClipScale!.Value);
        Assert.InRange(others[others.Length * 19 / 20], -model.Info.ClipScale!.Value, 16);
    }
}
