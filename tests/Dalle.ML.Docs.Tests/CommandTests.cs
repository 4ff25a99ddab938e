using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Dalle.ML.Docs.Tests;

/// <summary>The commands that README and docs show are the tool's, with options that they have.</summary>
public sealed partial class CommandTests
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Helps = [];

    /// <summary>The calls of the tool in shell blocks and between backticks, each part of a pipe by itself. (What <c>[suggest]</c> is for shells has no help.)</summary>
    public static IEnumerable<TheoryDataRow<string, string>> Calls =>
        from page in Page.All
        from call in page.Text.Split('\n').SelectMany(line => Call().Matches(Comment().Replace(line, ""))).Select(match => match.Value.TrimEnd(' ', '\\')).Distinct()
        select new TheoryDataRow<string, string>(page.Name, call);

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task The_tool_has_the_command_and_its_options(string page, string call)
    {
        // Options stand outside of quotes.
        var words = Quoted().Replace(call, "text").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(words.Length > 1, $"{page}: '{call}' has no command.");
        var own = words[1].StartsWith('-') ? [] : new[] { words[1] };
        Assert.All(own, command => Assert.Matches(@"^[a-z-]+$", command));
        if (own.Length > 0)
            Assert.Matches($@"(?m)^\s*{own[0]}\b", await HelpAsync());
        var help = await HelpAsync(own);
        foreach (var option in words.Skip(1).Where(word => OptionName().IsMatch(word)).Select(word => word.Split('=')[0]))
            Assert.True(Regex.IsMatch(help, $@"(?m)^\s*(-\w, )?{Regex.Escape(option)}(?![\w-])|^\s*{Regex.Escape(option)}, --"), $"{page}: 'dalle {string.Join(' ', own)}' has no option {option}.");
    }

    private static Task<string> HelpAsync(params string[] command) => Helps.GetOrAdd(string.Concat(command), _ => new(() => RunAsync([.. command, "--help"]))).Value;

    private static async Task<string> RunAsync(string[] arguments)
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var tool = Path.Combine(AppContext.BaseDirectory, "..", "..", "Dalle.ML.Cli", configuration, "dalle.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [tool, .. arguments]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    [GeneratedRegex(@"(?<=^|[`|] ?|-- )dalle (?!\[)(""[^""]*""|[^`|>])+")]
    private static partial Regex Call();

    [GeneratedRegex(@"(?<=\s)# .*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"""[^""]*""")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^--?[a-z][a-z-]*(=.*)?$")]
    private static partial Regex OptionName();
}
