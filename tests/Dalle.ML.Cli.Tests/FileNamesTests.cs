namespace Dalle.ML.Cli.Tests;

public sealed class FileNamesTests
{
    [Theory]
    [InlineData("A red  apple, on blue!", "a-red-apple-on-blue_7")]
    [InlineData("кошка 🐈", "кошка_7")]
    [InlineData("…", "image_7")]
    public void A_prompts_name_has_its_words_and_seed(string prompt, string name) => Assert.Equal(name, FileNames.OfPrompt(prompt, 7));

    [Theory]
    [InlineData("a:b*c\u001b", "abc")]
    [InlineData("\n", "image")]
    public void Names_and_ids_are_held_to_the_same_characters(string name, string fitted)
    {
        Assert.Equal(fitted, FileNames.Fit(name));
        Assert.NotNull(FileNames.Objection(name));
        Assert.Null(FileNames.Objection(fitted));
    }
}
