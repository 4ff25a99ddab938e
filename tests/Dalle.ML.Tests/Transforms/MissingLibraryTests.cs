using System.Diagnostics;
using System.Xml.Linq;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;

namespace Dalle.ML.Tests.Transforms;

/// <summary>An application that lacks the package with ONNX Runtime's native library hears of it, when it is built and when it runs.</summary>
public sealed class MissingLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(nameof(ModelOperationsCatalog.Load), false)]
    [InlineData(nameof(DalleCatalog.LoadDalle), false)]
    [InlineData(nameof(DalleCatalog.LoadDalle), true)]
    public async Task Without_the_native_library_the_error_names_the_package(string load, bool generates)
    {
        var ml = new MLContext();
        PipelineRow[] rows = [new() { Prompt = "a cat" }];
        var data = ml.Data.LoadFromEnumerable(rows);
        var pipeline = Path.Combine(_folder.Path, "pipeline.zip");
        ITransformer fitted = generates
            ? ml.Transforms.GenerateImageTokens(new GenerateImageTokensEstimator.Options { InputColumnName = "Prompt", OutputColumnName = "Embedding", ModelPath = TinyModel.Path }).Fit(data)
            : ml.Transforms.ClipEmbedText(new() { InputColumnName = "Prompt", ModelPath = TinyModel.Path, ErrorColumnName = "Error" }).Fit(data);
        ml.Model.Save(fitted, data.Schema, pipeline);
        ((IDisposable)fitted).Dispose();

        // Without its list of dependencies a program finds assemblies beside itself, but no native libraries in the folders of platforms.
        var host = Directory.CreateDirectory(Path.Combine(_folder.Path, "host")).FullName;
        foreach (var file in Directory.EnumerateFiles(PipelineProcess.HostFolder).Where(file => !file.EndsWith(".deps.json", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(host, Path.GetFileName(file)));
        var (exitCode, _, errors) = await PipelineProcess.StartAsync(host, _folder.Path, load, pipeline, rows, ["Embedding"]);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(
            "the native library of ONNX Runtime is missing; add its package to the application: `dotnet add package Microsoft.ML.OnnxRuntime`",
            errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Building_an_application_without_the_native_library_warns()
    {
        // Imports what the package has in buildTransitive; the versions are those of this repository.
        var versions = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(version => version.Attribute("Include")!.Value, version => version.Attribute("Version")!.Value);
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "Application.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net{Environment.Version.Major}.0</TargetFramework>
                <OutputType>Exe</OutputType>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Microsoft.ML.OnnxRuntime.Managed" Version="{versions["Microsoft.ML.OnnxRuntime.Managed"]}" />
                <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{versions["Microsoft.ML.OnnxRuntime"]}" Condition="'$(WithNative)' == 'true'" />
              </ItemGroup>
              <Import Project="{Path.Combine(Repository.Root, "src", "Dalle.ML", "Dalle.ML.targets")}" />
            </Project>
            """);
        var warned = await BuildAsync();
        Assert.Contains("warning DALLE001: Application uses Dalle.ML", warned, StringComparison.Ordinal);
        Assert.Contains("dotnet add package Microsoft.ML.OnnxRuntime.Gpu", warned, StringComparison.Ordinal);
        Assert.DoesNotContain("DALLE001", await BuildAsync("-p:DalleCheckOnnxRuntime=false"), StringComparison.Ordinal);
        Assert.DoesNotContain("DALLE001", await BuildAsync("-p:OutputType=Library"), StringComparison.Ordinal);
        Assert.DoesNotContain("DALLE001", await BuildAsync("-p:WithNative=true"), StringComparison.Ordinal);
    }

    /// <summary>As far as packages are resolved, which is where the targets come in.</summary>
    private async Task<string> BuildAsync(params string[] properties)
    {
        var start = new ProcessStartInfo("dotnet", ["msbuild", "-restore", "-t:ResolvePackageAssets", "-nologo", "-v:minimal", "-nodeReuse:false", .. properties])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output);
        return output;
    }
}
