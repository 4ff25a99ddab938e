namespace Dalle.ML;

/// <summary>A model cannot honour an option: it is for models of another kind, or for a part that the model lacks or that does not run.</summary>
public sealed class DalleOptionException : NotSupportedException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="option">Name of the option's property, such as <see cref="DiffusionOptions.PriorSteps"/>.</param>
    /// <param name="reason">Why the model cannot honour it, as the end of a sentence that begins with the option.</param>
    public DalleOptionException(string option, string reason)
        : base($"'{option}' {reason}. Leave it out.") => Option = option;

    /// <summary>Name of the option's property.</summary>
    public string Option { get; }
}
