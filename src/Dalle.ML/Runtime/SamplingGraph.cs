using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Runtime;

/// <summary>
/// Sampling as ONNX nodes behind a transformer's logits: a call then gives the ids of the next one, and on a GPU no logits
/// come back to the host. The same logits and uniforms give the same tokens, except for rounding at the boundary between two of them.
/// </summary>
/// <remarks>
/// T is the number of tokens of an image, N of images. A token is the number of cumulative probabilities that do not reach its point of the
/// unit interval, so that it is found without a search.
/// </remarks>
internal static class SamplingGraph
{
    /// <summary>The operator set of ONNX that has what the nodes are.</summary>
    public const int LeastOpset = 13;

    public const string Temperature = Scope + "/temperature";
    public const string TopK = Scope + "/top_k";
    public const string TopP = Scope + "/top_p";
    public const string Guidance = Scope + "/guidance";
    public const string IsGreedy = Scope + "/is_greedy";
    public const string FiltersByRank = Scope + "/filters_by_rank";
    public const string FiltersByMass = Scope + "/filters_by_mass";

    /// <summary>The points of the unit interval, double [T, N].</summary>
    public const string Uniforms = Scope + "/uniforms";

    /// <summary>The place of the token that is sampled, int64 [1], and that of the next one.</summary>
    public const string Step = Scope + "/step";
    public const string NextStep = Scope + "/next_step";

    /// <summary>All tokens, int64 [T, N], −1 where one is to be sampled; and those with the one of this step.</summary>
    public const string Tokens = Scope + "/image_tokens";
    public const string NextTokens = Scope + "/next_image_tokens";

    /// <summary>The tokens once more, to be read by the host.</summary>
    public const string TokensToRead = Scope + "/tokens_to_read";

    /// <summary>The next ids for the transformer, int64 [rows, 1].</summary>
    public const string NextIds = Scope + "/next_ids";

    private const string Scope = "sampling";

