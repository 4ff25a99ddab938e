using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>The names that the towers of Hugging Face transformers have in OpenAI's CLIP. Both may be parts of one <c>CLIPModel</c>.</summary>
internal static class TransformersClip
{
    private const string Scale = "logit_scale";

    /// <param name="text">A <c>CLIPTextModelWithProjection</c>.</param>
    /// <param name="image">A <c>CLIPVisionModelWithProjection</c>; null where there is none.</param>
    public static Checkpoint Rename(Checkpoint text, Checkpoint? image)
    {
        var map = new TensorMap(text);
        map.Copy("token_embedding.weight", "text_model.embeddings.token_embedding.weight");
        map.Copy("positional_embedding", "text_model.embeddings.position_embedding.weight");
        map.Layers(("ln_final", "text_model.final_layer_norm"));
        map.Transpose("text_projection", "text_projection.weight");
        Transformer(map, text, "transformer.resblocks", "text_model.encoder.layers");
        if (text.Contains(Scale))
            map.Copy(Scale, Scale);
        if (image is not null)
        {
            var tower = new TensorMap(image);
            tower.Copy("visual.class_embedding", "vision_model.embeddings.class_embedding");
            tower.Copy("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight");
            tower.Copy("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight");
            tower.Layers(("visual.ln_pre", "vision_model.pre_layrnorm"), ("visual.ln_post", "vision_model.post_layernorm"));
            tower.Transpose("visual.proj", "visual_projection.weight");
            Transformer(tower, image, "visual.transformer.resblocks", "vision_model.encoder.layers");
            map.Add(tower);
        }
        return map.ToCheckpoint();
    }

    private static void Transformer(TensorMap map, Checkpoint from, string to, string layers)
    {
        for (var i = 0; i < from.Count(layers + ".", ".layer_norm1.weight"); i++)
        {
            map.Layers(
                ($"{to}.{i}.ln_1", $"{layers}.{i}.layer_norm1"), ($"{to}.{i}.ln_2", $"{layers}.{i}.layer_norm2"), ($"{to}.{i}.attn.out_proj", $"{layers}.{i}.self_attn.out_proj"),
                ($"{to}.{i}.mlp.c_fc", $"{layers}.{i}.mlp.fc1"), ($"{to}.{i}.mlp.c_proj", $"{layers}.{i}.mlp.fc2"));
            foreach (var part in new[] { "weight", "bias" })
                map.Stack($"{to}.{i}.attn.in_proj_{part}", [.. "qkv".Select(name => $"{layers}.{i}.self_attn.{name}_proj.{part}")]);
        }
    }
}
