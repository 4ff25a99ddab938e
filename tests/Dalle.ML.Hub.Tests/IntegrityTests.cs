using System.Text;
using Microsoft.AspNetCore.Http;

namespace Dalle.ML.Hub.Tests;

/// <summary>Only the announced files are used, whatever servers, connections and earlier runs do.</summary>
public sealed class IntegrityTests : HubTest
{
    [Fact]
    public async Task A_file_with_another_hash_is_deleted_and_the_rest_is_kept()
    {
        var altered = MiniFiles[1].Content.ToArray();
        altered[^1] ^= 1;
        AnswerDecoder(context => context.Response.Body.WriteAsync(altered).AsTask(), altered.Length);
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        foreach (var words in new[] { "decoder_mini.pt", HubServer.Sha256(altered), HubServer.Sha256(MiniFiles[1].Content), "It was deleted" })
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Models, Mini)));
        Assert.DoesNotContain(Leftovers(), file => file.Contains("decoder", StringComparison.Ordinal));

        Server.Intercept = null;
        Server.Requests.Clear();
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.DoesNotContain(Server.Downloads, request => request.Path.EndsWith("encoder_mini.pt", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_small_file_is_verified_by_its_Git_blob_id()
    {
        var altered = MiniFiles[3].Content.ToArray();
        altered[^2] ^= 1;
        Server.Intercept = async context =>
        {
            if (context.Request.Method != "GET" || !context.Request.Path.Value!.EndsWith("vocab_mini.json", StringComparison.Ordinal))
                return false;
            await context.Response.Body.WriteAsync(altered);
            return true;
        };
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(HubServer.GitBlob(altered), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_the_catalogues_is_told_before_its_download()
    {
        WriteCatalog(MiniModel(sha256: path => path == "decoder.pt" ? new string('0', 64) : null));
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("the catalogue states 000", error.Message, StringComparison.Ordinal);
        Assert.Contains("DALLE_CATALOG", error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Downloads);
    }

    [Theory]
    [InlineData("text/html", "<!DOCTYPE html><title>Sign in</title>", "web page")]
    [InlineData("application/octet-stream", "  <!DOCTYPE html><title>Sign in</title>", "Sign in")]
    [InlineData("text/plain", "version https://git-lfs.github.com/spec/v1\noid sha256:0", "git-lfs")]
    [InlineData("application/xml", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "AccessDenied")]
    [InlineData("text/plain", "Quota exceeded", "14 bytes in place of the 681857")]
    public async Task Text_in_place_of_weights_is_shown_and_not_kept(string type, string text, string words)
    {
        AnswerDecoder(
            context =>
            {
                context.Response.ContentType = type;
                return context.Response.WriteAsync(text);
            },
            Encoding.UTF8.GetByteCount(text));
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains("decoder_mini.pt", error.Message, StringComparison.Ordinal);
        Assert.Empty(RetryClock.Waits);

        Server.Intercept = null;
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
    }

    [Theory]
    [InlineData(-1000, true)]
    [InlineData(-1000, false)]
    [InlineData(+1000, true)]
    [InlineData(+1000, false)]
    public async Task A_file_of_another_size_ends_the_pull(int difference, bool isSizeTold)
    {
        var content = MiniFiles[1].Content;
        var other = difference < 0 ? content[..^-difference] : [.. content, .. new byte[difference]];
        AnswerDecoder(context => context.Response.Body.WriteAsync(other).AsTask(), isSizeTold ? other.Length : null);
        await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.False(Directory.Exists(Path.Combine(Models, Mini)));

        Server.Intercept = null;
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
    }

    [Fact]
    public async Task A_file_that_is_compressed_on_the_way_is_refused()
    {
        AnswerDecoder(
            context =>
            {
                context.Response.Headers.ContentEncoding = "gzip";
                return context.Response.WriteAsync("?");
            },
            length: 1);
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("gzip", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_ranges_sends_the_file_again()
    {
        Server.Intercept = context =>
        {
            if (context.Request.Path.Value!.EndsWith(".pt", StringComparison.Ordinal))
                context.Request.Headers.Remove("Range");
            return Task.FromResult(false);
        };
        Server.CutAfter(200_000, UntilSomeIsWrittenAsync);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains(Server.Downloads, request => request.Range is not null);
    }

    [Theory]
    [InlineData(416, null)]
    [InlineData(206, "bytes 0-9/470732")]
    [InlineData(206, "bytes 5-9/999")]
    public async Task A_server_that_has_not_the_range_is_asked_for_the_whole(int status, string? range)
    {
        var isAnswered = false;
        Server.Intercept = async context =>
        {
            if (isAnswered || context.Request.Headers.Range.Count == 0)
                return false;
            isAnswered = true;
            context.Response.StatusCode = status;
            if (range is not null)
            {
                context.Response.Headers.ContentRange = range;
                await context.Response.WriteAsync("0123456789");
            }
            return true;
        };
        Server.CutAfter(200_000, UntilSomeIsWrittenAsync);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.True(isAnswered);
        Assert.Contains("From the beginning again", Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_branch_that_moves_does_not_mix_files_of_two_commits()
    {
        await InterruptAsync(Mini);
        foreach (var (_, path, content) in MiniFiles)
            Server.Add(HubRepository, path, [.. content, 0], HubServer.OtherCommit);
        Server.Branches["main"] = HubServer.OtherCommit;
        var folder = await PullAsync(Mini);
        Assert.Equal(Exported(), FilesOf(folder));
        using var model = DalleModel.Load(folder);
        Assert.Equal($"hf://{HubRepository}@{HubServer.Commit}", model.Info.Provenance);
    }

    [Fact]
    public async Task A_commit_that_is_gone_is_planned_anew_and_what_is_still_right_is_kept()
    {
        await InterruptAsync(Mini, bytes: 600_000);
        foreach (var (_, path, content) in MiniFiles)
        {
            Assert.True(Server.Files.TryRemove($"{HubRepository}/{HubServer.Commit}/{path}", out _));
            Server.Add(HubRepository, path, content, HubServer.OtherCommit);
        }
        Server.Branches["main"] = HubServer.OtherCommit;
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(HubServer.Commit, error.Message, StringComparison.Ordinal);

        Server.Requests.Clear();
        var folder = await PullAsync(Mini);
        Assert.Equal(Exported(), FilesOf(folder));
        using var model = DalleModel.Load(folder);
        Assert.Equal($"hf://{HubRepository}@{HubServer.OtherCommit}", model.Info.Provenance);
        Assert.DoesNotContain(Server.Downloads, request => request.Path.EndsWith("encoder_mini.pt", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_of_no_plan_any_more_is_cleared_away()
    {
        WriteCatalog(DvaeModel() with { Description = "before" });
        await InterruptAsync(Dvae, bytes: 1000);
        File.WriteAllText(Path.Combine(Models, ".pull", Dvae, "checkpoint", "own.txt"), "of nobody");
        WriteCatalog(DvaeModel() with { Description = "after" });
        await PullAsync(Dvae, Options with { KeepCheckpoint = true });
        Assert.DoesNotContain(Leftovers(), file => file.EndsWith("own.txt", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_an_earlier_run_left_is_verified()
    {
        await InterruptAsync(Mini, bytes: 600_000);
        var left = Path.Combine(Models, ".pull", Mini, "checkpoint", "encoder.pt");
        var content = await File.ReadAllBytesAsync(left);
        content[1000] ^= 1;
        await File.WriteAllBytesAsync(left, content);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains("is not used", Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Half_a_file_of_something_else_is_downloaded_again()
    {
        await InterruptAsync(Mini);
        var half = Path.Combine(Models, ".pull", Mini, "checkpoint", "encoder.pt.partial");
        await File.WriteAllBytesAsync(half, new byte[1000]);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains("from the beginning again", Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_a_file_has_is_not_gone_on_with()
    {
        await InterruptAsync(Mini);
        var half = Path.Combine(Models, ".pull", Mini, "checkpoint", "encoder.pt.partial");
        await File.WriteAllBytesAsync(half, new byte[MiniFiles[0].Content.Length + 1]);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
    }

    [Fact]
    public async Task The_first_source_that_has_a_file_gives_it_and_the_others_failures_are_told()
    {
        WriteCatalog(DvaeModel() with
        {
            Files = [.. DvaeFiles.Select(file => new CatalogFile(
                file.Path, [$"{Server.Hub}gone/{file.Path}", "hf://nobody/nothing@main/encoder.pkl", $"{Server.Hub}dall-e/{file.Path}"], HubServer.Sha256(file.Content)))],
        });
        Assert.True(Directory.Exists(await PullAsync(Dvae)));
        foreach (var words in new[] { "gone/encoder.pkl answers 404", "nobody/nothing" })
            Assert.Contains(words, Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task If_no_source_has_a_file_all_failures_are_told()
    {
        WriteCatalog(DvaeModel() with
        {
            Files = [new CatalogFile("encoder.pkl", [$"{Server.Hub}gone", "hf://nobody/nothing@main/encoder.pkl"], new string('0', 64))],
        });
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Dvae));
        foreach (var words in new[] { "'encoder.pkl' cannot be downloaded", $"{Server.Hub}gone answers 404", "nobody/nothing" })
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers requests for the decoder's content.</summary>
    private void AnswerDecoder(Func<HttpContext, Task> answer, int? length) => Server.Intercept = async context =>
    {
        if (context.Request.Method != "GET" || context.Request.Host.Port != Server.Storage.Port || !context.Request.Path.Value!.EndsWith("decoder_mini.pt", StringComparison.Ordinal))
            return false;
        context.Response.ContentLength = length;
        await answer(context);
        return true;
    };
}
