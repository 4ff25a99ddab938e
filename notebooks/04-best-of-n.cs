#:project ../src/Dalle.ML.Interactive
#:package Microsoft.ML.OnnxRuntime

// %% [markdown]
// # 04 · Best of N
// DALL·E generates many candidates, and CLIP chooses: it embeds texts and pictures as vectors of one space, and the cosine of their angle is the score. The paper takes the best of 512.

// %%
using Dalle.ML;
using Dalle.ML.Interactive;

var model = DalleModel.LoadDefault();
var prompt = "a dog on a blue background";

// %% [markdown]
// ## Candidates
// 64 of them, sampled freely (temperature 1) for a prompt that the model finds hard: the best three and the worst three by CLIP.

// %%
var candidates = model.GenerateCandidates(new GenerationRequest(prompt, Seed: 7), new GenerationOptions { Candidates = 64, Sampling = new SamplingOptions { Temperature = 1 } }).ToArray();
var ranked = candidates.OrderByDescending(candidate => candidate.Score).ToArray();
ranked[..3].Concat(ranked[^3..]).Select(candidate => ($"candidate {candidate.Candidate}: {candidate.Score:F1}", candidate.Image)).Show();

// %% [markdown]
// ## The curve
// The best score among N candidates, on average over all ways to take N of the 64. Each doubling helps, and each helps less.

// %%
double ExpectedBest(int count)
{
    // The candidate of a rank is the best of a sample if all others of the sample rank behind it: chances by the hypergeometric distribution.
    double sum = 0, isBest = (double)count / ranked.Length;
    for (var rank = 0; rank <= ranked.Length - count; rank++)
    {
        sum += isBest * ranked[rank].Score;
        isBest *= (double)(ranked.Length - rank - count) / Math.Max(1, ranked.Length - rank - 1);
    }
    return sum;
}

int[] counts = [1, 2, 4, 8, 16, 32, 64];
new ScoreCurve([.. counts.Select(count => ((double)count, ExpectedBest(count)))]) { Across = "candidates", Up = "best score, expected" }.Show();

// %% [markdown]
// ## Zero-shot classification
// The same CLIP tells what a picture shows, by the text that fits best: no classifier was trained for it. Rows are pictures, columns are texts.

// %%
string[] things = ["a cat", "a dog", "a pizza", "a rocket", "an apple", "a tree", "a car", "a red heart"];
var pictures = model.GenerateBatch([.. things.Select(thing => new GenerationRequest(thing, Seed: 11))], new GenerationOptions { Candidates = 1 }).ToArray();
pictures.Show();

// %%
new ScoreTable(things, things, [.. pictures.Select(picture => things.Select(text => (double)model.Score(text, picture.Image)).ToArray())]).Show();

// %% [markdown]
// ## Chances
// CLIP was trained to tell the right text among others by a softmax over its scores:

// %%
double[] Chances(double[] scores)
{
    var powers = Array.ConvertAll(scores, score => Math.Exp(score - scores.Max()));
    return Array.ConvertAll(powers, power => power / powers.Sum());
}

new ScoreTable(things, things, [.. pictures.Select(picture => Chances([.. things.Select(text => (double)model.Score(text, picture.Image))]))]) { Format = "0%" }.Show();
