using Microsoft.Playwright;

namespace Dalle.ML.Server.Tests;

/// <summary>The browser of the machine; tests that need one are skipped without it.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private const float Patience = 60_000;

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Places.FirstOrDefault(File.Exists) is not { } place)
            return;
        _playwright = await Playwright.CreateAsync();
        // Chromium's sandbox refuses to run for root, as which containers run.
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = place, Args = Environment.IsPrivilegedProcess ? ["--no-sandbox"] : [] });
    }

    /// <summary>Opens the page of a server as somebody who was never there.</summary>
    internal async Task<Visit> VisitAsync(Site site, string path = "", BrowserNewContextOptions? options = null, string? before = null)
    {
        Assert.SkipWhen(_browser is null, $"There is no Chromium on this machine ({string.Join(", ", Places)}); 'apt-get install chromium' brings it.");
        options ??= new();
        options.BaseURL = site.Address.ToString();
        var context = await _browser!.NewContextAsync(options);
        // A busy machine is slow.
        context.SetDefaultTimeout(Patience);
        Assertions.SetDefaultExpectTimeout(Patience);
        if (before is not null)
            await context.AddInitScriptAsync(before);
        var visit = new Visit(context, site.Address);
        await visit.OpenAsync(path);
        return visit;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}

/// <summary>A browser window of its own, without anything that others left. At its end nothing must have gone wrong that nobody saw.</summary>
internal sealed class Visit(IBrowserContext context, Uri address) : IAsyncDisposable
{
    private readonly List<string> _problems = [];

    /// <summary>The tab that was opened last.</summary>
    public IPage Page { get; private set; } = null!;

    public IBrowserContext Context => context;

    /// <summary>A status that the test brings about: browsers log it as an error.</summary>
    public int? ExpectedStatus { get; set; }

    public ILocator Prompt => Page.GetByLabel("What would you like to see?");

    public ILocator Status => Page.Locator("#status");

    public ILocator Alert => Page.GetByRole(AriaRole.Alert);

    public ILocator Cells => Page.GetByRole(AriaRole.Gridcell);

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>The picture of a run that is drawn.</summary>
    public ILocator Picture(int number, int count, string prompt) => Button($"Picture {number} of {count}: {prompt}");

    /// <summary>Opens the page in a further tab.</summary>
    public async Task OpenAsync(string path = "")
    {
        Page = await context.NewPageAsync();
        Page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                Add(message.Text);
        };
        Page.PageError += (_, error) => Add(error);
        Page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(address.ToString(), StringComparison.Ordinal) && !request.Url.StartsWith("blob:" + address, StringComparison.Ordinal))
                Add($"{request.Url} was requested.");
        };
        await Page.GotoAsync(path);
    }

    /// <summary>Draws pictures and waits for them.</summary>
    public async Task DrawAsync(string prompt, int count)
    {
        await FillAsync(prompt, count);
        await Button("Generate").ClickAsync();
        await Assertions.Expect(Picture(count, count, prompt).First).ToBeVisibleAsync();
        await Assertions.Expect(Button("Generate")).ToBeVisibleAsync();
    }

    public async Task FillAsync(string prompt, int count)
    {
        await Prompt.FillAsync(prompt);
        await Page.GetByRole(AriaRole.Slider, new() { Name = "Pictures" }).FillAsync($"{count}");
    }

    /// <summary>Presses Tab until something has the focus.</summary>
    public async Task TabToAsync(ILocator target)
    {
        for (var i = 0; i < 100; i++)
        {
            if (await target.EvaluateAsync<bool>("element => element === document.activeElement"))
                return;
            await Page.Keyboard.PressAsync("Tab");
        }
        Assert.Fail($"Tab does not reach {target}.");
    }

    public void AssertNoProblems()
    {
        lock (_problems)
            Assert.DoesNotContain(_problems, problem => ExpectedStatus is not { } status || !problem.Contains($"status of {status}", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync() => await context.DisposeAsync();

    private void Add(string problem)
    {
        lock (_problems)
            _problems.Add(problem);
    }
}
