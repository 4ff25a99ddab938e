#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 01 · First pictures
// The built-in model, `emoji-64`, draws 64 × 64 pictures of emoji and shapes. It comes with the package.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;

var model = DalleModel.LoadDefault();
Console.WriteLine(model.Info.Description);

// %% [markdown]
// ## A prompt and a seed
// The model draws 8 candidates, and CLIP keeps the one that fits the prompt best. The same prompt and seed give the same picture.

// %%
var apple = model.Generate("a red apple", seed: 7);
apple.Show();

// %% [markdown]
// ## Other seeds, other pictures
// Several pictures at once are faster than one by one, and each is the same as if it were drawn alone.

// %%
model.GenerateBatch([.. GenerationRequest.Series("a panda wearing a crown", seed: 7, count: 4)]).Show();

// %% [markdown]
// ## Several prompts

// %%
string[] prompts = ["a rocket", "a hamburger", "three bananas", "a unicorn", "a castle", "a snowman", "a green heart", "a slice of cheese"];
model.GenerateBatch([.. prompts.Select(prompt => new GenerationRequest(prompt, Seed: 7))]).Show();

// %% [markdown]
// ## What the model knows
// It knows 310 emoji, 10 shapes, colours, counts and places, and no other words. It can tell which words of a prompt it never saw:

// %%
Console.WriteLine(string.Join(", ", model.FindUnseenWords("an astronaut riding a horse in the rain")));

// %% [markdown]
// ## More or less daring
// A higher temperature samples more freely, and the pictures fall apart at some point. Here with one candidate each, so that CLIP does not hide it.

// %%
float[] temperatures = [0.2f, 0.6f, 1f, 1.6f];
temperatures.Select(temperature =>
{
    var options = new GenerationOptions { Candidates = 1, Sampling = new SamplingOptions { Temperature = temperature } };
    return ($"temperature {temperature}", model.Generate("a robot", seed: 3, options).Image);
}).Show();

// %% [markdown]
// ## Keep it
// `ToPng` and `ToJpeg` give the bytes of a file; `apple.Image.Save("apple.png")` writes one.

// %%
Console.WriteLine($"{apple.Image.Width} × {apple.Image.Height} pixels, {apple.Image.ToJpeg().Length > 0} as JPEG");
