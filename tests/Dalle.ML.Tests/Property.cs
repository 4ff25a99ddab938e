using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Dalle.ML.Tests;

/// <summary>Checks that something holds of whatever a generator gives.</summary>
internal static class Property
{
    /// <summary>A few hundred inputs, and among the slow tests a hundred times as many.</summary>
    public static IEnumerable<TheoryDataRow<int>> Runs => [new(200), new TheoryDataRow<int>(20_000).WithTrait("Category", "Slow")];

    /// <summary>The inputs are the same each time: a test that begins to fail does so by a change of the code.</summary>
    public static void Holds<T>(Gen<T> inputs, int runs, Action<T> assert)
    {
        var replay = new Replay(new Rnd(2021, 1), FSharpOption<int>.None);
        Prop.ForAll(inputs.ToArbitrary(), assert).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(runs).WithReplay(FSharpOption<Replay>.Some(replay)));
    }
}
