using System.Globalization;
using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>What any component makes of a row.</summary>
public sealed class Prediction
{
    [MLImageType]
    public MLImage? Image { get; set; }

    public string Caption { get; set; } = "";

    public int[] CaptionTokens { get; set; } = [];

    public ulong Seed { get; set; }

    public int[] Tokens { get; set; } = [];

    public float Score { get; set; }

    public float Perplexity { get; set; }

    public float[] Embedding { get; set; } = [];

    public float[] Features { get; set; } = [];

    public float[] Logits { get; set; } = [];

    public int[] Order { get; set; } = [];

    public float[] Scores { get; set; } = [];

    public ulong[] Seeds { get; set; } = [];

    public byte[] Images { get; set; } = [];

    public int[] AllTokens { get; set; } = [];

    /// <summary>Some of the columns as <see cref="ColumnText"/> has them.</summary>
    public string Text(IEnumerable<string> columns) => string.Join(' ', columns.Select(column => GetType().GetProperty(column)!.GetValue(this) switch
    {
        MLImage or null => ColumnText.Of(Image),
        string text => text,
        System.Collections.IEnumerable values => string.Join(',', values.Cast<IFormattable>().Select(Item)),
        var value => Item((IFormattable)value),
    }));

    private static string Item(IFormattable value) => value.ToString(value is float ? "R" : null, CultureInfo.InvariantCulture);
}
