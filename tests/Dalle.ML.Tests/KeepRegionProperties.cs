using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests;

public sealed class KeepRegionProperties
{
    private static readonly Gen<int> Border = Gen.Frequency((2, Gen.Constant(0)), (3, Gen.Choose(0, 4)), (1, Gen.Choose(0, 12)));

    private static readonly Gen<(KeepRegion Region, int Rows, int Columns)> Cases =
        from rows in Gen.Choose(1, 10)
        from columns in Gen.Choose(1, 10)
        from borders in Border.ArrayOf(4)
        from width in Border
        from height in Border
        select (new KeepRegion(borders[0], borders[1], borders[2], borders[3]) { RectangleWidth = width, RectangleHeight = height }, rows, columns);

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_region_is_read_from_what_it_is_written_as(int runs) => Property.Holds(Cases, runs, input =>
    {
        var region = input.Region;
        string[] parts =
        [
            $"up:{region.Up}", $"left:{region.Left}", $"right:{region.Right}", $"down:{region.Down}", $"rect:{region.RectangleWidth}x{region.RectangleHeight}",
        ];
        Assert.Equal(region, KeepRegion.Parse(string.Join(',', parts)));
        Assert.Equal(region, KeepRegion.Parse(string.Join(" , ", parts.Reverse()).Replace("up:", " top : ", StringComparison.Ordinal)));
    });

    [Theory]
    [MemberData(nameof(Runs))]
    public void What_a_region_does_not_keep_is_to_be_sampled_and_it_lies_inside_the_grid(int runs) => Property.Holds(Cases, runs, input =>
    {
        var (region, rows, columns) = input;
        var isKept = new bool[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                isKept[row * columns + column] = row < region.Up || row >= rows - region.Down || column < region.Left || column >= columns - region.Right
                    || (row < region.RectangleHeight && column < region.RectangleWidth);
            }
        }
        int[] tokens = [.. Enumerable.Range(100, rows * columns)];
        var fits = region.Up + region.Down <= rows && region.Left + region.Right <= columns && region.RectangleWidth <= columns && region.RectangleHeight <= rows;
        if (fits && isKept.Contains(false))
            Assert.Equal(tokens.Select((token, i) => isKept[i] ? token : -1), region.Apply(tokens, rows, columns));
        else
            Assert.Throws<ArgumentOutOfRangeException>(() => region.Apply(tokens, rows, columns));
    });
}
