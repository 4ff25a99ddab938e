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
// ## Keep the upper quarter
// The first four of sixteen rows of tokens are the picture's, the others are sampled for the prompt.

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
// ## One beginning, several ends
// Below the same quarter, what each prompt makes of it.

// %%
new[] { "a yellow apple", "a blue apple", "a pink apple", "a purple apple" }
    .Select(prompt => model.Complete(prompt, apple.Image, KeepRegion.Top(4), seed: 7)).Show();

// %% [markdown]
// ## Other regions
// A region is a rectangle in the upper left corner, or what is left of borders. `KnownTokens` takes any pattern: here the left half, and every other token as a chessboard.

// %%
var robot = model.Generate("a robot", seed: 7);
var left = model.Complete("a robot", robot.Image, new KeepRegion(Left: 8), seed: 2);
var all = model.EncodeImage(robot.Image);
var columns = model.Info.TokenColumns;
var chessboard = all.Select((token, at) => ((at / columns) + (at % columns)) % 2 == 0 ? token : -1).ToArray();
var filled = model.GenerateBatch([new GenerationRequest("a robot", Seed: 2) { KnownTokens = chessboard }]).Single();
new[] { ("a robot", robot.Image), ("its left half, completed", left.Image), ("a chessboard of it, completed", filled.Image) }.Show();

// %% [markdown]
// ## Image to image
// A picture of your own sets the scene, the prompt what happens in it. Of a plain colour one row of tokens is kept, and CLIP chooses the best of 16. (The blue is the one that the model has seen as a background; below another it draws worse.)

// %%
MLImage Plain(byte red, byte green, byte blue) =>
    MLImage.CreateFromPixels(128, 128, MLPixelFormat.Rgba32, Enumerable.Repeat(new byte[] { red, green, blue, 255 }, 128 * 128).SelectMany(pixel => pixel).ToArray());

var blue = Plain(84, 148, 232);
new[] { "a green heart on a blue background", "a yellow star on a blue background", "a red apple on a blue background" }
    .Select(prompt => (prompt, model.Complete(prompt, blue, KeepRegion.Top(1), seed: 5, new GenerationOptions { Candidates = 16 }).Image))
    .Prepend(("a plain blue", blue)).Show();
