using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Graph;

namespace Dalle.ML.Export.Families;

internal static partial class DallePytorchFamily
{
    /// <summary>The layers that DALLE and CLIP share (transformer.py): attention and feed-forward in turn, each with a residual path.</summary>
    private sealed record Stack
    {
        public required int Layers { get; init; }

        public required int Dim { get; init; }

        public required AttentionHeads Heads { get; init; }

        /// <summary>Whether attention and feed-forward each read what the other has added to (Gomez et al. 2017).</summary>
        public bool IsReversible { get; init; }

        /// <summary>Whether what is added is normalised too.</summary>
        public bool IsSandwich { get; init; }

        /// <param name="weights">Those of the transformer.</param>
        /// <param name="headSize">Channels of a head, if their number is not given.</param>
        /// <param name="heads">Number of heads, if it is given.</param>
        /// <exception cref="InvalidDataException">The weights are no such layers'.</exception>
        public static Stack Infer(Checkpoint weights, int headSize, int? heads = null)
        {
            var isReversible = weights.Contains("layers.blocks.0.f.net.scale");
            var first = weights.Subtree(isReversible ? "layers.blocks.0.f.net." : "layers.layers.0.0.");
            var inner = Wrapped(first, "to_out.0.weight").Shape("to_out.0.weight", rank: 2)[1];
            if (inner == 0 || (heads is null && inner % headSize != 0))
                throw new InvalidDataException($"The transformer's attention has {inner} channels, which are no whole number of heads of {headSize}.");
            return new Stack
            {
                Layers = isReversible ? weights.Count("layers.blocks.", ".f.net.scale") : weights.Count("layers.layers.", ".0.scale"),
                Dim = first.Shape("scale", rank: 3)[2],
                Heads = AttentionHeads.Of(inner, heads ?? inner / headSize),
                IsReversible = isReversible,
                IsSandwich = first.Contains("fn.norm_out.weight"),
            };
        }

        /// <param name="g">The graph.</param>
        /// <param name="x">Embeddings [batch, sequence, dim].</param>
        /// <param name="weights">Those of the transformer.</param>
        /// <param name="attend">From a layer's number and its queries, keys and values side by side to what they attend to.</param>
        /// <param name="shift">What is done to the normalised input of each part, if anything.</param>
        public string Run(GraphBuilder g, string x, Checkpoint weights, Func<int, string, string> attend, Func<string, string>? shift = null)
        {
            using var whole = g.Scope("transformer");
            var (first, second) = (x, x);
            for (var layer = 0; layer < Layers; layer++)
            {
                using var scope = g.Scope($"layer_{layer}");
                using (g.Scope("attention"))
                {
                    var part = weights.Subtree(IsReversible ? $"layers.blocks.{layer}.f.net." : $"layers.layers.{layer}.0.");
                    first = g.Node("Add", [first, Branch(second, part, y => Attention(g, y, part, qkv => attend(layer, qkv)))]);
                }
                second = IsReversible ? second : first;
                using (g.Scope("feed_forward"))
                {
                    var part = weights.Subtree(IsReversible ? $"layers.blocks.{layer}.g.net." : $"layers.layers.{layer}.1.");
                    second = g.Node("Add", [second, Branch(first, part, y => FeedForward(g, y, part))]);
                }
                first = IsReversible ? first : second;
            }
            return IsReversible ? g.Node("Mul", [g.Node("Add", [first, second]), g.Scalar("half", 0.5f)]) : second;

            string Branch(string y, Checkpoint part, Func<string, string> transform)
            {
                y = g.LayerNorm(y, part.Read("fn.norm.weight", Dim), part.Read("fn.norm.bias", Dim));
                y = transform(shift?.Invoke(y) ?? y);
                if (IsSandwich)
                    y = g.LayerNorm(y, part.Read("fn.norm_out.weight", Dim), part.Read("fn.norm_out.bias", Dim));
                return g.Node("Mul", [y, g.Weight("scale", part.Read("scale", 1, 1, Dim).Reshape(Dim))]);
            }
        }

        private string Attention(GraphBuilder g, string x, Checkpoint part, Func<string, string> attend)
        {
            part = Wrapped(part, "to_out.0.weight");
            var inner = Heads.Count * Heads.Size;
            var qkv = Heads.PadOutputs(part.Read("to_qkv.weight", 3 * inner, Dim));
            var output = Heads.PadInputs(part.Read("to_out.0.weight", Dim, inner));
            return g.Linear(attend(g.Linear(x, qkv)), output, part.Read("to_out.0.bias", Dim));
        }

        /// <summary>GEGLU (Shazeer 2020): one half of the hidden channels is the gate of the other.</summary>
        private string FeedForward(GraphBuilder g, string x, Checkpoint part)
        {
            part = Wrapped(part, "net.0.weight");
            var hidden = 4 * Dim;
            string[] halves = [g.Unique("value"), g.Unique("gate")];
            g.Node("Split", [g.Linear(x, part.Read("net.0.weight", 2 * hidden, Dim), part.Read("net.0.bias", 2 * hidden))], halves, ("axis", -1), ("num_outputs", 2));
            var gated = g.Node("Mul", [halves[0], g.Node("Gelu", [halves[1]])]);
            return g.Linear(gated, part.Read("net.3.weight", Dim, hidden), part.Read("net.3.bias", Dim));
        }

        /// <summary>A module within its wrappers, of which a checkpoint has more or fewer: each adds a <c>fn.</c> to the names.</summary>
        private static Checkpoint Wrapped(Checkpoint part, string tensor)
        {
            var name = part.Names.FirstOrDefault(name => name.EndsWith("." + tensor, StringComparison.Ordinal));
            return part.Subtree(name is null ? "fn.fn." : name[..^tensor.Length]);
        }
    }
}
