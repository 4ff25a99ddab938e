using Dalle.ML.Tests;
using Dalle.ML.Training.Data;
using SkiaSharp;

namespace Dalle.ML.Training.Tests.Data;

/// <summary>How images and captions are found: folders, tables, JSON lines.</summary>
public sealed class CaptionedImagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new(isInMemory: true);
    private readonly List<string> _notes = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_has_captions_in_text_files_of_the_images_names()
    {
        Photo("b/two.png");
        Photo("one.jpeg");
        Photo("three.PNG");
        Text("b/two.txt", "a cat\r\n\n a dog \n");
        Text("one.txt", "ein Haus");
        Text("alone.txt", "nothing");

        var found = Find(_folder.Path).ReadCaptions().ToArray();

        Assert.Equal([Path.Combine("b", "two.png"), "one.jpeg", "three.PNG"], found.Select(image => image.Name));
        Assert.Equal([["a cat\r\n", "\n", " a dog \n"], ["ein Haus"], []], found.Select(image => image.Captions));
        Assert.Contains("alone.txt", Assert.Single(_notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_names_images_and_captions_in_any_columns_and_quotes()
    {
        Text("list.csv", "id,Path,Caption\r\n1,a.png,\"a cat, \"\"red\"\"\nand small\"\r\n2,sub/b.png,a dog\r\n3,./a.png,again\r\n");

        Assert.Equal([("a.png", "a cat, \"red\"\nand small|again"), (Path.Combine("sub", "b.png"), "a dog")], Read("list.csv"));
    }

    [Fact]
    public void JSON_lines_have_one_caption_or_several_under_usual_names()
    {
        Text("list.jsonl", """
            {"file_name": "a.png", "text": "a cat"}

            {"image": "b.png", "caption": ["one", "two"]}
            {"path": "c.png", "caption": null}
            """);

        Assert.Equal([("a.png", "a cat"), ("b.png", "one|two"), ("c.png", "")], Read("list.jsonl"));
    }

    [Fact]
    public void A_folder_of_Hugging_Face_has_a_list_in_it()
    {
        Photo("train/1.png");
        Text("metadata.csv", "file_name,text\ntrain/1.png,a cat\n");

        Assert.Equal([(Path.Combine("train", "1.png"), "a cat")], Read("."));
    }

    [Fact]
    public void Columns_can_be_named_and_paths_can_start_from_another_folder()
    {
        Photo("photos/1.png");
        Text("lists/list.tsv", "datei\ttitel\tcaption\n1.png\tein Haus\tunused\n");

        var files = CaptionedImages.Find(In("lists/list.tsv"), In("photos"), new CaptionColumns("Datei", "TITEL"), _notes.Add);

        Assert.Equal("ein Haus", Assert.Single(files.ReadCaptions()).Captions.Single());
        Assert.Equal(3 * 8 * 8, Assert.Single(files.ReadImages(8)).Pixels().Length);
    }

    [Theory]
    [InlineData("list.csv", "name,caption\na.png,a cat\n", "line 1: there is no column 'path'", "'name', 'caption'")]
    [InlineData("list.csv", "path,caption\na.png,a cat, small\n", "line 2: there are 3 values for 2 columns")]
    [InlineData("list.csv", "path,caption\na.png,\"a cat\n", "line 2: a quote is opened and never closed")]
    [InlineData("list.csv", "path,caption\n", "lists no images")]
    [InlineData("list.csv", "", "lists no images")]
    [InlineData("list.csv", "path,caption\n../secret.png,a cat\n", "line 2: '../secret.png' is not in the folder of the images")]
    [InlineData("list.csv", "path,caption\na/../../secret.png,a cat\n", "line 2: 'a/../../secret.png' is not in the folder of the images")]
    [InlineData("list.csv", "path,caption\n/etc/passwd,a cat\n", "line 2: '/etc/passwd' is not in the folder of the images")]
    [InlineData("list.csv", "path,caption\n,a cat\n", "line 2: the path of the image is empty")]
    [InlineData("list.jsonl", "{\"path\": \"a.png\"}\n[1]\n", "line 2: this is not a JSON object")]
    [InlineData("list.jsonl", "{\"path\": \"a.png\", \"caption\": 3}\n", "line 1: \"caption\" is neither a string nor a list")]
    [InlineData("list.jsonl", "{\"caption\": \"a cat\"}\n", "line 1: there is no column 'path'")]
    [InlineData("list.jsonl", "not json\n", "line 1: this is not JSON")]
    [InlineData("list.txt", "a.png a cat\n", "is one file. Name a folder of images, or a list")]
    public void A_wrong_list_is_told_with_its_line(string name, string content, params string[] messages)
    {
        Text(name, content);

        var error = Assert.Throws<InvalidDataException>(() => Read(name));

        Assert.All(messages, message => Assert.Contains(message, error.Message, StringComparison.Ordinal));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_and_empty_places_are_told()
    {
        Assert.Throws<FileNotFoundException>(() => Read("nowhere"));
        Assert.Contains("has no images", Assert.Throws<InvalidDataException>(() => Read(".")).Message, StringComparison.Ordinal);
        Text("list.csv", "path\n1.png\n");
        Assert.Throws<DirectoryNotFoundException>(() => CaptionedImages.Find(In("list.csv"), In("nowhere"), new(), _notes.Add));
    }

    [Fact]
    public void Text_that_is_not_text_is_told()
    {
        Photo("a.png");
        File.WriteAllBytes(In("a.txt"), [0xFF, 0xFE, 0x41]);
        Assert.Contains("a.txt", Assert.Throws<InvalidDataException>(() => Read(".")).Message, StringComparison.Ordinal);
        Text("a.txt", new string('x', (1 << 20) + 1));
        Assert.Contains("no caption", Assert.Throws<InvalidDataException>(() => Read(".")).Message, StringComparison.Ordinal);
    }

    private (string, string)[] Read(string path) => [.. Find(In(path)).ReadCaptions().Select(image => (image.Name, string.Join('|', image.Captions)))];

    private ImageFiles Find(string path) => CaptionedImages.Find(path, null, new CaptionColumns(), _notes.Add);

    private string In(string path) => Path.Combine(_folder.Path, path);

    private void Photo(string path) => Photos.Write(In(path), 8, 8, SKColors.Red);

    private void Text(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
        File.WriteAllText(In(path), content);
    }
}
