using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Dalle.ML.Hub.Tests;

/// <summary>A checkpoint in a .tar.gz, and what must not come out of one.</summary>
public sealed class ArchiveTests : HubTest
{
    [Theory]
    [InlineData("")]
    [InlineData("./")]
    [InlineData("1.3B/")]
    public async Task An_archive_is_unpacked_and_exported(string folder)
    {
        Publish(Archive(DvaeFiles.Select(file => Entry(folder + file.Path, file.Content))));
        var bundle = await PullAsync(Dvae);
        WriteCatalog(DvaeModel() with { Name = "loose" });
        Assert.Equal(FilesOf(await PullAsync("loose")), FilesOf(bundle));
        Assert.Empty(Leftovers());
    }

    [Theory]
    [InlineData("../evil.txt")]
    [InlineData("/tmp/dalle-evil.txt")]
    [InlineData("a/../../evil.txt")]
    [InlineData("C:\\evil.txt")]
    public async Task A_path_that_leads_out_is_refused(string path)
    {
        Publish(Archive([Entry(path, [1])]));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains($"'{path}', which is not a plain file below its folder", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.GetDirectoryName(Models)!, "*evil*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.Fifo)]
    public async Task A_link_or_device_is_refused(TarEntryType type)
    {
        var entry = new PaxTarEntry(type, "encoder.pkl");
        if (type != TarEntryType.Fifo)
            entry.LinkName = "/etc/passwd";
        Publish(Archive([entry]));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("not a plain file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_comes_twice_is_refused()
    {
        Publish(Archive([Entry("encoder.pkl", [1]), Entry("encoder.pkl", [2])]));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("'encoder.pkl' twice", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_that_grows_too_much_is_refused()
    {
        Publish(Archive([Entry("encoder.pkl", new byte[10_000_000])]));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("more than 4 times its size", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_empty_files_are_too_much_as_well()
    {
        Publish(Archive(Enumerable.Range(0, 10_000).Select(i => Entry($"f{i}", []))));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("more than 4 times its size", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task What_is_no_archive_is_refused(int kind)
    {
        var noise = new byte[20_000];
        new Random(1).NextBytes(noise);
        var whole = Archive(DvaeFiles.Select(file => Entry(file.Path, file.Content)));
        Publish(kind switch { 0 => noise, 1 => whole[..(whole.Length / 2)], _ => Zipped(noise) });
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("is not a .tar.gz", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Models, Dvae)));
    }

    [Fact]
    public async Task An_MD5_is_compared()
    {
        var archive = Archive(DvaeFiles.Select(file => Entry(file.Path, file.Content)));
        Publish(archive, md5: new string('0', 32));
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("MD5", error.Message, StringComparison.Ordinal);
#pragma warning disable CA5351 // As some publishers name their files.
        Publish(archive, Convert.ToHexStringLower(MD5.HashData(archive)));
#pragma warning restore CA5351
        Assert.True(Directory.Exists(await PullAsync(Dvae)));
    }

    [Fact]
    public async Task Remains_of_a_killed_unpacking_are_cleared_away()
    {
        Publish(Archive(DvaeFiles.Select(file => Entry(file.Path, file.Content))));
        await InterruptAsync(Dvae, bytes: 1000);
        Directory.CreateDirectory(Path.Combine(Models, ".pull", Dvae, "unpacked", "all.tar.gz.partial"));
        File.WriteAllText(Path.Combine(Models, ".pull", Dvae, "unpacked", "all.tar.gz.partial", "encoder.pkl"), "half");
        Assert.True(Directory.Exists(await PullAsync(Dvae)));
    }

    private void Publish(byte[] archive, string? md5 = null)
    {
        Server.Plain["all.tar.gz"] = archive;
        WriteCatalog(DvaeModel() with { Files = [new("all.tar.gz", [$"{Server.Hub}all.tar.gz"], HubServer.Sha256(archive), md5, IsArchive: true)] });
    }

    private static PaxTarEntry Entry(string name, byte[] content) => new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) };

    private static byte[] Archive(IEnumerable<TarEntry> entries)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            foreach (var entry in entries)
                writer.WriteEntry(entry);
        }
        return Zipped(tar.ToArray());
    }

    private static byte[] Zipped(byte[] content)
    {
        var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true))
            zip.Write(content);
        return zipped.ToArray();
    }
}
