namespace Dalle.ML.Cli.Tests;

/// <summary>How <c>dalle train</c> hands its command line over. What the program does with it is tested in Dalle.ML.Training.Tests.</summary>
public sealed class TrainTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Without_the_program_it_says_how_to_get_it()
    {
        var run = await Tool.RunAsync(_folder.Path, ["train", "photos", "-o", "run"]);

        Assert.Equal((1, 0), (run.ExitCode, run.Bytes.Length));
        Assert.Contains("dotnet tool install --global Dalle.ML.Training.Tool", run.Errors, StringComparison.Ordinal);
        Assert.Contains("dotnet run --project src/Dalle.ML.Training.Host", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--size must be tiny, small or medium", "photos", "-o", "run", "--size", "huge")]
    [InlineData("--stage must be dvae, transformer or clip", "photos", "-o", "run", "--stage", "2")]
    [InlineData("--hours must be a number from 0.001 to 10000", "photos", "-o", "run", "--hours", "0")]
    [InlineData("--validation must be a number from 0 to 0.5", "photos", "-o", "run", "--validation", "1")]
    [InlineData("--output", "photos")]
    public async Task A_wrong_command_line_is_told_without_the_program(string message, params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, ["train", .. arguments]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PATH", "programs")]
    [InlineData("HOME", ".dotnet/tools")]
    [InlineData("DOTNET_CLI_HOME", ".dotnet/tools")]
    public async Task The_program_gets_the_same_words_in_the_same_folder_and_its_exit_code_is_the_tools(string variable, string place)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a shell script.");
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, place)).FullName;
        var program = Path.Combine(folder, "dalle-train");
        File.WriteAllText(program, "#!/bin/sh\nprintf '%s\\n' \"$@\" > words\nexit 7\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        var environment = new Dictionary<string, string> { [variable] = variable == "PATH" ? $"/nowhere:{folder}" : _folder.Path };

        var run = await Tool.RunAsync(_folder.Path, ["train", "my photos", "--output=run", "--hours", "2", "--no-clip"], environment: environment);

        Assert.Equal(7, run.ExitCode);
        Assert.Equal(["my photos", "--output", "run", "--hours", "2", "--no-clip"], File.ReadAllLines(Path.Combine(_folder.Path, "words")));
    }
}
