using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The names that the networks of diffusers have in Karlo's own checkpoints.</summary>
internal static class KarloDiffusersNames
{
    private static readonly (string To, string From)[] ResidualBlock =
    [
        ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("emb_layers.1", "time_emb_proj"), ("out_layers.0", "norm2"), ("out_layers.3", "conv2"),
        ("skip_connection", "conv_shortcut"),
    ];

    private static readonly (string To, string From)[] Conditions =
    [
        ("text_seq_proj.0", "encoder_hidden_states_proj"), ("text_seq_proj.1", "text_encoder_hidden_states_norm"), ("clip_tok_proj", "clip_extra_context_tokens_proj"),
        ("text_feat_proj", "embedding_proj"), ("clip_emb", "clip_image_embeddings_project_to_time_embeddings"),
    ];

    /// <summary>The prior of a <c>PriorTransformer</c>.</summary>
    public static Checkpoint Prior(Checkpoint from, int? heads)
    {
        var map = new TensorMap(from);
        map.Layers(
            ("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2"), ("clip_img_proj", "proj_in"), ("text_emb_proj", "embedding_proj"),
            ("text_enc_proj", "encoder_hidden_states_proj"), ("out_proj", "proj_to_clip_embeddings"), ("final_ln", "norm_out"));
        map.Copy("positional_embedding", "positional_embedding");
        map.Copy("prd_emb", "prd_embedding");
        var count = KarloPrior.HeadsOf(from.Shape("prd_embedding", rank: 3)[2], heads);
        for (var i = 0; i < from.Count("transformer_blocks.", ".norm1.weight"); i++)
        {
            var (to, block) = ($"transformer.resblocks.{i}", $"transformer_blocks.{i}");
            map.Layers(
                ($"{to}.ln_1", $"{block}.norm1"), ($"{to}.ln_2", $"{block}.norm3"), ($"{to}.attn.c_proj", $"{block}.attn1.to_out.0"),
                ($"{to}.mlp.c_fc", $"{block}.ff.net.0.proj"), ($"{to}.mlp.c_proj", $"{block}.ff.net.2"));
            map.Heads($"{to}.attn.c_qkv", count, isConvolution: false, $"{block}.attn1.to_q", $"{block}.attn1.to_k", $"{block}.attn1.to_v");
        }
        return map.ToCheckpoint();
    }

    /// <summary>A UNet.</summary>
    /// <param name="from">A <c>UNet2DConditionModel</c> or a <c>UNet2DModel</c>.</param>
    /// <param name="headSize">Number of values of an attention head.</param>
    /// <param name="conditions">The <c>UnCLIPTextProjModel</c> of the former.</param>
    public static Checkpoint Unet(Checkpoint from, int headSize, Checkpoint? conditions = null)
    {
        var map = new TensorMap(from);
        map.Layers(
            ("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2"), ("input_blocks.0.0", "conv_in"), ("out.0", "conv_norm_out"), ("out.2", "conv_out"));
        var number = 0;
        for (var level = 0; Has($"down_blocks.{level}.resnets.0"); level++)
        {
            for (var block = 0; Has($"down_blocks.{level}.resnets.{block}"); block++)
                Block($"input_blocks.{++number}", $"down_blocks.{level}", block);
            if (Has($"down_blocks.{level}.downsamplers.0"))
                Residual($"input_blocks.{++number}.0", $"down_blocks.{level}.downsamplers.0");
        }
        var attends = Block("middle_block", "mid_block", 0);
        Residual($"middle_block.{(attends ? 2 : 1)}", "mid_block.resnets.1");
        number = 0;
        for (var level = 0; Has($"up_blocks.{level}.resnets.0"); level++)
        {
            for (var block = 0; Has($"up_blocks.{level}.resnets.{block}"); block++)
                attends = Block($"output_blocks.{number++}", $"up_blocks.{level}", block);
            if (Has($"up_blocks.{level}.upsamplers.0"))
                Residual($"output_blocks.{number - 1}.{(attends ? 2 : 1)}", $"up_blocks.{level}.upsamplers.0");
        }
        if (conditions is not null)
        {
            var others = new TensorMap(conditions);
            others.Layers(Conditions);
            others.Copy("cf_param", "learned_classifier_free_guidance_embeddings");
            map.Add(others);
        }
        return map.ToCheckpoint();

        bool Has(string block) => from.Contains(block + ".norm1.weight");
        void Residual(string to, string block) => map.Layers([.. ResidualBlock.Select(layer => ($"{to}.{layer.To}", $"{block}.{layer.From}"))]);
        bool Block(string to, string level, int block)
        {
            Residual(to + ".0", $"{level}.resnets.{block}");
            var attention = $"{level}.attentions.{block}";
            if (!from.Contains(attention + ".group_norm.weight"))
                return false;
            map.Layers(($"{to}.1.norm", $"{attention}.group_norm"));
            map.Convolution($"{to}.1.proj_out", $"{attention}.to_out.0");
            var heads = from.Shape($"{attention}.to_q.weight", rank: 2)[0] / headSize;
            map.Heads($"{to}.1.qkv", heads, isConvolution: true, $"{attention}.to_q", $"{attention}.to_k", $"{attention}.to_v");
            map.Heads($"{to}.1.encoder_kv", heads, isConvolution: true, $"{attention}.add_k_proj", $"{attention}.add_v_proj");
            return true;
        }
    }
}
