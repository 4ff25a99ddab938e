using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;

namespace Dalle.ML.Cli.Tests;

public sealed class PackTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_packed_tool_is_installed_from_a_folder_and_generates()
    {
        var (packages, tools) = (In("packed"), In("tools"));
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", "Dalle.ML.Cli"), "-c", configuration, "--no-build", "-o", packages);

        await RunAsync("dotnet", "tool", "install", "Dalle.ML.Cli", "--tool-path", tools, "--source", packages);
        var output = await RunAsync(Path.Combine(tools, OperatingSystem.IsWindows() ? "dalle.exe" : "dalle"), "generate", "a cat", "--seed", "3", "-o", "out");
        var path = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

        // The server's program is there too, and finds the files that it shares with the tool.
        var store = Directory.GetFiles(tools, "dalle-serve.dll", SearchOption.AllDirectories).Single();
        Assert.True(File.Exists(Path.ChangeExtension(store, ".runtimeconfig.json")));
        Assert.True(File.Exists(Path.ChangeExtension(store, ".deps.json")));

        var here = await Tool.RunAsync(_folder.Path, ["generate", "a cat", "--seed", "3", "-o", "here"]);
        Assert.Equal(File.ReadAllBytes(here.Output[0]), File.ReadAllBytes(path));
    }

    /// <summary>
    /// As a newcomer has it: a new console project, the packages, and the program that README shows first. Microsoft.Extensions.AI marks its image
    /// generators as experimental, which is an error here unless the package takes that upon itself.
    /// </summary>
    [Fact]
    public async Task The_packed_library_runs_the_readmes_first_program()
    {
        var packages = In("packed");
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        foreach (var project in new[] { "Dalle.ML", "Dalle.ML.Evaluation", "Dalle.ML.Extensions.AI" })
            await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", project), "-c", configuration, "--no-build", "-o", packages);
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var program = readme.Split("```csharp\n")[1].Split("```")[0];
        Directory.CreateDirectory(In("app"));
        File.WriteAllText(In("app/Program.cs"), program);
        File.WriteAllText(In("app/Distance.cs"), "static class Distance { public static double Zero() => Dalle.ML.Evaluation.FrechetDistance.Between(new(1), new(1)); }");
        File.WriteAllText(In("app/Generators.cs"), """
            static class Generators
            {
                public static Microsoft.Extensions.AI.IImageGenerator Of(Dalle.ML.DalleModel model) => new Dalle.ML.Extensions.AI.DalleImageGenerator(model);
            }
            """);
        var runtime = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(package => (string?)package.Attribute("Include") == "Microsoft.ML.OnnxRuntime").Attribute("Version")!.Value;
        // Packages that the machine has are taken from there; ours goes into a folder of the test's.
        var known = (await RunAsync("dotnet", "nuget", "locals", "global-packages", "--list")).Split(": ", 2)[1].Trim();
        File.WriteAllText(In("app/app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <RestorePackagesPath>{In("packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{known}</RestoreFallbackFolders>
                <RestoreAdditionalProjectSources>{packages}</RestoreAdditionalProjectSources>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Dalle.ML" Version="*-*" />
                <PackageReference Include="Dalle.ML.Evaluation" Version="*-*" />
                <PackageReference Include="Dalle.ML.Extensions.AI" Version="*-*" />
                <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{runtime}" />
              </ItemGroup>
            </Project>
            """);
        await RunAsync("dotnet", "run", "--project", "app");
        Assert.NotEmpty(Directory.GetFiles(_folder.Path, "*.png"));
    }

    /// <summary>The tests of the notebooks run it; here is what a kernel and its user rely on.</summary>
    [Fact]
    public async Task The_packed_formats_for_notebooks_carry_the_script_that_registers_them_and_need_no_package_of_a_kernel()
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", "Dalle.ML.Interactive"), "-c", configuration, "--no-build", "-o", In("packed"));
        using var package = await ZipFile.OpenReadAsync(Assert.Single(Directory.GetFiles(In("packed"))));
        var files = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("interactive-extensions/dotnet/extension.dib", files);
        Assert.Contains("lib/net10.0/Dalle.ML.Interactive.dll", files);
        Assert.Contains("lib/net10.0/Dalle.ML.Interactive.xml", files);
        Assert.Contains("README.md", files);
        await using var specification = await package.GetEntry("Dalle.ML.Interactive.nuspec")!.OpenAsync();
        var dependencies = XDocument.Load(specification).Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value).ToArray();
        Assert.Contains("Dalle.ML", dependencies);
        Assert.DoesNotContain(dependencies, id => id.Contains("Interactive", StringComparison.Ordinal));
    }

    private string In(string name) => Path.Combine(_folder.Path, name);

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        // A separate folder of packages, so that the test leaves none in the machine's.
        if (arguments is ["tool", ..])
            start.Environment["NUGET_PACKAGES"] = In("packages");
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output + await errors);
        return output;
    }
}
