namespace Dalle.ML.Text.Cleaning;

/// <summary>The half-width and full-width forms of East Asian typography (Unicode block U+FF00).</summary>
internal static class CharacterWidth
{
    private const string Katakana =
        "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309A";

    private const string Consonants = "\u1160ᄀᄁᆪᄂᆬᆭᄃᄄᄅᆰᆱᆲᆳᆴᆵᄚᄆᄇᄈᄡᄉᄊᄋᄌᄍᄎᄏᄐᄑᄒ";

    /// <summary>The character in the width that it has elsewhere.</summary>
    public static char Standard(char character) => character switch
    {
        '\u3000' => ' ',
        >= '\uFF01' and <= '\uFF5E' => (char)('!' + (character - '\uFF01')),
        '\uFF5F' => '⦅',
        '\uFF60' => '⦆',
        >= '\uFF61' and <= '\uFF9F' => Katakana[character - '\uFF61'],
        >= '\uFFA0' and <= '\uFFBE' => Consonants[character - '\uFFA0'],
        >= '\uFFC2' and <= '\uFFDC' => Vowel(character, place: character - '\uFFC2'),
        '￠' => '¢',
        '￡' => '£',
        '￢' => '¬',
        '￤' => '¦',
        '￥' => '¥',
        '￦' => '₩',
        >= '\uFFE8' and <= '\uFFEE' => "│←↑→↓■○"[character - '\uFFE8'],
        _ => character,
    };

    /// <summary>The vowels come in groups of six with two free places between them.</summary>
    private static char Vowel(char character, int place) => place % 8 < 6 ? (char)('\u1161' + place / 8 * 6 + place % 8) : character;
}
