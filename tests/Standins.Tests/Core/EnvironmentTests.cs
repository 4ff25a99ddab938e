using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Standins.Tests.Core;

public class EnvironmentTests
{
    [Fact]
    public void A_seed_makes_randomness_reproducible()
    {
        Assert.Equal(Draw(new MLContext(seed: 7)), Draw(new MLContext(seed: 7)));
        Assert.NotEqual(Draw(new MLContext(seed: 7)), Draw(new MLContext(seed: 8)));

        static int[] Draw(MLContext ml)
        {
            IHostEnvironment environment = ml;
            var first = environment.Register("first").Rand;
            var second = environment.Register("second").Rand;
            return [first.Next(), first.Next(), second.Next()];
        }
    }

    [Fact]
    public void A_seed_of_its_own_is_a_components_own()
    {
        IHostEnvironment environment = new MLContext();
        Assert.Equal(environment.Register("x", seed: 3).Rand.Next(), environment.Register("x", seed: 3).Rand.Next());
    }

    [Fact]
    public void Messages_of_channels_are_logged()
    {
        var ml = new MLContext();
        var log = new List<LoggingEventArgs>();
        ml.Log += (_, message) => log.Add(message);

        using (var channel = ((IHostEnvironment)ml).Register("component").Start("working"))
        {
            channel.Warning(MessageSensitivity.None, "careful with {0}", 5);
            channel.Error(MessageSensitivity.None, "went wrong");
        }

        Assert.Contains(log, message => message.Kind == ChannelMessageKind.Warning && message.RawMessage == "careful with 5");
        Assert.Contains(log, message => message.Kind == ChannelMessageKind.Error && message.Message.Contains("went wrong"));
    }

    [Fact]
    public void Devices_are_none_unless_said()
    {
        var ml = new MLContext();
        Assert.Null(ml.GpuDeviceId);
        Assert.False(ml.FallbackToCpu);
        ml.GpuDeviceId = 1;
        ml.FallbackToCpu = true;
        Assert.Equal(1, ml.GpuDeviceId);
        Assert.True(ml.FallbackToCpu);
    }

    [Fact]
    public void The_environment_is_found_the_way_third_parties_do()
    {
        var ml = new MLContext(seed: 7);
        var property = ml.Transforms.GetType().GetInterfaces().First(i => i.Name == "IInternalCatalog").GetProperty("Environment");
        Assert.IsAssignableFrom<IHostEnvironment>(property!.GetValue(ml.Transforms));
    }
}
