using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Tests.Text.Cleaning;

/// <summary>What ftfy 6.3.1 makes of the same texts.</summary>
public sealed class TextFixerTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain text\nin\ttwo lines", "plain text\nin\ttwo lines")]
    [InlineData("‘single’ “double” ‛odd‟", "'single' \"double\" 'odd\"")]
    [InlineData("‹guillemets› «stay» „low‚", "‹guillemets› «stay» \"low'")]
    [InlineData("ﬁ ﬄ ĳ ŉ Ǆ ﬅ æ œ", "fi ffl ij 'n DŽ ſt æ œ")]
    [InlineData("ＬＯＵＤ　ＮＯＩＳＥＳ～ ￡￦￨￣", "LOUD NOISES~ £₩│ ̄")]
    [InlineData("ﾊﾟﾊﾞﾄﾞ ﾡ ￂ", "パバド ᄀ ᅡ")]
    [InlineData("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne")]
    [InlineData("\u001b[36;44mcolours\u001b[0m", "colours")]
    [InlineData("\u0000a\u0008b\u000bc\u000ed\u007fe\u206af\ufeffg\ufffah\t\f", "abcdefgh\t\f")]
    [InlineData("joiners \u200c\u200d\u200e stay", "joiners \u200c\u200d\u200e stay")]
    [InlineData("e\u0301 \u1100\u1161\u11a8 \u212b", "é 각 Å")]
    [InlineData("what\u0085 is \u0096 this", "what… is – this")]
    [InlineData("&lt;b&gt; &eacute;&EACUTE; &#233; &notit; &copy", "<b> éÉ é &notit; &copy")]
    [InlineData("&amp;amp;lt;", "<")]
    [InlineData("<b>&eacute;</b>\n&eacute;", "<b>&eacute;</b>\n&eacute;")]
    [InlineData("&eacute;\n<b>&eacute;", "é\n<b>&eacute;")]
    public void Texts_are_fixed(string text, string expected) => Assert.Equal(expected, TextFixer.Fix(text));

    [Fact]
    public void Halves_of_characters_are_replaced() => Assert.Equal("😀 \ufffd \ufffd", TextFixer.Fix("\ud83d\ude00 \ud83d \ude00"));

    [Theory]
    [InlineData("cafÃ©", "café")]
    [InlineData("schÃ¶n und grÃ¶ÃŸer", "schön und größer")]
    [InlineData("donâ€™t â€œquoteâ€\u009d", "don't \"quote\"")]
    [InlineData("The Mona Lisa doesnÃ¢â‚¬â„¢t have eyebrows.", "The Mona Lisa doesn't have eyebrows.")]
    [InlineData("âœ” No problems ðŸ˜€", "✔ No problems 😀")]
    [InlineData("l’humanitÃ©", "l'humanité")]
    [InlineData("25Â°C for 10Â£", "25°C for 10£")]
    [InlineData("ÐŸÑ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€", "Привет мир")]
    [InlineData("æ—¥æœ¬", "日本")]
    [InlineData("Ĺ˝inoma", "Žinoma")]
    [InlineData("×©×œ×•×\u009d", "שלום")]
    public void Mojibake_is_mended(string text, string expected) => Assert.Equal(expected, TextFixer.Fix(text));

    [Theory]
    [InlineData("CAFÉ… AHÅ™, the new sofa from IKEA®")]
    [InlineData("“Lukáš” à l'école, déjà-vu, Ærøskøbing")]
    [InlineData("HÅØYA ER BLÅØYD")]
    [InlineData("ESSE CARA AI QUEM É¿")]
    [InlineData("(T•Ø•R•T•Ø•)")]
    [InlineData("PÍŠE ČERVENÉ ŽLUŤOUČKÉ")]
    [InlineData("3×£5 × 2")]
    [InlineData("Привет, мир! Γειά σου Κόσμε")]
    public void Clean_text_is_left_alone(string text) => Assert.Equal(text.Replace('“', '"').Replace('”', '"'), TextFixer.Fix(text));

    [Theory]
    [InlineData("&amp;", "amp;")]
    [InlineData("Ã", "ƒ")]
    [InlineData("Ò§", "Ò§")]
    [InlineData(" ", "\u0301")]
    public void Made_up_texts_of_any_length_are_read(string start, string more) =>
        Assert.NotEmpty(TextFixer.Fix(start + string.Concat(Enumerable.Repeat(more, 50_000))));
}
