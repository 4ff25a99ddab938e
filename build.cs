#:property PublishAot=false
#:property TieredPGO=false
#:property InvariantGlobalization=true

// One script for a clean clone: finds out which package feed it is on, restores, builds, and runs the rest.
// Its own words are in Help(); everything else is handed to the `dalle` tool. When nothing changed since the last
// build, neither MSBuild nor the network is touched: the way from here to the tool is a listing of files and an exec.

using System.ComponentModel;
using System.Diagnostics;
using System.IO.Enumeration;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

string root = (string)AppContext.GetData("EntryPointFileDirectoryPath")!;
string artifacts = Path.Combine(root, "artifacts");
string feedProps = Path.Combine(artifacts, "feed.props");
string ortFolder = Path.Combine(root, "src", "Standins", "Microsoft.ML.OnnxRuntime");

// The host that runs this script also runs everything below; it need not be on the PATH.
string dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..",
    OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

const string errorsOnly = "-consoleLoggerParameters:ErrorsOnly;NoSummary";

var tool = new Target("tool", "src/Dalle.ML.Cli", ["src", "onnx"]);
var benchmarks = new Target("benchmarks", "tests/Dalle.ML.Benchmarks", ["src", "onnx", "tests"]);
var readers = new Target("readers", "tests/Dalle.ML.Export.Tests", ["src", "onnx", "tests"]);
var solution = new Target("solution", "Dalle.ML.sln", ["src", "onnx", "tests"]);

try
{
    return args switch
    {
        [] or ["help"] or ["--help" or "-h" or "-?", ..] => Help(),
        ["build"] => EnsureBuilt(solution),
        ["test", .. var rest] => Test(rest),
        ["fuzz", .. { Length: <= 2 } numbers] => Fuzz(numbers),
        ["bench", .. var rest] => Bench(rest),
        ["pack", .. var rest] => Pack(rest),
        ["clean"] => Clean(),
        ["build" or "clean", ..] => throw new BuildException($"`{args[0]}` takes no arguments."),
        _ => Dalle(args),
    };
}
catch (BuildException e)
{
    Console.Error.WriteLine("build: " + e.Message.TrimEnd());
    return 1;
}

// ---- Words

int Help()
{
    Console.WriteLine("""
        dotnet run build.cs <word> [arguments]

          build          builds the solution (Release)
          test  [...]    builds and runs all tests; arguments go to `dotnet test`, e.g. --filter Category=Golden
          fuzz  [s] [n]  builds and runs the fuzz tests of the checkpoint readers: seed s (1), n damaged files for each reader (10000)
          bench [...]    builds and runs tests/Dalle.ML.Benchmarks; arguments go to it
          pack  [...]    packs into artifacts/packages; arguments go to `dotnet pack`; needs a feed with ML.NET and ONNX Runtime
          clean          removes artifacts/ (with it what is known of the feed) and the npm packages
          help           this text

        Any other word is one of the dalle tool, built first where needed:

          dotnet run build.cs generate "an apple on a blue background" -n 4 --seed 7 -o out

        `dotnet run` keeps options that it knows itself (--device, --help, -c, -v and others) unless they come after --:

          dotnet run build.cs -- generate --help
        """);
    return 0;
}

