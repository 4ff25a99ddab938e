using System.Diagnostics;
using System.IO.Compression;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Xml.Linq;

namespace Dalle.ML.Cli.Tests;

public sealed class PackTests : IDisposable
{
    private static readonly string Configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));

    private static readonly string ToolProject = Path.Combine(Repository.Root, "src", "Dalle.ML.Cli");

    // Of its own, since NuGet takes a version that the machine has once unpacked from there.
    private static readonly string LibraryVersion = $"0.1.1-test{Environment.ProcessId}";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The single package for all systems is what has been built already.</summary>
    [Fact]
    public async Task The_packed_tool_is_installed_from_a_folder_and_generates()
    {
        await RunAsync("dotnet", "pack", ToolProject, "-c", Configuration, "--no-build", "-p:ToolPackageRuntimeIdentifiers=", "-o", In("packed"));
        await InstalledToolGeneratesAsync();
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Packed_as_documented_the_tool_of_this_system_is_compiled_ahead_and_carries_no_natives_of_others()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64, "The compiler of other systems is not on every feed.");
        await RunAsync("dotnet", "pack", ToolProject, "-c", Configuration, "-o", In("packed"));
        string[] packages = [.. Directory.GetFiles(In("packed")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        Assert.Collection(packages,
            pointer => Assert.StartsWith("Dalle.ML.Cli.0", pointer, StringComparison.Ordinal),
            any => Assert.StartsWith("Dalle.ML.Cli.any.", any, StringComparison.Ordinal),
            own => Assert.StartsWith("Dalle.ML.Cli.linux-x64.", own, StringComparison.Ordinal));

        // What any other system gets has the native libraries of all, and code that each compiles when it runs.
        var any = FilesOf(packages[1]);
        Assert.Contains("runtimes/win-x64/native/onnxruntime.dll", any);
        Assert.Contains("runtimes/osx-arm64/native/libonnxruntime.dylib", any);
        Assert.Contains("runtimes/linux-arm64/native/libonnxruntime.so", any);
        var own = FilesOf(packages[2]);
        Assert.Contains("libonnxruntime.so", own);
        Assert.DoesNotContain(own, file => file.EndsWith("onnxruntime.dll", StringComparison.Ordinal) && !file.StartsWith("Microsoft.ML.", StringComparison.Ordinal));
        Assert.DoesNotContain(own, file => file.StartsWith("runtimes/", StringComparison.Ordinal) || file.EndsWith(".dylib", StringComparison.Ordinal));

        await InstalledToolGeneratesAsync();
        using var assembly = new PEReader(File.OpenRead(Directory.GetFiles(In("tools"), "dalle.dll", SearchOption.AllDirectories).Single()));
        Assert.True(assembly.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0, "dalle.dll is not compiled ahead of time.");

        string[] FilesOf(string package)
        {
            using var archive = ZipFile.OpenRead(In($"packed/{package}"));
            return [.. archive.Entries.Where(entry => entry.FullName.StartsWith("tools/", StringComparison.Ordinal)).Select(entry => entry.FullName.Split('/', 4)[3])];
        }
    }

    private async Task InstalledToolGeneratesAsync()
    {
        var (packages, tools) = (In("packed"), In("tools"));
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

    /// <summary>What an application that refers to the packages publishes; nothing is copied.</summary>
    [Fact]
    public async Task An_application_for_one_platform_carries_no_other_platforms_native_libraries()
    {
        await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", "Dalle.ML"), "-c", Configuration, "--no-build", $"-p:PackageVersion={LibraryVersion}", "-o", In("packed"));
        await WriteApplicationAsync("Dalle.ML");
        File.WriteAllText(In("app/Program.cs"), "_ = Dalle.ML.DalleModel.DefaultPath;");
        foreach (var (platform, library) in new[] { ("linux-x64", "libonnxruntime.so"), ("win-x64", "onnxruntime.dll"), ("win-arm64", "onnxruntime.dll"), ("osx-arm64", "libonnxruntime.dylib") })
        {
            var items = await RunAsync(
                "dotnet", "msbuild", "app", "-restore", "-t:ComputeResolvedFilesToPublishList", "-getItem:ResolvedFileToPublish", "-nodeReuse:false",
                $"-p:RuntimeIdentifier={platform}", "-p:SelfContained=false", "-p:UseAppHost=false");
            using var json = JsonDocument.Parse(items);
            var natives = json.RootElement.GetProperty("Items").GetProperty("ResolvedFileToPublish").EnumerateArray()
                .Select(item => item.GetProperty("FullPath").GetString()!.Replace('\\', '/')).Where(path => path.Contains("/native/", StringComparison.Ordinal)).ToArray();
            Assert.Single(natives, path => path.EndsWith($"/{library}", StringComparison.Ordinal));
            Assert.All(natives, path => Assert.Contains(path.Split("/runtimes/")[1].Split('/')[0], (string[])[platform, platform.Split('-')[0]]));
        }
    }

    /// <summary>
    /// As a newcomer has it: a new console project, the packages, and the program that README shows first. Microsoft.Extensions.AI marks its image
    /// generators as experimental, which is an error here unless the package takes that upon itself.
    /// </summary>
    [Fact]
    public async Task The_packed_library_runs_the_readmes_first_program()
    {
        string[] projects = ["Dalle.ML", "Dalle.ML.Evaluation", "Dalle.ML.Extensions.AI"];
        foreach (var project in projects)
            await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", project), "-c", Configuration, "--no-build", $"-p:PackageVersion={LibraryVersion}", "-o", In("packed"));
        var readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        var program = readme.Split("```csharp\n")[1].Split("```")[0];
        await WriteApplicationAsync(projects);
        File.WriteAllText(In("app/Program.cs"), program);
        File.WriteAllText(In("app/Distance.cs"), "static class Distance { public static double Zero() => Dalle.ML.Evaluation.FrechetDistance.Between(new(1), new(1)); }");
        File.WriteAllText(In("app/Generators.cs"), """
            static class Generators
            {
                public static Microsoft.Extensions.AI.IImageGenerator Of(Dalle.ML.DalleModel model) => new Dalle.ML.Extensions.AI.DalleImageGenerator(model);
            }
            """);
        await RunAsync("dotnet", "run", "--project", "app");
        Assert.NotEmpty(Directory.GetFiles(_folder.Path, "*.png"));
    }

    /// <summary>The tests of the notebooks run it; here is what a kernel and its user rely on.</summary>
    [Fact]
    public async Task The_packed_formats_for_notebooks_carry_the_script_that_registers_them_and_need_no_package_of_a_kernel()
    {
        await RunAsync("dotnet", "pack", Path.Combine(Repository.Root, "src", "Dalle.ML.Interactive"), "-c", Configuration, "--no-build", "-o", In("packed"));
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

    /// <summary>A new console project that refers to packages.</summary>
    private async Task WriteApplicationAsync(params string[] packages)
    {
        Directory.CreateDirectory(In("app"));
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
                <RestoreAdditionalProjectSources>{In("packed")}</RestoreAdditionalProjectSources>
              </PropertyGroup>
              <ItemGroup>
                {string.Concat(packages.Select(package => $"<PackageReference Include=\"{package}\" Version=\"{LibraryVersion}\" />"))}
                <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{runtime}" />
              </ItemGroup>
            </Project>
            """);
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
