#:property PublishAot=false

// Counts what `dotnet test` left in a folder: the reasons of skips, most frequent first, the tests that failed with their messages, the projects
// whose tests ended before their end (those that passed until then are all that is counted), then one line with the numbers. Of a long log only the end may be kept, and there must stand which test failed.

using System.Xml.Linq;

var runs = Directory.EnumerateFiles(args[0], "*.trx", SearchOption.AllDirectories).Select(file => (File: file, Elements: XDocument.Load(file).Descendants())).ToArray();
var results = runs.SelectMany(run => run.Elements).Where(element => element.Name.LocalName == "UnitTestResult").ToArray();
var outcomes = results.ToLookup(result => (string?)result.Attribute("outcome"));
var skipped = outcomes["NotExecuted"].ToArray();
foreach (var reason in skipped.GroupBy(ReasonOf).OrderByDescending(reason => reason.Count()))
    Console.WriteLine($"skipped {reason.Count(),4}: {reason.Key}");
var passed = outcomes["Passed"].Count();
var failed = results.Except(skipped).Except(outcomes["Passed"]).ToArray();
foreach (var result in failed)
    Console.WriteLine($"failed: {(string?)result.Attribute("testName")}\n{TextOf(result)}");
var broken = runs.Select(run => (run.File, Errors: run.Elements.Where(element => element.Name.LocalName == "RunInfo" && element.Value.Contains("Catastrophic failure", StringComparison.Ordinal)).ToArray()))
    .Where(run => run.Errors.Length > 0).ToArray();
foreach (var (file, errors) in broken)
    Console.WriteLine($"ended early: {Path.GetFileName(Path.GetDirectoryName(file))}\n{string.Join('\n', errors.Select(error => error.Value.Trim()))}");
Console.WriteLine($"{passed} passed, {failed.Length} failed, {skipped.Length} skipped{(broken.Length > 0 ? $", {broken.Length} ended early" : "")}");
return results.Length > 0 && broken.Length == 0 ? 0 : 1;

static string ReasonOf(XElement result) =>
    result.Descendants().FirstOrDefault(element => element.Name.LocalName is "Message" or "StdOut")?.Value.Trim().Split('\n')[0] ?? "no reason given";

static string TextOf(XElement result) =>
    string.Join('\n', result.Descendants().Where(element => element.Name.LocalName is "Message" or "StackTrace").Select(element => element.Value.Trim()));