int Test(string[] rest)
{
    EnsureBuilt(solution);
    // A folder for this run alone: two runs side by side must not count each other's results.
    string results = Path.Combine(artifacts, "test-results", $"{DateTime.Now:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
    int exitCode = Run(["test", solution.Project, "-c", "Release", "--no-build", "--nologo",
        "--logger", "trx", $"-p:TestResultsFolder={results}", .. rest], root);
    Console.WriteLine();
    Console.WriteLine(CountTests(results));
    return exitCode;
}

int Fuzz(string[] numbers)
{
    Environment.SetEnvironmentVariable("DALLE_FUZZ_SEED", numbers is [var seed, ..] ? seed : "1");
    Environment.SetEnvironmentVariable("DALLE_FUZZ_COUNT", numbers is [_, var count] ? count : "10000");
    EnsureBuilt(readers);
    return Run(["test", Path.Combine(root, readers.Project), "-c", "Release", "--no-build", "--nologo",
        "--filter", "Category=Fuzz", "--logger", "console;verbosity=normal"], root);
}

int Bench(string[] rest)
{
    EnsureBuilt(benchmarks);
    return HandOver([Output("Dalle.ML.Benchmarks", "Dalle.ML.Benchmarks.dll"), .. rest]);
}

int Pack(string[] rest)
{
    using (TakeTurn())
        EnsurePackages();
    return HandOver(["pack", Path.Combine(root, solution.Project), "-c", "Release", "--nologo",
        "-o", Path.Combine(artifacts, "packages"), .. rest]);
}

int Clean()
{
    foreach (string folder in new[] { artifacts, Path.Combine(ortFolder, "node_modules") })
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    return 0;
}

int Dalle(string[] arguments)
{
    EnsureBuilt(tool);
    return HandOver([Output("Dalle.ML.Cli", "dalle.dll"), .. arguments]);
}

// ---- Building, only when something changed

int EnsureBuilt(Target target)
{
    if (IsFresh(target))
        return 0;
    using var turn = TakeTurn();
    if (IsFresh(target)) // another invocation built it while this one waited
        return 0;
    EnsurePackages();

    // Listed before the compiler reads them: what is edited meanwhile is compiled the next time.
    Target[] built = target == solution ? [solution, benchmarks, tool] : [target];
    var stamps = Array.ConvertAll(built, each => (File: Stamp(each), Text: Listing(each)));
    Say($"compiling {target.Project} …");
    var outcome = Capture(dotnet, ["build", target.Project, "-c", "Release", "-v", "quiet", "--nologo", errorsOnly], root);
    if (outcome.ExitCode != 0)
        throw new BuildException($"{target.Project} does not build:\n{outcome.Text}");
    foreach (var stamp in stamps)
        File.WriteAllText(stamp.File, stamp.Text);
    return 0;
}

bool IsFresh(Target target) => File.Exists(Stamp(target)) && File.ReadAllText(Stamp(target)) == Listing(target);

// Beside the outputs, so that who deletes these deletes the claim that they are fresh.
string Stamp(Target target) => Path.Combine(artifacts, "bin", target.Name + ".stamp");

string Output(string project, string file) => Path.Combine(artifacts, "bin", project, "release", file);

// Name, size and time of every file that the target is made of.
string Listing(Target target)
{
    var lines = new List<string>();
    foreach (string folder in target.Folders)
        if (Directory.Exists(Path.Combine(root, folder)))
            lines.AddRange(new FileSystemEnumerable<string>(Path.Combine(root, folder),
                (ref FileSystemEntry entry) => Line(entry.ToFullPath(), entry.Length, entry.LastWriteTimeUtc),
                new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            {
                ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
                ShouldRecursePredicate = (ref FileSystemEntry entry) => entry.FileName is not ("node_modules" or "bin" or "obj"),
            });

    string userSettings = OperatingSystem.IsWindows()
        ? Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData)
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget");
    string userNuGet = Path.Combine(userSettings, "NuGet", "NuGet.Config");
    foreach (string file in new[] { solution.Project, ".editorconfig", "global.json", "nuget.config", feedProps, userNuGet })
        if (new FileInfo(Path.Combine(root, file)) is { Exists: true } info)
            lines.Add(Line(info.FullName, info.Length, info.LastWriteTimeUtc));

    lines.Sort(string.CompareOrdinal);
    return string.Join('\n', lines);

    static string Line(string path, long length, DateTimeOffset time) => $"{path} {length} {time.Ticks}";
}

// One invocation at a time probes, restores and builds; the system lets go of the file when its owner ends, however it ends.
FileStream TakeTurn()
{
    Directory.CreateDirectory(artifacts);
    for (bool said = false; ; said = true)
    {
        try
        {
            return new FileStream(Path.Combine(artifacts, "build.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException)) // someone holds it; the derived types say other things
        {
            if (!said)
                Say("waiting for another build in this folder …");
            Thread.Sleep(200);
        }
    }
}

// ---- Packages: from the feed where it has them, else the stand-ins and npm

void EnsurePackages()
{
    EnsureFeed();
    if (File.ReadAllText(feedProps).Contains("<Ort>npm</Ort>"))
        EnsureNpmPackages();
}

// NuGet itself is asked, so that the user's sources, credentials and caches count. The answer holds until the versions
// or the sources change.
void EnsureFeed()
{
    var pinned = XDocument.Load(Path.Combine(root, "src", "Directory.Packages.props")).Descendants("PackageVersion")
        .ToLookup(package => (string)package.Attribute("Include")!, package => (string)package.Attribute("Version")!);
    Package[] Pinned(params string[] ids) => Array.ConvertAll(ids, id => new Package(id, pinned[id].First()));
    Package[] mlNet = Pinned("Microsoft.ML", "Microsoft.ML.ImageAnalytics", "Microsoft.ML.Tokenizers");
    Package[] onnxRuntime = Pinned("Microsoft.ML.OnnxRuntime");

    string sources = Capture(dotnet, ["nuget", "list", "source"], root).Text;
    string question = string.Join('\n', [.. mlNet, .. onnxRuntime, sources]);
    string key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(question)));
    if (File.Exists(feedProps) && File.ReadAllText(feedProps).Contains(key))
        return;

    Say($"looking for {mlNet[0]} and {onnxRuntime[0]} on the package feed …");
    var answers = Task.WhenAll(
        Task.Run(() => Restore("MLNet", mlNet)),
        Task.Run(() => Restore("OnnxRuntime", onnxRuntime))).GetAwaiter().GetResult();
    if (answers.FirstOrDefault(answer => !IsFound(answer) && !IsMissing(answer)) is { } failure)
        throw new BuildException($"""
            cannot find out whether the package feed has {string.Join<Package>(", ", [.. mlNet, .. onnxRuntime])}.
            Looked in the sources of `dotnet nuget list source`:
            {sources.TrimEnd()}
            What NuGet says:
            {failure.Text.TrimEnd()}
            Check the network, the proxy and the credentials of these sources, or name others with `dotnet nuget add source`,
            and run the same command again. Nothing was recorded.
            """);

    bool hasMLNet = IsFound(answers[0]), hasOnnxRuntime = IsFound(answers[1]);
    Say($"ML.NET is {(hasMLNet ? "there" : "not there: using the stand-ins of src/Standins")}; " +
        $"ONNX Runtime is {(hasOnnxRuntime ? "there" : "not there: using npm")}");
    // Assemblies of one source are not mixed with those of another: a later build would take the newer file for the right one.
    foreach (string folder in new[] { "bin", "obj", "publish" }.Select(name => Path.Combine(artifacts, name)).Where(Directory.Exists))
        Directory.Delete(folder, recursive: true);
    File.WriteAllText(feedProps, $"""
        <Project>
          <!-- Written by build.cs: what the package feed has. `dotnet run build.cs clean` forgets it. -->
          <PropertyGroup>
            <MLNet>{(hasMLNet ? "package" : "standin")}</MLNet>
            <Ort>{(hasOnnxRuntime ? "package" : "npm")}</Ort>
            <FeedKey>{key}</FeedKey>
          </PropertyGroup>
        </Project>

        """);

    static bool IsFound(Outcome answer) => answer.ExitCode == 0;

    // NU1101, NU1102, NU1103: every source answered and none has the package, the version, a stable version.
    static bool IsMissing(Outcome answer) =>
        Regex.Matches(answer.Text, @"error (\w+):").Select(match => match.Groups[1].Value).ToHashSet() is { Count: > 0 } errors
        && errors.IsSubsetOf(["NU1101", "NU1102", "NU1103"]);
}

// Restores a project that wants these packages and nothing else.
Outcome Restore(string name, Package[] packages)
{
    string folder = Path.Combine(artifacts, "probe", name);
    string project = Path.Combine(folder, name + ".csproj");
    Directory.CreateDirectory(folder);
    File.WriteAllText(project, $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <NuGetAudit>false</NuGetAudit>
          </PropertyGroup>
          <ItemGroup>
            {string.Concat(packages.Select(package => $"""<PackageReference Include="{package.Id}" Version="{package.Version}" />"""))}
          </ItemGroup>
        </Project>
        """);
    // Directory.*.props and .targets of folders above the clone have no say in the answer.
    return Capture(dotnet, ["restore", project, "-v", "quiet", "--nologo", errorsOnly, "-p:ImportDirectoryPackagesProps=false",
        "-p:ImportDirectoryBuildProps=false", "-p:ImportDirectoryBuildTargets=false"], root);
}

void EnsureNpmPackages()
{
    // npm writes this file last, so an installation that was cut off is done again.
    string installed = Path.Combine(ortFolder, "node_modules", ".package-lock.json");
    if (File.GetLastWriteTimeUtc(installed) >= File.GetLastWriteTimeUtc(Path.Combine(ortFolder, "package-lock.json")))
        return;

    using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(ortFolder, "package.json")));
    string wanted = string.Join(", ", manifest.RootElement.GetProperty("dependencies").EnumerateObject()
        .Select(package => $"{package.Name} {package.Value}"));
    Say($"installing {wanted} with npm …");
    Outcome outcome;
    try
    {
        // A registry that does not answer is tried again after 1 and 10 seconds, not after npm's 10 and 60.
        outcome = Npm("ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
            "--fetch-retry-mintimeout=1000");
    }
    catch (Win32Exception)
    {
        throw new BuildException($"""
            npm is needed and was not found. The NuGet feed of this machine has no Microsoft.ML.OnnxRuntime, and the other place
            to get ONNX Runtime from is the npm package {wanted}.
            Install Node.js (npm comes with it), or add a NuGet source that has Microsoft.ML.OnnxRuntime, and run the same command again.
            """);
    }
    if (outcome.ExitCode != 0)
        throw new BuildException($"""
            npm could not install {wanted} (ONNX Runtime, which the NuGet feed of this machine lacks).
            Looked in the registry of `npm config get registry`: {Npm("config", "get", "registry").Output.Trim()}
            What npm says:
            {outcome.Text.TrimEnd()}
            Check the network, the proxy and npm's settings, and run the same command again.
            """);

    Outcome Npm(params string[] arguments) => OperatingSystem.IsWindows()
        ? Capture("cmd", ["/c", "npm", .. arguments], ortFolder) // npm is a script there
        : Capture("npm", arguments, ortFolder);
}

// ---- Tests

static string CountTests(string results)
{
    var counters = Directory.CreateDirectory(results).EnumerateFiles("*.trx", SearchOption.AllDirectories)
        .SelectMany(file => XDocument.Load(file.FullName).Descendants()).Where(element => element.Name.LocalName == "Counters").ToArray();
    int Sum(params string[] names) => (from name in names from counter in counters select (int)counter.Attribute(name)!).Sum();

    int passed = Sum("passed"), failed = Sum("failed", "error", "timeout", "aborted");
    return $"{passed} passed, {failed} failed, {Sum("total") - passed - failed} skipped";
}

// ---- Processes

// On Unix the tool takes the place of this process, so that signals, exit code and streams are its own. Windows has no
// such call: there a child shares the console, and Ctrl+C is left to it.
int HandOver(string[] arguments)
{
    if (!OperatingSystem.IsWindows())
    {
        _ = execv(dotnet, [dotnet, .. arguments, null]);
        throw new BuildException($"cannot start {dotnet}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
    Console.CancelKeyPress += (_, e) => e.Cancel = true;
    return Run(arguments, Environment.CurrentDirectory);

    [DllImport("libc", SetLastError = true)]
    static extern int execv(string path, string?[] arguments);
}

int Run(string[] arguments, string folder)
{
    using var process = Process.Start(new ProcessStartInfo(dotnet, arguments) { WorkingDirectory = folder })!;
    process.WaitForExit();
    return process.ExitCode;
}

// Standard input is not for these: the tool that runs afterwards may want to read it.
static Outcome Capture(string file, string[] arguments, string folder)
{
    using var process = Process.Start(new ProcessStartInfo(file, arguments)
    {
        WorkingDirectory = folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
    process.StandardInput.Close();
    var errors = process.StandardError.ReadToEndAsync();
    string output = process.StandardOutput.ReadToEnd();
    process.WaitForExit();
    return new Outcome(process.ExitCode, output, errors.Result);
}

// Standard output belongs to the tool.
static void Say(string text) => Console.Error.WriteLine("build: " + text);

sealed record Target(string Name, string Project, string[] Folders);

sealed record Package(string Id, string Version)
{
    public override string ToString() => $"{Id} {Version}";
}

sealed record Outcome(int ExitCode, string Output, string Errors)
{
    public string Text => Output + Errors;
}

sealed class BuildException(string message) : Exception(message);
