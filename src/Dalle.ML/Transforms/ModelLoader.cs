namespace Dalle.ML.Transforms;

/// <summary>Loads the model of a component.</summary>
internal static class ModelLoader
{
    /// <param name="path">The model's folder.</param>
    /// <param name="device">The requested device.</param>
    /// <param name="fallbackToCpu">Whether the CPU replaces a device that cannot be used.</param>
    /// <param name="warn">Receives the warning in that case.</param>
    /// <exception cref="DalleBundleException">A file is missing, altered or malformed.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used, and the CPU may not replace it.</exception>
    public static DalleModel Load(string path, DalleDevice device, bool fallbackToCpu, Action<string> warn)
    {
        try
        {
            return DalleModel.Load(path, device);
        }
        catch (DalleDeviceException exception) when (fallbackToCpu && device.GpuDeviceId is not null)
        {
            warn(exception.Message + " Running on the CPU instead.");
            return DalleModel.Load(path);
        }
    }
}
