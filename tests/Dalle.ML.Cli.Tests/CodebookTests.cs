using System.Buffers.Binary;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>encode</c>, <c>decode</c> and <c>reconstruct</c>.</summary>
public sealed class CodebookTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _apple;
    private readonly string _cat;

    public CodebookTests() => (_apple, _cat) = (Pictures.Generate(_folder, "a red apple", "apple.png"), Pictures.Generate(_folder, "a cat", "Cat 1.png"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Tokens_are_a_line_of_json_an_image()
    {
        var run = await Run("encode", "apple.png", _cat);
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(["apple.png", _cat], run.Json.Select(line => line.GetProperty("file").GetString()));
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromFile(_apple);
        var line = run.Json[0];
        Assert.Equal((model.Info.Name, model.Info.Hash, 16, 16), (line.GetProperty("model").GetString(), line.GetProperty("hash").GetString(), line.GetProperty("rows").GetInt32(), line.GetProperty("columns").GetInt32()));
        Assert.Equal(model.EncodeImage(image), line.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32()));

        var toFile = await Run("encode", "apple.png", _cat, "-o", "tokens.json");
        Assert.Equal([In("tokens.json")], toFile.Output);
        Assert.Equal(run.Output, File.ReadAllLines(In("tokens.json")));
    }

    [Fact]
    public async Task Tokens_become_images_of_their_names()
    {
        await Run("encode", "apple.png", _cat, "-o", "tokens.json");
        var run = await Run("decode", "tokens.json", "-o", "out");
        Assert.Equal([In("out/apple.png"), In("out/Cat 1.png")], run.Output);
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromFile(_apple);
        using var expected = model.DecodeTokens(model.EncodeImage(image));
        using var decoded = MLImage.CreateFromFile(run.Output[0]);
        Assert.Equal(expected.GetBGRPixels, decoded.GetBGRPixels);

        var report = (await Run("decode", "tokens.json", "-o", "out", "--json")).Json[0];
        Assert.Equal(("apple.png", In("out/apple.png")), (report.GetProperty("source").GetString(), report.GetProperty("file").GetString()));
    }

    [Fact]
    public async Task Images_and_tokens_go_through_pipes()
    {
        var encoded = await ToolProcess.RunAsync(_folder.Path, ["encode", "-"], File.ReadAllBytes(_apple));
        Assert.Equal("-", encoded.Json.Single().GetProperty("file").GetString());
        var decoded = await ToolProcess.RunAsync(_folder.Path, ["decode", "-", "-o", "-"], encoded.Bytes);
        var reconstructed = await ToolProcess.RunAsync(_folder.Path, ["reconstruct", "-", "-o", "-", "-q"], File.ReadAllBytes(_apple));
        Assert.Equal("", reconstructed.Errors);
        Assert.Equal(decoded.Bytes, reconstructed.Bytes);
    }

    [Fact]
    public async Task A_reconstruction_reports_its_loss()
    {
        var run = await Run("reconstruct", "apple.png", _cat, "-o", "out");
        Assert.Equal([In("out/apple_reconstructed.png"), In("out/Cat 1_reconstructed.png")], run.Output);
        Assert.Contains("apple.png: PSNR ", run.Errors, StringComparison.Ordinal);

        var report = (await Run("reconstruct", "apple.png", "-o", "out", "--json")).Json.Single();
        Assert.Equal("apple.png", report.GetProperty("source").GetString());
        Assert.InRange(report.GetProperty("psnr").GetDouble(), 20, 60);
    }

    [Theory]
    [InlineData("{\"tokens\":[1,2]}", "tokens.json, line 2: 2 image tokens were given")]
    [InlineData("{\"rows\":8,\"columns\":8,\"tokens\":[1]}", "line 2: the tokens are a grid of 8 × 8; the model 'emoji-128' has 16 × 16")]
    [InlineData("{\"model\":\"other\",\"hash\":\"00\",\"tokens\":[1]}", "line 2: the tokens belong to the model 'other'")]
    [InlineData("{\"file\":\"a.png\"}", "line 2: this is not a line of tokens")]
    [InlineData("tokens", "line 2: this is not a line of tokens")]
    public async Task Invalid_tokens_are_named_and_nothing_is_written(string line, string message)
    {
        File.WriteAllLines(In("tokens.json"), ["", line]);
        var run = await Run("decode", "tokens.json", "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Tokens_may_come_without_their_model_and_name()
    {
        File.WriteAllText(In("tokens.json"), JsonSerializer.Serialize(new { tokens = Enumerable.Range(0, 256) }));
        Assert.Equal([In("image.png")], (await Run("decode", "tokens.json")).Output);
        File.WriteAllText(In("tokens.json"), JsonSerializer.Serialize(new { file = "../..\0/" + new string('x', 3), tokens = Enumerable.Range(0, 256) }));
        Assert.Equal([In("xxx.png")], (await Run("decode", "tokens.json")).Output);

        // Lines of output are names of files, whatever the tokens say.
        File.WriteAllLines(In("tokens.json"), new[] { "a\nb\u001b.png", "\r.png", new string('x', 199) + "🐈.png" }.Select(file => JsonSerializer.Serialize(new { file, tokens = Enumerable.Range(0, 256) })));
        Assert.Equal([In("out/ab.png"), In("out/image.png"), In($"out/{new string('x', 199)}.png")], (await Run("decode", "tokens.json", "-o", "out")).Output);
    }

    [Fact]
    public async Task An_interrupt_leaves_whole_images_and_nothing_else()
    {
        ToolProcess.SkipUnlessInterruptible();
        using var process = ToolProcess.Start(_folder.Path, ["reconstruct", .. Enumerable.Repeat("apple.png", 5000), "-o", "out", "-q"]);
        var first = await process.StandardOutput.ReadLineAsync();
        var run = await ToolProcess.InterruptAsync(process);
        Assert.Equal((130, "dalle: interrupted.\n"), (run.ExitCode, run.Errors));
        Assert.Equal([first!], Directory.GetFiles(In("out"), "*", new EnumerationOptions { AttributesToSkip = 0 }));
    }

    [Fact]
    public async Task Waiting_for_standard_input_can_be_interrupted()
    {
        ToolProcess.SkipUnlessInterruptible();
        using var process = ToolProcess.Start(_folder.Path, ["encode", "apple.png", "-"], hasInput: true);
        Assert.NotNull(await process.StandardOutput.ReadLineAsync());
        var run = await ToolProcess.InterruptAsync(process);
        Assert.Equal((130, "dalle: interrupted.\n"), (run.ExitCode, run.Errors));
    }

    [Fact]
    public async Task A_file_that_is_not_an_image_is_named()
    {
        File.WriteAllText(In("text.png"), "text");
        Directory.CreateDirectory(In("folder"));
        foreach (var (arguments, message) in new[]
        {
            (new[] { "text.png" }, "'text.png' is not an image"), (["none.png"], "'none.png' does not exist"), (["folder"], "'folder' is a folder"),
            (["apple.png", "-o", "folder"], "'folder' is a folder"),
        })
        {
            var run = await Run(["encode", .. arguments]);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(message, Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
        var option = await Run("encode", "--colour");
        Assert.Equal(2, option.ExitCode);
        Assert.Contains("'--colour' is not an option of encode", option.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (await Run("encode")).ExitCode);
    }

    [Theory]
    [InlineData("trunc.png", "is truncated: the file ends before the picture does. Copy or download it again.")]
    [InlineData("trunc.jpg", "is truncated: the file ends before the picture does. Copy or download it again.")]
    [InlineData("header65k.png", "has 65535 × 65535 pixels, more than the limit of 64 million. Reduce the image, or raise --max-megapixels.")]
    public async Task An_image_that_cannot_be_used_is_named_with_the_reason(string file, string reason)
    {
        var path = PictureOf(file);
        var run = await Run("encode", path);
        Assert.Equal((1, $"dalle: '{path}' {reason}\n"), (run.ExitCode, run.Errors));
        Assert.Empty(run.Output);

        var piped = await Tool.RunAsync(_folder.Path, ["encode", "-"], File.ReadAllBytes(path));
        Assert.Equal((1, $"dalle: Standard input {reason}\n"), (piped.ExitCode, piped.Errors));
    }

    [Fact]
    public async Task The_limit_on_pixels_is_an_option_of_each_command_that_reads_images()
    {
        File.WriteAllBytes(In("huge.png"), HeaderOf(1001, 1000));
        foreach (string[] command in new string[][]
        {
            ["encode", "huge.png"], ["reconstruct", "huge.png"], ["score", "a cat", "huge.png"], ["rank", "a cat", "huge.png"],
            ["classify", "huge.png", "--labels", "a,b"], ["complete", "huge.png", "a cat", "--keep", "top:1", "--quiet"],
        })
        {
            var run = await Run([.. command, "--max-megapixels", "1"]);
            Assert.Equal((1, "dalle: 'huge.png' has 1001 × 1000 pixels, more than the limit of 1 million. Reduce the image, or raise --max-megapixels.\n"), (run.ExitCode, run.Errors));
        }
        foreach (var value in new[] { "0", "501", "many" })
        {
            var run = await Run("encode", "huge.png", "--max-megapixels", value);
            Assert.Equal(2, run.ExitCode);
            Assert.Contains("--max-megapixels must be a whole number from 1 to 500.", run.Errors, StringComparison.Ordinal);
        }

        // The picture's data is missing, and nobody gets to see that.
        static byte[] HeaderOf(int width, int height)
        {
            var header = File.ReadAllBytes(PictureOf("header65k.png"));
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(16), width);
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(20), height);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(29), Crc32(header.AsSpan(12, 17)));
            return header;
        }

        static uint Crc32(ReadOnlySpan<byte> bytes)
        {
            var crc = uint.MaxValue;
            foreach (var value in bytes)
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++)
                    crc = crc >> 1 ^ (crc & 1) * 0xEDB88320;
            }
            return ~crc;
        }
    }

    [Fact]
    public async Task Commands_of_several_images_go_on_past_one_that_cannot_be_read()
    {
        File.WriteAllText(In("text.png"), "text");
        string[] images = ["apple.png", "text.png", "none.png", _cat];
        foreach (string[] command in new string[][]
        {
            ["encode", .. images], ["reconstruct", .. images, "-o", "out"], ["score", "a cat", .. images], ["rank", "a cat", .. images], ["classify", .. images, "--labels", "a,b"],
        })
        {
            var run = await Run([.. command, "--json"]);
            Assert.Equal(1, run.ExitCode);
            Assert.Equal(2, run.Json.Length);
            Assert.Equal(
                ["dalle: 'text.png' is not an image but text.", "dalle: The image file 'none.png' does not exist; '-' reads standard input.", "dalle: 2 of 4 images failed."],
                run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        var toFile = await Run(["encode", .. images, "-o", "tokens.json"]);
        Assert.Equal((1, In("tokens.json")), (toFile.ExitCode, toFile.Output.Single()));
        Assert.Equal((await Run("encode", "apple.png", _cat)).Output, File.ReadAllLines(In("tokens.json")));
    }

    [Fact]
    public async Task A_file_of_tokens_is_replaced_as_a_whole_or_not_at_all()
    {
        File.WriteAllText(In("text.png"), "text");
        File.WriteAllText(In("tokens.json"), "before");
        Assert.Equal(1, (await Run("encode", "text.png", "-o", "tokens.json")).ExitCode);
        Assert.Equal("before", File.ReadAllText(In("tokens.json")));
        if (!OperatingSystem.IsWindows())
        {
            File.CreateSymbolicLink(In("link.json"), "tokens.json");
            Assert.Equal(0, (await Run("encode", "apple.png", "-o", "link.json")).ExitCode);
            Assert.NotNull(new FileInfo(In("link.json")).LinkTarget);
            Assert.Single(File.ReadAllLines(In("tokens.json")));

            // What is not a file is not replaced by one.
            Assert.Equal(0, (await Run("encode", "apple.png", "-o", "/dev/null")).ExitCode);
            Assert.Empty(File.ReadAllBytes("/dev/null"));
        }
        var none = await Run("encode", "apple.png", "-o", "none/tokens.json");
        Assert.Equal((1, "dalle: 'none/tokens.json' cannot be written: its folder does not exist. Choose another file for --output.\n"), (none.ExitCode, none.Errors));
        Assert.DoesNotContain(Directory.GetFiles(_folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_photo_is_turned_upright_before_it_is_encoded()
    {
        var run = await Run(["encode", PictureOf("rgb.png"), .. Enumerable.Range(1, 8).Select(orientation => PictureOf($"exif{orientation}.webp"))]);
        Assert.Single(run.Json.Select(line => line.GetProperty("tokens").GetRawText()).Distinct());
        Assert.Equal(9, run.Json.Length);
    }

    private static string PictureOf(string file) => Path.Combine(AppContext.BaseDirectory, "Images", "files", file);

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    private string In(string name) => Path.Combine(_folder.Path, name);
}
