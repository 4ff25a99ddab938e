using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dalle.ML.Server.Scheduling;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dalle.ML.Server.Tests;

/// <summary>The page in a browser.</summary>
public sealed class PageTests(Chromium chromium) : IClassFixture<Chromium>, IDisposable
{
    private readonly Gate _gate = new();

    public void Dispose() => _gate.Dispose();

    [Fact]
    public async Task Pictures_come_row_by_row()
    {
        using var brake = new Brake(step: 33);
        await using var site = await Site.StartAsync(services: brake.Register);
        await using var visit = await chromium.VisitAsync(site);
        await visit.FillAsync("a red apple", 2);
        await visit.Button("Generate").ClickAsync();

        // Half of the tokens are there, and no more until the brake is off.
        var half = visit.Page.GetByRole(AriaRole.Img, new() { Name = "Picture 1, 50 % drawn" });
        await Expect(half).ToBeVisibleAsync();
        await Expect(half.Locator("img.drawn")).ToHaveJSPropertyAsync("naturalWidth", 64);
        await Expect(visit.Page.GetByRole(AriaRole.Img, new() { Name = "Picture 2 of 2, waiting" })).ToBeVisibleAsync();
        brake.Release();
        await Expect(visit.Picture(1, 2, "a red apple")).ToBeVisibleAsync();
        await Expect(visit.Picture(2, 2, "a red apple")).ToBeVisibleAsync();
        await Expect(visit.Status).ToHaveTextAsync("Done: 2 pictures.");
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task Stop_leaves_the_queue()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        await visit.FillAsync("a red apple", 3);
        await visit.Button("Generate").ClickAsync();
        await _gate.ArrivalAsync();
        await visit.Button("Stop").ClickAsync();
        await Expect(visit.Status).ToHaveTextAsync("Stopped.");
        await Expect(visit.Button("Generate")).ToBeFocusedAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Article)).ToHaveCountAsync(0);

        // The gate is still closed: only leaving empties the queue.
        var scheduler = site.App.Services.GetRequiredService<BatchScheduler>();
        while (scheduler.Pending > 0)
            await Task.Delay(5);
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_link_carries_prompt_seed_and_settings()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(
            site, "#prompt=two+robots&n=2&seed=18446744073709551615&guidance_scale=1.5&top_k=50&bogus=1", new() { Permissions = ["clipboard-read", "clipboard-write"] });
        await Expect(visit.Prompt).ToHaveValueAsync("two robots");
        await Expect(visit.Page.GetByLabel("Seed")).ToHaveValueAsync("18446744073709551615");
        await Expect(visit.Page.GetByLabel("Guidance")).ToHaveValueAsync("1.5");
        var sent = await visit.Page.RunAndWaitForRequestAsync(() => visit.Button("Generate").ClickAsync(), request => request.Method == "POST");
        var body = JsonDocument.Parse(sent.PostData!).RootElement;
        Assert.Equal(("two robots", 2, 1.5, 50), (
            body.GetProperty("prompt").GetString(), body.GetProperty("n").GetInt32(), body.GetProperty("guidance_scale").GetDouble(), body.GetProperty("top_k").GetInt32()));

        // A seed of 64 bits comes back as it is.
        await visit.Picture(1, 2, "two robots").ClickAsync();
        var facts = visit.Page.GetByRole(AriaRole.Dialog).Locator("dl");
        await Expect(facts).ToContainTextAsync("18446744073709551615");
        await Expect(facts).ToContainTextAsync("guidance 1.5, top-k 50");
        await visit.Button("Close").ClickAsync();
        await visit.Button("Copy link to two robots").ClickAsync();
        await Expect(visit.Status).ToHaveTextAsync("The link is copied.");
        var link = await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        await visit.OpenAsync(link);
        await Expect(visit.Prompt).ToHaveValueAsync("two robots");
        await Expect(visit.Page.GetByLabel("Seed")).ToHaveValueAsync("18446744073709551615");
        await Expect(visit.Page.GetByLabel("Top-k")).ToHaveValueAsync("50");
        await Expect(visit.Page.GetByLabel("Temperature")).ToHaveValueAsync("");
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task Pictures_stay_in_the_browser_until_they_are_deleted()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site);
        await visit.Page.GetByText("More settings").ClickAsync();
        await visit.Page.GetByLabel("Seed").FillAsync("7");
        await visit.DrawAsync("a cat", 2);
        await visit.Button("Back to the model's own").ClickAsync();
        await visit.DrawAsync("a dog", 1);
        await visit.Page.ReloadAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 3 })).ToHaveTextAsync(["a dog", "a cat"]);
        await visit.Button("Reuse the settings of a cat").ClickAsync();
        await Expect(visit.Prompt).ToHaveValueAsync("a cat");
        await Expect(visit.Prompt).ToBeFocusedAsync();
        await Expect(visit.Page.GetByLabel("Seed")).ToHaveValueAsync("7");
        await Expect(visit.Page.GetByRole(AriaRole.Slider)).ToHaveValueAsync("2");

        await visit.Picture(2, 2, "a cat").ClickAsync();
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Page.GetByRole(AriaRole.Link, new() { Name = "Download PNG" }).ClickAsync());
        Assert.Matches(@"^a-cat-\d+\.png$", download.SuggestedFilename);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47], (await File.ReadAllBytesAsync(await download.PathAsync())).Take(4));
        await visit.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Button, new() { Name = ": a cat" })).ToHaveCountAsync(1);
        await visit.Button("Delete a dog").ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await visit.Button("Delete all").ClickAsync();
        await visit.Button("Keep them").ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Article)).ToHaveCountAsync(1);
        await visit.Button("Delete all").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete all" }).ClickAsync();
        await Expect(visit.Page.GetByText("Nothing drawn yet")).ToBeVisibleAsync();
        await visit.Page.ReloadAsync();
        await Expect(visit.Page.GetByText("Nothing drawn yet")).ToBeVisibleAsync();
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_part_is_redrawn_by_dragging()
    {
        _gate.Open();
        await using var site = await Site.StartAsync(services: _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        await visit.DrawAsync("a cat", 1);
        await visit.Picture(1, 1, "a cat").ClickAsync();
        await visit.Button("Redraw a part").ClickAsync();
        await Expect(visit.Button("Redraw")).ToBeDisabledAsync();

        // From the middle of one token to that of another; the second drag takes two of them back.
        await DragAsync(visit, (1, 2), (3, 5));
        await Expect(visit.Page.GetByText("12 of 64 parts marked.")).ToBeVisibleAsync();
        await DragAsync(visit, (3, 5), (3, 4));
        await Expect(visit.Page.GetByText("10 of 64 parts marked.")).ToBeVisibleAsync();
        await visit.Page.GetByLabel("What the whole picture should show").FillAsync("a cat wearing a crown");
        await visit.Button("Redraw").ClickAsync();
        await Expect(visit.Picture(1, 1, "a cat wearing a crown")).ToBeVisibleAsync();

        var known = _gate.Batches[^1].Single().KnownTokens!;
        var redrawn = Enumerable.Range(0, 64).Where(token => known[token] == -1).Select(token => (token / 8, token % 8));
        Assert.Equal([(1, 2), (1, 3), (1, 4), (1, 5), (2, 2), (2, 3), (2, 4), (2, 5), (3, 2), (3, 3)], redrawn);
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task The_keyboard_is_enough()
    {
        _gate.Open();
        await using var site = await Site.StartAsync(BuiltIn, _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        var keyboard = visit.Page.Keyboard;
        await Expect(visit.Button("Generate")).ToBeEnabledAsync();
        await visit.TabToAsync(visit.Page.GetByText("Words it knows").First);
        await keyboard.PressAsync("Enter");
        await visit.TabToAsync(visit.Page.GetByLabel("Find a word"));
        await keyboard.TypeAsync("pand");
        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("ArrowRight");
        await Expect(visit.Button("pandas")).ToBeFocusedAsync();
        await keyboard.PressAsync("Space");
        await Expect(visit.Prompt).ToHaveValueAsync("pandas");
        await visit.Prompt.FocusAsync();
        await keyboard.PressAsync("End");
        await keyboard.TypeAsync(" on");
        await visit.TabToAsync(visit.Page.GetByRole(AriaRole.Slider));
        await keyboard.PressAsync("Home");
        await keyboard.PressAsync("Shift+Tab");
        await Expect(visit.Prompt).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");

        var picture = visit.Picture(1, 1, "pandas on");
        await Expect(picture).ToBeVisibleAsync();
        await visit.TabToAsync(picture);
        await keyboard.PressAsync("Enter");
        await Expect(visit.Button("Redraw a part")).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");
        await Expect(visit.Cells.First).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowDown");
        await keyboard.PressAsync("Space");
        await keyboard.PressAsync("Shift+ArrowRight");
        await Expect(visit.Page.GetByText("2 of 256 parts marked.")).ToBeVisibleAsync();
        await visit.TabToAsync(visit.Button("Redraw"));
        await keyboard.PressAsync("Enter");
        await Expect(visit.Page.GetByRole(AriaRole.Article)).ToHaveCountAsync(2);
        await Expect(visit.Status).ToHaveTextAsync("Done: 1 picture.");
        Assert.Equal([16, 17], Enumerable.Range(0, 256).Where(token => _gate.Batches[^1].Single().KnownTokens![token] == -1));
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_picture_of_ones_own_is_edited()
    {
        _gate.Open();
        await using var site = await Site.StartAsync(services: _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        await visit.FillAsync("a pear", 1);
        var upload = visit.Page.GetByLabel("A picture of yours to edit");
        await Expect(visit.Page.GetByText("Edit a picture of yours")).ToBeVisibleAsync();
        await upload.SetInputFilesAsync(new FilePayload { Name = "notes.txt", MimeType = "text/plain", Buffer = "not a picture"u8.ToArray() });
        await Expect(visit.Alert).ToContainTextAsync("notes.txt is not a picture");

        using var gradient = Pictures.Gradient(300, 200);
        await upload.SetInputFilesAsync(new FilePayload { Name = "mine.png", MimeType = "image/png", Buffer = Api.EncodedFormat.Png.Encode(gradient) });
        await visit.Button("Mark all").ClickAsync();
        await visit.Cells.Nth(63).ClickAsync();
        await Expect(visit.Page.GetByText("63 of 64 parts marked.")).ToBeVisibleAsync();
        await visit.Button("Redraw").ClickAsync();
        await Expect(visit.Picture(1, 1, "a pear")).ToBeVisibleAsync();
        Assert.Equal([63], Enumerable.Range(0, 64).Where(token => _gate.Batches[^1].Single().KnownTokens![token] >= 0));
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_full_queue_is_told_and_tried_again()
    {
        await using var site = await Site.StartAsync(options => (options.MaxPendingImages, options.MaxImagesPerRequest) = (1, 1), _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        visit.ExpectedStatus = 429;
        var other = site.PostAsync("/v1/images/generations", new { prompt = "a cat" });
        await _gate.ArrivalAsync();
        await visit.Prompt.FillAsync("a dog");
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Alert).ToHaveTextAsync(new Regex("The server is busy: its queue is full. Try again in (a|\\d+) seconds?."));
        _gate.Open();
        await other;
        await visit.Button("Try again").ClickAsync();
        await Expect(visit.Picture(1, 1, "a dog")).ToBeVisibleAsync();
        await Expect(visit.Alert).ToHaveCountAsync(0);
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_key_is_asked_for_and_kept_in_the_tab()
    {
        await using var site = await Site.StartAsync(options => options.ApiKeys.Add("right"));
        await using var visit = await chromium.VisitAsync(site);
        visit.ExpectedStatus = 401;
        var dialog = visit.Page.GetByRole(AriaRole.Dialog, new() { Name = "This server asks for a key" });
        foreach (var wrong in new[] { "wrong", "schlüssel-🔑" })
        {
            await dialog.GetByLabel("Key").FillAsync(wrong);
            await visit.Button("Continue").ClickAsync();
            await Expect(dialog.GetByRole(AriaRole.Alert)).Not.ToBeEmptyAsync();
        }
        await dialog.GetByLabel("Key").FillAsync("right");
        await visit.Button("Continue").ClickAsync();
        await visit.DrawAsync("a cat", 1);
        await visit.Page.ReloadAsync();
        await visit.DrawAsync("a dog", 1);
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>("Object.keys(localStorage)"));
        await visit.Button("Forget key").ClickAsync();
        await Expect(dialog).ToBeVisibleAsync();
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task What_goes_wrong_is_told_in_words()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        await using var visit = await chromium.VisitAsync(site);
        await visit.FillAsync("   ", 1);
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Prompt).ToBeFocusedAsync();
        Assert.Equal("Say what you would like to see.", await visit.Prompt.EvaluateAsync<string>("prompt => prompt.validationMessage"));
        await visit.Prompt.FillAsync("a cat");
        await visit.Page.GetByText("More settings").ClickAsync();
        await visit.Page.GetByLabel("Top-p").FillAsync("2");
        await visit.Page.GetByText("More settings").ClickAsync();
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Page.GetByLabel("Top-p")).ToBeFocusedAsync();
        Assert.Empty(_gate.Batches);

        await visit.Button("Back to the model's own").ClickAsync();
        visit.ExpectedStatus = 400;
        await visit.Prompt.FillAsync(new string('x', 4001));
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Alert).ToContainTextAsync("'prompt' has 4001 characters, more than 4000.");

        // The server stops while a picture is in work.
        await visit.FillAsync("a cat", 1);
        await visit.Button("Generate").ClickAsync();
        await _gate.ArrivalAsync();
        _gate.Failure = _ => new InvalidOperationException("broken");
        _gate.Open();
        await Expect(visit.Alert).ToContainTextAsync("The server failed; its log says why.");
        await Expect(visit.Button("Generate")).ToBeEnabledAsync();
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_server_that_is_gone_is_told()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site);
        await Expect(visit.Button("Generate")).ToBeEnabledAsync();
        await visit.Page.RouteAsync("**/v1/images/generations", route => route.AbortAsync("connectionrefused"));
        await visit.FillAsync("a cat", 1);
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Alert).ToContainTextAsync("The server cannot be reached. Is it still running?");
        await visit.Page.UnrouteAsync("**/v1/images/generations");
        await visit.Button("Try again").ClickAsync();
        await Expect(visit.Picture(1, 1, "a cat")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Odd_prompts_are_texts()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site);
        foreach (var prompt in new[] { "🐼🎩 \"seed\":1", "<img src=x onerror=alert(1)>", $"a cat {new string('y', 2000)}", "עברית" })
        {
            await visit.DrawAsync(prompt, 1);
            await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 3 }).First).ToHaveTextAsync(prompt);
        }
        await Expect(visit.Page.Locator("p.warning").First).ToBeVisibleAsync();
        Assert.False(await visit.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth > innerWidth"));
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task As_many_pictures_as_the_server_gives_at_once()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site);
        await visit.DrawAsync("three pandas", 10);
        await Expect(visit.Status).ToHaveTextAsync("Done: 10 pictures.");
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task Another_tab_shows_what_was_drawn()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site);
        var first = visit.Page;
        await Expect(first.GetByText("Nothing drawn yet")).ToBeVisibleAsync();
        await visit.OpenAsync();
        await visit.DrawAsync("a cat", 1);
        await Expect(first.GetByRole(AriaRole.Heading, new() { Name = "a cat" })).ToBeVisibleAsync();
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_browser_that_keeps_nothing_draws_too()
    {
        await using var site = await Site.StartAsync();
        await using var visit = await chromium.VisitAsync(site, before: "Object.defineProperty(window, 'indexedDB', { value: undefined })");
        await Expect(visit.Alert).ToContainTextAsync("This browser keeps no pictures of this page");
        await visit.DrawAsync("a cat", 2);
        await Expect(visit.Alert).ToHaveCountAsync(1);
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task A_model_of_DALLE_2_has_its_own_settings_and_variations()
    {
        await using var site = await Site.StartAsync(options => options.Model = TinyUnclip.Path);
        await using var visit = await chromium.VisitAsync(site);
        await visit.Page.GetByText("More settings").ClickAsync();
        await Expect(visit.Page.GetByLabel("Steps")).ToBeVisibleAsync();
        await Expect(visit.Page.GetByLabel("Temperature")).ToBeHiddenAsync();
        await visit.DrawAsync("a cat", 1);
        await visit.Picture(1, 1, "a cat").ClickAsync();
        await visit.Button("Variations").ClickAsync();
        await Expect(visit.Picture(1, 1, "Variations")).ToBeVisibleAsync();
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task It_lies_below_a_prefix()
    {
        await using var site = await Site.StartAsync(prefix: "/dalle");
        await using var visit = await chromium.VisitAsync(site, "dalle");
        await visit.DrawAsync("a cat", 1);
        visit.AssertNoProblems();
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1280, 800)]
    [InlineData(ColorScheme.Dark, 1280, 800)]
    [InlineData(ColorScheme.Light, 390, 844)]
    [InlineData(ColorScheme.Dark, 390, 844)]
    public async Task Axe_finds_nothing(ColorScheme scheme, int width, int height)
    {
        // Half of the tokens of the built-in model.
        using var brake = new Brake(step: 129);
        await using var site = await Site.StartAsync(BuiltIn, brake.Register);
        await using var visit = await chromium.VisitAsync(
            site, options: new() { ColorScheme = scheme, ViewportSize = new() { Width = width, Height = height }, ReducedMotion = ReducedMotion.Reduce });
        await Expect(visit.Button("Generate")).ToBeEnabledAsync();
        await AssertAccessibleAsync(visit);
        await visit.Page.GetByText("Words it knows").First.ClickAsync();
        await visit.Page.GetByText("More settings").ClickAsync();
        await visit.FillAsync("a cat zzz", 2);
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Img, new() { Name = "Picture 1, 50 % drawn" })).ToBeVisibleAsync();
        await AssertAccessibleAsync(visit);
        brake.Release();
        await Expect(visit.Status).ToHaveTextAsync("Done: 2 pictures.");
        await AssertAccessibleAsync(visit);
        await visit.Picture(1, 2, "a cat zzz").ClickAsync();
        await AssertAccessibleAsync(visit);
        await visit.Button("Redraw a part").ClickAsync();
        await DragAsync(visit, (0, 0), (1, 1));
        await AssertAccessibleAsync(visit);
        await visit.Button("Close").ClickAsync();
        visit.ExpectedStatus = 400;
        await visit.Prompt.FillAsync(new string('x', 4001));
        await visit.Button("Generate").ClickAsync();
        await Expect(visit.Alert).ToBeVisibleAsync();
        await AssertAccessibleAsync(visit);
        await visit.Button("Delete all").ClickAsync();
        await AssertAccessibleAsync(visit);
        Assert.False(await visit.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth > innerWidth"));
        visit.AssertNoProblems();
    }

    [Fact]
    public async Task The_page_has_a_policy_of_its_own_and_needs_no_key()
    {
        await using var site = await Site.StartAsync(options => options.ApiKeys.Add("right"));
        var page = await site.Client.GetAsync("/");
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType!.MediaType));
        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, "/");
        again.Headers.IfNoneMatch.Add(page.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await site.Client.SendAsync(again)).StatusCode);
        Assert.Equal("text/javascript", (await site.Client.GetAsync("/page/page.js")).Content.Headers.ContentType!.MediaType);
        foreach (var path in new[] { "/page/none.js", "/page/..%2Findex.html", "/page/%5Cpage.js", "/index.html" })
            Assert.Equal(HttpStatusCode.NotFound, (await site.Client.GetAsync(path)).StatusCode);
    }

    /// <summary>The model that knows words.</summary>
    private static void BuiltIn(DalleServerOptions options) => options.Model = null;

    private static async Task AssertAccessibleAsync(Visit visit)
    {
        var result = await visit.Page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });
        Assert.Empty(result.Violations.Select(violation => $"{violation.Id}: {violation.Help}: {string.Join("; ", violation.Nodes.Select(node => node.Html))}"));
    }

    /// <summary>Drags from the middle of a cell to that of another, each a row and a column.</summary>
    private static async Task DragAsync(Visit visit, (int Row, int Column) from, (int Row, int Column) to)
    {
        var mouse = visit.Page.Mouse;
        var grid = (await visit.Page.GetByRole(AriaRole.Grid).BoundingBoxAsync())!;
        await mouse.MoveAsync(X(from), Y(from));
        await mouse.DownAsync();
        await mouse.MoveAsync(X(to), Y(to), new() { Steps = 3 });
        await mouse.UpAsync();

        float X((int Row, int Column) cell) => grid.X + grid.Width * (cell.Column + 0.5f) / 8;

        float Y((int Row, int Column) cell) => grid.Y + grid.Height * (cell.Row + 0.5f) / 8;
    }

    /// <summary>The library's generator, which stands still at a token until it is released.</summary>
    private sealed class Brake(int step) : IDisposable
    {
        private readonly ManualResetEventSlim _released = new();

        public void Register(IServiceCollection services) => services.AddSingleton<BatchGenerator>(provider => (requests, options, progress, cancellationToken) =>
            provider.GetRequiredService<DalleModel>().GenerateBatch(requests, options, new Braked(this, progress), cancellationToken));

        public void Release() => _released.Set();

        public void Dispose() => _released.Dispose();

        private sealed class Braked(Brake brake, IProgress<GenerationProgress>? progress) : IProgress<GenerationProgress>
        {
            private readonly int _step = brake.Step;

            public void Report(GenerationProgress value)
            {
                progress?.Report(value);
                if (value.Step == _step)
                    brake._released.Wait();
            }
        }

        private int Step => step;
    }
}
