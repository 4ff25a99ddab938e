using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>The generators as services of a kernel.</summary>
public sealed class SemanticKernelTests(Drawings drawings)
{
    [Fact]
    public async Task A_function_of_a_kernel_generates_images()
    {
        // A kernel disposes nothing itself.
        var kernel = Build();
        using var services = (ServiceProvider)kernel.Services;
        var draw = KernelFunctionFactory.CreateFromMethod(
            async (Kernel kernel, string prompt, CancellationToken cancellationToken) =>
            {
                var options = new ImageGenerationOptions { AdditionalProperties = new() { ["seed"] = 7, ["candidates"] = 1 } };
                var reply = await kernel.GetRequiredService<IImageGenerator>().GenerateImagesAsync(prompt, options, cancellationToken);
                return (DataContent)reply.Contents.Single();
            },
            "draw");
        kernel.Plugins.AddFromFunctions("pictures", [draw]);
        var image = await kernel.InvokeAsync<DataContent>("pictures", "draw", new() { ["prompt"] = "a red heart" });
        using var read = Microsoft.ML.Data.MLImage.CreateFromStream(new MemoryStream(image!.Data.ToArray()));
        using var expected = drawings.Model.Generate("a red heart", 7, new() { Candidates = 1 });
        Assert.Equal(Convert.ToHexString(expected.Image.Pixels), Convert.ToHexString(read.Pixels));
    }

    [Fact]
    public async Task A_kernel_embeds_texts()
    {
        var kernel = Build();
        using var services = (ServiceProvider)kernel.Services;
        var embeddings = kernel.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Equal(drawings.Model.EmbedText("a cat"), (await embeddings.GenerateAsync("a cat")).Vector.ToArray());
    }

    private static Kernel Build()
    {
        var builder = Kernel.CreateBuilder();
        builder.Services.AddDalle();
        return builder.Build();
    }
}
