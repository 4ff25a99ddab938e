namespace Dalle.ML;

/// <summary>A device cannot be used: there is no device of that number, or a library that it needs is missing.</summary>
public sealed class DalleDeviceException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="device">The requested device.</param>
    /// <param name="message">Why the device cannot be used, and what to do.</param>
    /// <param name="innerException">The error underneath, if any.</param>
    public DalleDeviceException(DalleDevice device, string message, Exception? innerException = null)
        : base($"The device '{device}' cannot be used: {message}", innerException) => Device = device;

    /// <summary>The requested device.</summary>
    public DalleDevice Device { get; }
}
