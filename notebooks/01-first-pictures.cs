#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 01 · First pictures
// The built-in model, `emoji-128`, generates 128 × 128 pictures of emoji and shapes. It comes with the package.

// %%
using System.IO;
using Dalle.ML;
using Dalle.ML.Interactive;

var model = DalleModel.LoadDefault();
Console.WriteLine(model.Info.Description);

// %% [markdown]
// ## A prompt and a seed
// The model generates 8 candidates, and CLIP keeps the one that fits the prompt best. The same prompt and seed give the same picture.

// %%
var apple = model.Generate("a red apple", seed: 7);
apple.Show();

// %% [markdown]
// ## Other seeds, other pictures
// Where the prompt leaves something open, here the colour, the seed decides. What the model knows by heart looks alike with every seed. Several at once are faster than one by one, and each is the same as if it were drawn alone.

// %%
ulong[] seeds = [1, 2, 3, 4];
model.GenerateBatch([.. seeds.Select(seed => new GenerationRequest("a circle", seed))]).Show();

// %% [markdown]
// ## Several prompts

// %%
string[] prompts = ["a fox wearing a crown", "a hamburger", "three bananas", "a unicorn", "a green heart", "a fox to the left of a duck"];
model.GenerateBatch([.. prompts.Select(prompt => new GenerationRequest(prompt, Seed: 7))]).Show();

// %% [markdown]
// ## What the model knows
// It knows 433 emoji, 10 shapes, colours, counts and places, and no other words. It can tell which words of a prompt it never saw:

// %%
Console.WriteLine(string.Join(", ", model.FindUnseenWords("an astronaut riding a horse in the rain")));

// %% [markdown]
// ## More or less daring
// A higher temperature samples more freely, until the picture falls apart. Here with one candidate each, so that CLIP does not hide it.

// %%
float[] temperatures = [0.2f, 1f, 1.4f, 1.8f];
temperatures.Select(temperature =>
{
    var options = new GenerationOptions { Candidates = 1, Sampling = new SamplingOptions { Temperature = temperature } };
    return ($"temperature {temperature}", model.Generate("a robot", seed: 3, options).Image);
}).Show();

// %% [markdown]
// ## Keep it
// `ToPng` and `ToJpeg` give the bytes of a file; `apple.Image.Save("apple.png")` writes one.

// %%
var file = Path.Combine(Path.GetTempPath(), "apple.jpg");
File.WriteAllBytes(file, apple.Image.ToJpeg());
var read = new ImageReader().Read(file);
File.Delete(file);
Console.WriteLine($"{read.Width} × {read.Height} pixels");
