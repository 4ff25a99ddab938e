namespace Dalle.ML.Prompts;

/// <summary>How a file of prompts is laid out. Each format is called what such a file's name ends in.</summary>
internal enum PromptFormat
{
    Txt,
    Csv,
    Tsv,
    Jsonl,
}
