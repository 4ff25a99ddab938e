using Dalle.ML;
using Dalle.ML.Server.Host;
using Microsoft.Extensions.Options;

// Settings come from the command line and the environment, not from a file in the folder that the program is started in.
try
{
    var configuration = new ConfigurationBuilder().AddEnvironmentVariables("ASPNETCORE_").AddEnvironmentVariables().AddCommandLine(args).Build();
    var options = configuration.GetSection(ServeOptions.Section).Get<ServeOptions>() ?? new ServeOptions();
    return options switch
    {
        { HealthCheck: true } => await HealthProbe.RunAsync(configuration),
        { Stdio: true } => await StdioServer.RunAsync(args, options),
        _ => await HttpServer.RunAsync(args, options),
    };
}
catch (Exception exception) when (exception is DalleBundleException or DalleDeviceException or IOException or OptionsValidationException or FormatException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"dalle: {exception.Message}");
    return 1;
}
catch (InvalidOperationException exception) when (exception.InnerException is FormatException or ArgumentException)
{
    // A setting whose value is not of its type.
    await Console.Error.WriteLineAsync($"dalle: {exception.Message}");
    return 1;
}
