namespace Dalle.ML.Server;

/// <summary>Names that the server is known by.</summary>
public static class DalleServer
{
    /// <summary>Name of the meter and of the activity source, for OpenTelemetry.</summary>
    public const string TelemetryName = "Dalle.ML.Server";
}
