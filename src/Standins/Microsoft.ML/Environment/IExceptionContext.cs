namespace Microsoft.ML.Runtime;

public interface IExceptionContext
{
}
