using Dalle.ML.Prompts;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>A view of the prompts in a file. Each cursor reads the file again.</summary>
internal sealed class PromptDataView : IDataView
{
    private readonly PromptFile _file;
    private readonly ulong _seed;

    /// <param name="file">The file.</param>
    /// <param name="seed">The first seed of the series for prompts without a seed.</param>
    public PromptDataView(PromptFile file, ulong seed)
    {
        (_file, _seed) = (file, seed);
        var schema = new DataViewSchema.Builder();
        schema.AddColumn("Id", TextDataViewType.Instance);
        schema.AddColumn("Prompt", TextDataViewType.Instance);
        schema.AddColumn("Seed", NumberDataViewType.UInt64);
        Schema = schema.ToSchema();
    }

    public DataViewSchema Schema { get; }

    public bool CanShuffle => false;

    public long? GetRowCount() => _file.Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(this, columnsNeeded);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    private sealed class Cursor(PromptDataView view, IEnumerable<DataViewSchema.Column> active) : CheckedCursor(view.Schema, active)
    {
        private readonly IEnumerator<NumberedPrompt> _prompts = view._file.Read().GetEnumerator();

        public override long Batch => 0;

        protected override long RowNumber => _prompts.Current.Index;

        protected override bool MoveToNext() => _prompts.MoveNext();

        protected override Delegate GetterOf<TValue>(DataViewSchema.Column column) => column.Name switch
        {
            "Id" => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = _prompts.Current.Id.AsMemory()),
            "Prompt" => (ValueGetter<ReadOnlyMemory<char>>)((ref ReadOnlyMemory<char> value) => value = _prompts.Current.Prompt.AsMemory()),
            _ => (ValueGetter<ulong>)((ref ulong value) => value = _prompts.Current.SeedAfter(view._seed)),
        };

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _prompts.Dispose();
            base.Dispose(disposing);
        }
    }
}
