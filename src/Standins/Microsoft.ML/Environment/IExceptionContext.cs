namespace Microsoft.ML.Runtime;

public interface IExceptionContext
{
    string ContextDescription { get; }

    /// <summary>Lets the context annotate an exception that is about to be thrown.</summary>
    TException Process<TException>(TException ex) where TException : Exception;
}
