using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Dalle.ML.Cli.Tests;

public sealed class ServeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_serves_the_images_of_the_library_until_it_is_interrupted()
    {
        ToolProcess.SkipUnlessInterruptible();
        using var process = ToolProcess.Start(_folder.Path, ["serve", "-m", TinyModel.Path, "--port", "0", "--json"], hasInput: true, new Dictionary<string, string> { ["DALLE_API_KEY"] = "secret" });
        var address = JsonDocument.Parse((await process.StandardOutput.ReadLineAsync())!).RootElement;
        using var client = new HttpClient { BaseAddress = new Uri(address.GetProperty("url").GetString()!) };
        Assert.Equal("tiny-64", address.GetProperty("model").GetString());
        Assert.Equal(401, (int)(await client.GetAsync("/v1/models")).StatusCode);

        client.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        var response = await client.PostAsJsonAsync("/v1/images/generations", new { prompt = "a cat", seed = 3 });
        var json = await response.Content.ReadFromJsonAsync<JsonElement>();
        using var model = TinyModel.Load();
        using var expected = model.Generate("a cat", 3);
        Assert.Equal(expected.Image.ToPng(), json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64());
        Assert.Contains("dalle_queue_images", await client.GetStringAsync("/metrics"), StringComparison.Ordinal);
        var document = await client.GetStringAsync("/openapi/v1.json");
        Assert.Contains("guidance_scale", document, StringComparison.Ordinal);
        Assert.DoesNotContain("*/*", document, StringComparison.Ordinal);
        Assert.Contains("\"mask\"", document, StringComparison.Ordinal);
        Assert.Contains("\"bearer\"", document, StringComparison.Ordinal);

        // The page of the API brings all that it needs.
        var page = await client.GetAsync("/docs/");
        Assert.Contains("script-src 'self' 'nonce-", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("://", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(200, (int)(await client.GetAsync("/docs/scalar.js")).StatusCode);
        Assert.Equal((0, 1), (await ProbeAsync(client.BaseAddress.ToString()), await ProbeAsync("http://127.0.0.1:1")));

        // A page that gives its own name this machine's address.
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        rebound.Headers.Host = "evil.example";
        Assert.Equal(400, (int)(await client.SendAsync(rebound)).StatusCode);

        var end = await ToolProcess.InterruptAsync(process);
        Assert.Equal(0, end.ExitCode);
        Assert.DoesNotContain("a cat", end.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_that_send_next_to_nothing_or_far_too_much_are_cut_off_and_others_are_served()
    {
        using var process = ToolProcess.Start(_folder.Path, ["serve", "-m", TinyModel.Path, "--port", "0", "--json"], hasInput: true);
        try
        {
            var address = new Uri(JsonDocument.Parse((await process.StandardOutput.ReadLineAsync())!).RootElement.GetProperty("url").GetString()!);
            using var client = new HttpClient { BaseAddress = address };
            const string Post = "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
            Task<string>[] slow =
            [
                .. Enumerable.Range(0, 20).Select(_ => TrickleAsync(address, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")),
                .. Enumerable.Range(0, 20).Select(_ => TrickleAsync(address, $"{Post}Content-Length: 500000\r\n\r\n{{\"prompt\": \"")),
            ];
            using var response = await client.PostAsJsonAsync("/v1/images/generations", new { prompt = "a cat", candidates = 1 });
            Assert.Equal(200, (int)response.StatusCode);

            // Their ends are up to the server alone: they would send for ever.
            Assert.All(await Task.WhenAll(slow), answer => Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), answer));
            var large = await TrickleAsync(address, $"{Post}Content-Length: 999999999\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 413", large, StringComparison.Ordinal);
            Assert.Contains("\"error\"", large, StringComparison.Ordinal);
            Assert.Equal("Healthy", await client.GetStringAsync("/readyz"));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Sends a beginning and then a byte a second, until the server ends the connection.</summary>
    /// <returns>What it answered.</returns>
    private static async Task<string> TrickleAsync(Uri address, string beginning)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, address.Port);
        await using var stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(beginning));
        using var answer = new MemoryStream();
        var answered = CopyAsync();
        while (!answered.IsCompleted)
        {
            try
            {
                await stream.WriteAsync("a"u8.ToArray());
            }
            catch (IOException)
            {
                break;
            }
            await Task.WhenAny(answered, Task.Delay(TimeSpan.FromSeconds(1)));
        }
        await answered;
        return Encoding.UTF8.GetString(answer.ToArray());

        async Task CopyAsync()
        {
            try
            {
                await stream.CopyToAsync(answer);
            }
            catch (IOException)
            {
                // Reset by the server: what was sent to it was never read.
            }
        }
    }

    /// <summary>The program with the settings of Containerfile: it listens on all addresses, writes nothing beside itself, and its health check finds it.</summary>
    [Fact]
    public async Task The_settings_of_the_container_serve()
    {
        var lines = File.ReadAllText(Path.Combine(Repository.Root, "Containerfile")).Replace("\\\n", " ", StringComparison.Ordinal).Split('\n');
        var settings = lines.Where(line => line.StartsWith("ENV ", StringComparison.Ordinal)).SelectMany(line => line[4..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Contains("EXPOSE 8080", lines);
        Assert.Contains("USER $APP_UID", lines);
        settings["ASPNETCORE_URLS"] = settings["ASPNETCORE_URLS"].Replace("8080", $"{FreePort()}", StringComparison.Ordinal);
        settings["Dalle__Model"] = TinyModel.Path;
        settings["Dalle__ApiKeys__0"] = "secret";
        using var process = Start(CommandOf("ENTRYPOINT "));
        try
        {
            // Tells its addresses once it listens.
            var address = (await process.StandardOutput.ReadLineAsync())!;
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{new Uri(address.Replace("[::]", "localhost", StringComparison.Ordinal)).Port}") };
            Assert.Equal(401, (int)(await client.GetAsync("/v1/models")).StatusCode);
            client.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
            Assert.Contains("tiny-64", await client.GetStringAsync("/v1/models"), StringComparison.Ordinal);
            using var probe = Start(CommandOf("HEALTHCHECK "));
            await probe.WaitForExitAsync();
            Assert.Equal(0, probe.ExitCode);
        }
        finally
        {
            process.Kill();
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));

        string[] CommandOf(string instruction)
        {
            var line = lines.Single(line => line.StartsWith(instruction, StringComparison.Ordinal));
            return JsonSerializer.Deserialize<string[]>(line[line.IndexOf('[', StringComparison.Ordinal)..])!;
        }

        Process Start(string[] command)
        {
            var arguments = command[1..].Select(word => word.Replace("/app/", Path.GetDirectoryName(ToolProcess.AssemblyPath) + "/", StringComparison.Ordinal));
            var start = new ProcessStartInfo(command[0], arguments) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var (name, value) in settings)
                start.Environment[name] = value;
            return Process.Start(start)!;
        }

        static int FreePort()
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }

    /// <summary>The health check of a container.</summary>
    private static async Task<int> ProbeAsync(string address)
    {
        var program = Path.Combine(Path.GetDirectoryName(ToolProcess.AssemblyPath)!, "dalle-serve.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, "--Serve:HealthCheck=true", $"--urls={address}"]) { RedirectStandardError = true })!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    [Fact]
    public async Task A_port_that_is_taken_and_a_model_that_is_missing_are_told()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var taken = await ToolProcess.RunAsync(_folder.Path, ["serve", "-m", TinyModel.Path, "--host", "127.0.0.1", "--port", $"{port}"]);
        Assert.Equal(1, taken.ExitCode);
        Assert.Contains($"{port}", taken.Errors, StringComparison.Ordinal);
        var missing = await ToolProcess.RunAsync(_folder.Path, ["serve", "-m", "nothing-here"]);
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("nothing-here", missing.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", missing.Errors, StringComparison.Ordinal);
    }

    /// <summary>The other commands start without the runtime of ASP.NET Core, which the server's own configuration names.</summary>
    [Fact]
    public void Only_the_server_needs_ASP_NET_Core()
    {
        var folder = Path.GetDirectoryName(ToolProcess.AssemblyPath)!;
        Assert.DoesNotContain("Microsoft.AspNetCore.App", File.ReadAllText(Path.Combine(folder, "dalle.runtimeconfig.json")), StringComparison.Ordinal);
        Assert.Contains("Microsoft.AspNetCore.App", File.ReadAllText(Path.Combine(folder, "dalle-serve.runtimeconfig.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_ASP_NET_Core_it_says_what_to_install_and_other_commands_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test makes links.");
        var installed = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var bare = Directory.CreateDirectory(Path.Combine(_folder.Path, "dotnet")).FullName;
        Directory.CreateDirectory(Path.Combine(bare, "shared"));
        File.Copy(Path.Combine(installed, "dotnet"), Path.Combine(bare, "dotnet"));
        Directory.CreateSymbolicLink(Path.Combine(bare, "host"), Path.Combine(installed, "host"));
        Directory.CreateSymbolicLink(Path.Combine(bare, "shared", "Microsoft.NETCore.App"), Path.Combine(installed, "shared", "Microsoft.NETCore.App"));

        var serve = await RunAsync("serve", "--port", "0");
        Assert.Equal(1, serve.ExitCode);
        Assert.Contains("needs the ASP.NET Core runtime", serve.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("info", TinyModel.Path)).ExitCode);

        async Task<Tool> RunAsync(params string[] arguments)
        {
            var start = new ProcessStartInfo(Path.Combine(bare, "dotnet"), [ToolProcess.AssemblyPath, .. arguments])
            {
                WorkingDirectory = _folder.Path,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment["DOTNET_MULTILEVEL_LOOKUP"] = "0";
            start.Environment.Remove("DOTNET_ROOT");
            using var process = Process.Start(start)!;
            return await ToolProcess.FinishAsync(process);
        }
    }
}
