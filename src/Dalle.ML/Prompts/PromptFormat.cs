namespace Dalle.ML.Prompts;

/// <summary>The format of a file of prompts, named by its file extension.</summary>
internal enum PromptFormat
{
    Txt,
    Csv,
    Tsv,
    Jsonl,
}
