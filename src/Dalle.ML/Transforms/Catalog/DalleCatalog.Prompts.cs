using Dalle.ML.Prompts;
using Dalle.ML.Transforms;

namespace Microsoft.ML;

// Files of prompts as views.
public static partial class DalleCatalog
{
    /// <summary>
    /// Create an <see cref="IDataView"/> of the prompts in a file: lines of text (.txt), comma- or tab-separated values (.csv, .tsv) or a
    /// JSON object per line (.jsonl), in UTF-8.
    /// </summary>
    /// <remarks>
    /// <format type="text/markdown"><![CDATA[
    /// ### Columns
    /// | Name | Type | Value |
    /// | -- | -- | -- |
    /// | Id | Text | The row's id. Rows without one are numbered from 0, with leading zeros so that all have the same length. |
    /// | Prompt | Text | What to generate. |
    /// | Seed | UInt64 | The row's seed. Rows without one get the n-th seed that follows from `seed`, so that equal prompts give different images. |
    ///
    /// ### Formats
    /// | Ending | Prompts |
    /// | -- | -- |
    /// | .txt | One prompt per line, without the spaces around it. Empty lines are ignored. |
    /// | .csv, .tsv | Values with quotes where needed, as [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) defines them, and a header that names a column `prompt` and optionally `id` and `seed`, in any case and order. Other columns are ignored. |
    /// | .jsonl | Objects with a string `prompt` and optionally a string `id` and a number `seed`. Other properties are ignored. |
    ///
    /// The whole file is checked at once, so that mistakes show before anything is generated. Afterwards each cursor reads its rows again,
    /// one after the other, without keeping them: the file must not change meanwhile. Ids must be unique, ignoring case.
    ///
    /// With the column of seeds as `InputSeedColumnName`, `DalleGenerate` generates what `dalle batch --seed` generates from the same file.
    /// ]]></format>
    /// </remarks>
    /// <param name="catalog">The catalog of data.</param>
    /// <param name="path">The file.</param>
    /// <param name="seed">The first seed of the series for rows without a seed.</param>
    /// <exception cref="ArgumentException">The extension of <paramref name="path"/> is not a known format.</exception>
    /// <exception cref="InvalidDataException">The file has no prompt, or a line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read, or is a pipe, which can be read once only.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <example><code source="../../../../samples/LoadPromptsSample.cs" region="Sample" language="csharp"/></example>
    public static IDataView LoadPrompts(this DataOperationsCatalog catalog, string path, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrEmpty(path);
        var format = PromptFormats.Of(path)
            ?? throw new ArgumentException($"The extension of '{path}' is not a known prompt format. Rename the file to .{string.Join(", .", PromptFormats.Names)}.", nameof(path));
        var fullPath = Path.GetFullPath(path);
        var file = new PromptFile(path, format, () => OpenPrompts(fullPath));
        return new PromptDataView(file, seed);
    }

    private static FileStream OpenPrompts(string path)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder. Give a file of prompts.");
        var stream = File.OpenRead(path);
        if (stream.CanSeek)
            return stream;
        stream.Dispose();
        throw new IOException($"'{path}' is a pipe, which can be read only once. Save the prompts to a file.");
    }
}
