#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 05 · Completion, and image to image
// The transformer samples image tokens in raster order. So it can keep those of a picture and sample the rest, for the same prompt or another.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;
using Microsoft.ML.Data;

var model = DalleModel.LoadDefault();

// %% [markdown]
// ## Keep the upper half
// The first four of eight rows of tokens are the picture's, the others are sampled for the prompt.

// %%
var apple = model.Generate("a red apple", seed: 7);
var completed = model.Complete("a green apple", apple.Image, KeepRegion.Top(4), seed: 7);
new[] { apple, completed }.Show();

// %% [markdown]
// What the transformer was given: the tokens of the region, and −1 (here a dot) where it has to sample.

// %%
new TokenMap(model.EncodeKnownTokens(apple.Image, KeepRegion.Top(4)), model.Info.TokenColumns).Show();
new TokenMap(completed.Tokens, model.Info.TokenColumns).Show();

// %% [markdown]
// ## Several ways on
// Four seeds for one beginning.

// %%
var panda = model.Generate("a panda wearing a crown", seed: 7);
GenerationRequest.Series("a cat wearing a crown", seed: 1, count: 4)
    .Select(request => model.Complete(request.Prompt, panda.Image, KeepRegion.Top(3), request.Seed)).Show();

// %% [markdown]
// ## Other regions
// A region is a rectangle in the upper left corner, or what is left of borders. `KnownTokens` takes any pattern: here the left half, and every other token as a chessboard.

// %%
var robot = model.Generate("a robot", seed: 7);
var left = model.Complete("a robot", robot.Image, new KeepRegion(Left: 4), seed: 2);
var all = model.EncodeImage(robot.Image);
var columns = model.Info.TokenColumns;
var chessboard = all.Select((token, at) => ((at / columns) + (at % columns)) % 2 == 0 ? token : -1).ToArray();
var filled = model.GenerateBatch([new GenerationRequest("a robot", Seed: 2) { KnownTokens = chessboard }]).Single();
new[] { ("a robot", robot.Image), ("its left half, completed", left.Image), ("a chessboard of it, completed", filled.Image) }.Show();

// %% [markdown]
// ## From a drawing
// A picture of your own gives the colours, the prompt the rest: a drawing of two stripes, of which two rows of tokens are kept, begins each of these.

// %%
MLImage Stripes(byte red, byte green, byte blue)
{
    var pixels = Enumerable.Range(0, 64 * 64).SelectMany(at => at / 64 is >= 4 and < 16 ? new byte[] { red, green, blue, 255 } : [255, 255, 255, 255]).ToArray();
    return MLImage.CreateFromPixels(64, 64, MLPixelFormat.Rgba32, pixels);
}

var sky = Stripes(60, 120, 240);
new[] { "a house", "a mountain", "a sailboat" }
    .Select(prompt => (prompt, model.Complete(prompt, sky, KeepRegion.Top(2), seed: 5).Image))
    .Prepend(("the drawing", sky)).Show();