    /// <summary>
    /// The nodes as a separate, incomplete model. Appended to the bytes of the transformer's file they continue its graph: the parts
    /// of a message that comes twice are merged (Protocol Buffers, "Last One Wins").
    /// </summary>
    /// <param name="decoder">The transformer.</param>
    /// <param name="rank">Rank of its logits: 2, or 3 where it gives them at all positions.</param>
    /// <param name="codebookSize">Number of entries of the codebook.</param>
    public static byte[] Continue(DecoderGraph decoder, int rank, int codebookSize)
    {
        var g = new OnnxGraphBuilder(DataType.Float);
        using (g.Scope(Scope))
        {
            var temperature = g.Input(Temperature, DataType.Float, 1);
            var topK = g.Input(TopK, DataType.Int64, 1);
            var topP = g.Input(TopP, DataType.Double, 1);
            var guidance = g.Input(Guidance, DataType.Float, 1);
            var isGreedy = g.Input(IsGreedy, DataType.Bool, 1);
            var filtersByRank = g.Input(FiltersByRank, DataType.Bool, 1);
            var filtersByMass = g.Input(FiltersByMass, DataType.Bool, 1);
            var uniforms = g.Input(Uniforms, DataType.Double, Scope + "/tokens", Scope + "/images");
            var step = g.Input(Step, DataType.Int64, 1);
            var tokens = g.Input(Tokens, DataType.Int64, Scope + "/tokens", Scope + "/images");
            var n = new Numbers(g, codebookSize);

            var images = g.Node("Slice", [g.Node("Shape", [tokens]), n.One, n.Two]);
            var logits = ApplyGuidance(Logits(decoder.Logits), images, guidance);
            var token = g.If(isGreedy, DataType.Int64,
                greedy => greedy.Node("ArgMax", [logits], ("axis", 1), ("keepdims", 1)),
                sampled => Sample(sampled, KeepMass(KeepRank(Scale(logits)))));

            var given = g.Node("Reshape", [g.Node("Gather", [tokens, step]), n.Column]);
            var code = g.Node("Where", [g.Node("Less", [given, n.Zero]), token, given]);
            var changed = g.Node("ScatterND", [tokens, g.Node("Unsqueeze", [step, n.One]), g.Node("Transpose", [code])]);
            g.Node("Identity", [changed], [NextTokens]);
            g.Node("Identity", [changed], [TokensToRead]);
            g.Node("Add", [step, n.One], [NextStep]);
            var twins = g.Node("Div", [g.Node("Slice", [g.Node("Shape", [decoder.Ids]), n.Zero, n.One]), images]);
            var id = g.Node("Add", [code, g.Constant("id_offset", decoder.ImageIdOffset)]);
            g.Node("Tile", [id, g.Node("Concat", [twins, n.One], ("axis", 0))], [NextIds]);
            g.Output(NextTokens, DataType.Int64, Scope + "/tokens", Scope + "/images");
            g.Output(TokensToRead, DataType.Int64, Scope + "/tokens", Scope + "/images");
            g.Output(NextStep, DataType.Int64, 1);
            g.Output(NextIds, DataType.Int64, Scope + "/rows", 1);
            return new ModelProto { Graph = g.Graph }.ToByteArray();

            // Those of the image tokens at the last position, [rows, codebook size].
            string Logits(string all)
            {
                var last = rank == 2 ? all : g.Node("Gather", [all, g.Scalar("last_position", -1L)], ("axis", 1));
                var start = decoder.LogitsOffset;
                return g.Node("Slice", [last, g.Constant("first_code", start), g.Constant("last_code", start + (long)codebookSize), n.One]);
            }

            // Guided images have a twin without the prompt in the second half of the rows, the others are their own twins. A logit of minus infinity,
            // which has no difference to itself, stays what it is.
            string ApplyGuidance(string rows, string count, string scale)
            {
                var conditional = g.Node("Slice", [rows, n.Zero, count, n.Zero]);
                var unconditional = g.Node("Slice", [rows, g.Node("Neg", [count]), g.Constant("end", long.MaxValue), n.Zero]);
                var guided = g.Node("Add", [g.Node("Mul", [g.Node("Sub", [conditional, unconditional]), scale]), unconditional]);
                return g.Node("Where", [g.Node("Equal", [scale, g.Constant("no_guidance", 1f)]), conditional, guided]);
            }

            string Scale(string x)
            {
                // The maximum: the operator of that name takes its axes in another way from set 18 on.
                var largest = g.Unique("largest");
                g.Node("TopK", [x, n.One], [largest, g.Unique("unused")]);
                return g.Node("Div", [g.Node("Sub", [x, largest]), temperature]);
            }

            // The k largest, and what ties with the k-th.
            string KeepRank(string x) => g.If(filtersByRank, DataType.Float, then: b =>
            {
                var largest = b.Unique("largest");
                b.Node("TopK", [x, topK], [largest, b.Unique("unused")]);
                var edge = b.Node("Gather", [largest, n.Last], ("axis", 1));
                return b.Node("Where", [b.Node("Less", [x, edge]), n.Never, x]);
            }, b => b.Node("Identity", [x]));

            // The largest that together reach top-p, of what ties with the last of them only the first.
            string KeepMass(string x)
            {
                var p = g.Node("Softmax", [x], ("axis", 1));
                return g.If(filtersByMass, DataType.Double, then: b =>
                {
                    var sorted = b.Unique("sorted");
                    b.Node("TopK", [p, topK], [sorted, b.Unique("unused")]);
                    var mass = b.Node("CumSum", [Double(b, sorted), n.AxisOne]);
                    var before = Count(b, b.Node("Less", [mass, topP]));
                    var edge = b.Node("GatherElements", [sorted, b.Node("Min", [before, b.Node("Sub", [topK, n.One])])], ("axis", 1));
                    var (isAbove, ties) = (b.Node("Greater", [p, edge]), b.Node("Equal", [p, edge]));
                    var above = b.Node("ReduceSum", [b.Node("Where", [isAbove, Double(b, p), n.Nothing]), n.One]);
                    var lacking = b.Node("Ceil", [b.Node("Div", [b.Node("Sub", [topP, above]), Double(b, edge)])]);
                    var isFirst = b.Node("LessOrEqual", [Sums(b, Double(b, ties)), lacking]);
                    var isKept = b.Node("Or", [isAbove, b.Node("And", [ties, isFirst])]);
                    return b.Node("Where", [isKept, Double(b, p), n.Nothing]);
                }, b => Double(b, p));
            }

            // Cumulative sums over the codebook, of blocks and then of what is before a block: a GPU's kernel adds up each sum from the beginning.
            string Sums(OnnxGraphBuilder b, string x)
            {
                var blocks = b.Node("Reshape", [x, n.Blocks]);
                var within = b.Node("CumSum", [blocks, n.AxisTwo]);
                var before = b.Node("CumSum", [b.Node("Gather", [within, n.Last], ("axis", 2)), n.AxisOne], ("exclusive", 1));
                return b.Node("Reshape", [b.Node("Add", [within, before]), n.Rows]);
            }

            string Sample(OnnxGraphBuilder b, string p)
            {
                var sums = Sums(b, p);
                var total = b.Node("Gather", [sums, n.Last], ("axis", 1));
                var uniform = b.Node("Reshape", [b.Node("Gather", [uniforms, step]), n.Column]);
                var token = Count(b, b.Node("LessOrEqual", [sums, b.Node("Mul", [uniform, total])]));
                return b.Node("Min", [token, Count(b, b.Node("Less", [sums, total]))]);
            }
        }
    }

    private static string Double(OnnxGraphBuilder g, string x) => g.Node("Cast", [x], ("to", (long)DataType.Double));

    /// <summary>How many are true, int64 [rows, 1]. Whole numbers of 32-bit floats are exact beyond any codebook.</summary>
    private static string Count(OnnxGraphBuilder g, string flags)
    {
        var ones = g.Node("Cast", [flags], ("to", (long)DataType.Float));
        var count = g.Node("ReduceSum", [ones, g.Constant("count_axis", 1)]);
        return g.Node("Cast", [count], ("to", (long)DataType.Int64));
    }

    /// <summary>Constants used several times.</summary>
    private sealed class Numbers(OnnxGraphBuilder g, int codebookSize)
    {
        public string Zero { get; } = g.Constant("zero", 0);

        public string One { get; } = g.Constant("one", 1);

        public string Two { get; } = g.Constant("two", 2);

        public string AxisOne { get; } = g.Scalar("axis_one", 1L);

        public string AxisTwo { get; } = g.Scalar("axis_two", 2L);

        /// <summary>A codebook as blocks of about as many as there are blocks, and as it is.</summary>
        public string Blocks { get; } = g.Constant("blocks", -1, codebookSize / BlockSize(codebookSize), BlockSize(codebookSize));

        public string Rows { get; } = g.Constant("rows", -1, codebookSize);

        public string Column { get; } = g.Constant("column", -1, 1);

        public string Last { get; } = g.Constant("last", -1);

        public string Never { get; } = g.Constant("never", float.NegativeInfinity);

        public string Nothing { get; } = g.Constant("nothing", 0.0);

        private static int BlockSize(int codebookSize) => Enumerable.Range(1, (int)Math.Sqrt(codebookSize)).Last(size => codebookSize % size == 0);
    }
}
