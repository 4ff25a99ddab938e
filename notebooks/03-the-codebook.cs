#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 03 · The codebook
// A discrete VAE stands between pixels and the transformer: its encoder turns a picture into a grid of image tokens, numbers of a codebook, and its decoder turns tokens into a picture. Here is the one of the built-in model, on a picture of its own and on one that we draw.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;
using Microsoft.ML.Data;

var model = DalleModel.LoadDefault();
Console.WriteLine($"{model.Info.ImageWidth} × {model.Info.ImageHeight} pixels are {model.Info.TokenRows} × {model.Info.TokenColumns} tokens of a codebook of {model.Info.CodebookSize}");

// %% [markdown]
// ## Encode
// Each token stands for a square of 8 × 8 pixels and what is around it: even the white ground takes many different ones. The same colour in the map is the same token.

// %%
var cat = model.Generate("a cat", seed: 7);
var tokens = model.EncodeImage(cat.Image);
cat.Show();
new TokenMap(tokens, model.Info.TokenColumns).Show();

// %% [markdown]
// The transformer sampled other tokens for this picture than the encoder finds in it: different tokens may decode to nearly the same pixels. Bold ones differ.

// %%
new TokenMap(cat.Tokens, model.Info.TokenColumns) { Before = tokens }.Show();
Console.WriteLine($"{cat.Tokens.Zip(tokens).Count(pair => pair.First == pair.Second)} of {tokens.Length} are the same");

// %% [markdown]
// ## Reconstruct
// A picture through the codebook and back. What the codebook was never trained on shows best what it can say: here a picture that is no emoji.

// %%
MLImage Draw(Func<int, int, (int Red, int Green, int Blue)> color)
{
    var pixels = new byte[128 * 128 * 4];
    for (var at = 0; at < 128 * 128; at++)
    {
        var (red, green, blue) = color(at % 128 / 2, at / 128 / 2);
        new[] { (byte)red, (byte)green, (byte)blue, (byte)255 }.CopyTo(pixels, at * 4);
    }
    return MLImage.CreateFromPixels(128, 128, MLPixelFormat.Rgba32, pixels);
}

MLImage Reconstruct(MLImage image) => model.DecodeTokens(model.EncodeImage(image));

// FitImage gives a picture in the model's size and order of channels.
double Difference(MLImage image) =>
    model.FitImage(image).Pixels.ToArray().Zip(Reconstruct(image).Pixels.ToArray()).Average(pair => Math.Abs(pair.First - pair.Second));

var own = Draw((x, y) => (x - 20) * (x - 20) + (y - 24) * (y - 24) < 200 ? (230, 60, 40)
    : x > 34 && y > 30 && x < 58 && y < 56 ? (40, 90, 200)
    : (x + y) % 16 < 3 ? (250, 210, 80) : (255, 255, 255));
new[]
{
    ("a cat", cat.Image), ("through the codebook", Reconstruct(cat.Image)),
    ("our drawing", own), ("through the codebook", Reconstruct(own)),
}.Show();
Console.WriteLine($"mean difference of a channel, of 255: {Difference(cat.Image):F1} for the cat, {Difference(own):F1} for the drawing");

// %% [markdown]
// ## A token alone
// A whole grid of one token is no picture that the decoder was trained on, but it shows the colour that the token carries.

// %%
MLImage Fill(int token) => model.DecodeTokens(Enumerable.Repeat(token, tokens.Length).ToArray());

var ours = model.EncodeImage(own);
int At(int row, int column) => (row * model.Info.TokenColumns) + column;
new[]
{
    ("of the cat's fur", Fill(tokens.CountBy(token => token).MaxBy(pair => pair.Value).Key)), ("of the circle", Fill(ours[At(3, 2)])), ("of the square", Fill(ours[At(5, 5)])), ("of the background", Fill(tokens[At(0, 0)])),
}.Show();

// %% [markdown]
// ## Cut and paste in tokens
// The upper half of one picture over the lower half of another: the decoder smooths the seam.

// %%
var heart = model.Generate("a red heart", seed: 7);
var half = tokens.Length / 2;
var mixed = model.DecodeTokens([.. tokens[..half], .. heart.Tokens.Skip(half)]);
new[] { ("a cat", cat.Image), ("a red heart", heart.Image), ("the cat's tokens above the heart's", mixed) }.Show();
