using System.Globalization;
using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Latin text in ASCII: letters lose their marks, signs are written out.</summary>
/// <remarks>
/// DALL·E mini calls the Python package Unidecode, which has spellings for most scripts; for Latin letters and common signs they are these.
/// Other scripts are left out here, and a prompt in one is best written in Latin letters.
/// </remarks>
internal static class Transliteration
{
    public static string ToAscii(string text)
    {
        if (Ascii.IsValid(text))
            return text;
        var ascii = new StringBuilder(text.Length);
        foreach (var character in CanonicalForm.Decompose(text))
        {
            if (char.IsAscii(character))
                ascii.Append(character);
            else
                ascii.Append(Spell(character));
        }
        return ascii.ToString();
    }

    private static string Spell(char character) => character switch
    {
        'ß' => "ss",
        'ẞ' => "Ss",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'ø' => "o",
        'Ø' => "O",
        'đ' or 'ð' => "d",
        'Đ' or 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ł' => "l",
        'Ł' => "L",
        'ħ' => "h",
        'Ħ' => "H",
        'ŧ' => "t",
        'Ŧ' => "T",
        'ı' => "i",
        'ŋ' => "ng",
        'Ŋ' => "NG",
        '‐' or '‑' or '‒' or '–' or '−' => "-",
        '—' or '―' => "--",
        '…' => "...",
        '‘' or '’' or '‚' or '‛' or '′' => "'",
        '“' or '”' or '‟' => "\"",
        '„' => ",,",
        '″' => "''",
        '«' => "<<",
        '»' => ">>",
        '‹' => "<",
        '›' => ">",
        '•' or '·' => "*",
        '¡' => "!",
        '¿' => "?",
        '×' => "x",
        '÷' => "/",
        '±' => "+-",
        '°' => "deg",
        '©' => "(c)",
        '®' => "(r)",
        '™' => "(tm)",
        '€' => "EUR",
        '£' => "PS",
        '¥' => "Y=",
        '¢' => "C/",
        '²' => "2",
        '³' => "3",
        '¹' => "1",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        _ => char.GetUnicodeCategory(character) == UnicodeCategory.SpaceSeparator ? " " : "",
    };
}
