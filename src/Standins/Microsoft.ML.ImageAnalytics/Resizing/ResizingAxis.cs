using static Microsoft.ML.Transforms.Image.ImageResizingEstimator;

namespace Microsoft.ML.ImageAnalytics.Resizing;

/// <summary>Which stretch of the source becomes which stretch of the target, along one axis.</summary>
internal readonly record struct ResizingAxis(double SourceStart, double SourceLength, int TargetStart, int TargetLength)
{
    public static (ResizingAxis X, ResizingAxis Y) Of(
        (int Width, int Height) source, (int Width, int Height) target, ResizingKind kind, Anchor anchor)
    {
        double scaleX = (double)target.Width / source.Width;
        double scaleY = (double)target.Height / source.Height;
        double alongX = anchor switch { Anchor.Left => 0, Anchor.Right => 1, _ => 0.5 };
        double alongY = anchor switch { Anchor.Top => 0, Anchor.Bottom => 1, _ => 0.5 };
        switch (kind)
        {
            case ResizingKind.Fill:
                return (Fill(source.Width, target.Width), Fill(source.Height, target.Height));
            case ResizingKind.IsoPad:
                double shrink = Math.Min(scaleX, scaleY);
                return (Pad(source.Width, target.Width, shrink, alongX), Pad(source.Height, target.Height, shrink, alongY));
            default:
                double cover = Math.Max(scaleX, scaleY);
                return (Crop(source.Width, target.Width, cover, alongX), Crop(source.Height, target.Height, cover, alongY));
        }
    }

    private static ResizingAxis Fill(int source, int target) => new(0, source, 0, target);

    private static ResizingAxis Pad(int source, int target, double scale, double along)
    {
        int length = Math.Clamp((int)Math.Round(source * scale), 1, target);
        return new ResizingAxis(0, source, (int)((target - length) * along), length);
    }

    private static ResizingAxis Crop(int source, int target, double scale, double along)
    {
        double length = Math.Min(target / scale, source);
        return new ResizingAxis((source - length) * along, length, 0, target);
    }
}
