using Dalle.ML.Bundles;
using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Tests.Text.Cleaning;

public sealed class TextCleanerTests
{
    /// <summary>Python's <c>html.unescape</c> of the same texts.</summary>
    [Theory]
    [InlineData("&lt;&amp;&gt;&quot;&apos;", "<&>\"'")]
    [InlineData("&eacute &copy2024 &notit; &ampamp;", "é ©2024 ¬it; &amp;")]
    [InlineData("&apos &hellip &unknown; &; &#; &#x;", "&apos &hellip &unknown; &; &#; &#x;")]
    [InlineData("&AMP&LT;&GT&QUOT;&COPY;&REG &Amp;", "&<>\"©® &Amp;")]
    [InlineData("&#233;&#xe9;&#XE9&#65a&#00065;", "éééAaA")]
    [InlineData("&#128;&#150;&#x81;&#0;&#13;", "€–\u0081\ufffd\r")]
    [InlineData("&#1;&#11;&#127;&#xfdd0;&#65535;&#x1fffe;", "")]
    [InlineData("&#xd800;&#1114112;&#99999999999999999999;&#x10ffff0;", "\ufffd\ufffd\ufffd\ufffd")]
    [InlineData("&#128512; &lang;&rang; &alpha;&Alpha;", "😀 ⟨⟩ αΑ")]
    public void Html_is_unescaped_once(string text, string expected) => Assert.Equal(expected, Clean(text, TextCleaning.UnescapeHtml));

    /// <summary>The package emoji 2.14.1 of the same texts.</summary>
    [Theory]
    [InlineData("a 🔥!", "a fire!")]
    [InlineData("🚀🚀", "rocketrocket")]
    [InlineData("👍🏽 👩🏿‍🚀", "thumbs_up_medium_skin_tone woman_astronaut_dark_skin_tone")]
    [InlineData("❤️ ❤ ☺︎ ©", "red_heart red_heart smiling_face copyright")]
    [InlineData("1️⃣ #⃣ 1 #", "keycap_1 keycap_# 1 #")]
    [InlineData("🇩🇪🇫🇷", "GermanyFrance")]
    [InlineData("👨‍👩‍👧 👨‍🔥", "family_man_woman_girl man\u200dfire")]
    [InlineData("naïve 日本", "naïve 日本")]
    public void Emoji_are_named(string text, string expected) => Assert.Equal(expected, Clean(text, TextCleaning.Demojize));

    [Fact]
    public void Emoji_are_named_between_colons() => Assert.Equal("a:fire::rocket:!", Clean("a🔥🚀!", TextCleaning.DemojizeInColons));

    [Theory]
    [InlineData("İstanbul ISTANBUL", "i\u0307stanbul istanbul")]
    [InlineData("ΑΣ ΣΑΣ ὈΔΥΣΣΕΎΣ Σ", "ας σας ὀδυσσεύς σ")]
    [InlineData("ΑΣ\u0301 Α.Σ Σ.Α ΑΣ\u0301Β", "ας\u0301 α.ς σ.α ασ\u0301β")]
    [InlineData("ẞ Ǆ K 𐐀 STRASSE", "ß ǆ k 𐐨 strasse")]
    public void Lower_case_is_that_of_unicode(string text, string expected) => Assert.Equal(expected, Clean(text, TextCleaning.Lowercase));

    [Theory]
    [InlineData("naïve Łódź Ærø Straße þorn", "naive Lodz AEro Strasse thorn")]
    [InlineData("“quotes” ‘n’ dashes – — … €5 £5 ½", "\"quotes\" 'n' dashes - -- ... EUR5 PS5 1/2")]
    [InlineData("日本 😀 nbsp\u00a0here", "  nbsp here")]
    public void Latin_text_is_spelt_in_ascii(string text, string expected) =>
        Assert.Equal(expected, Clean(text, TextCleaning.Transliterate));

    [Fact]
    public void Ascii_white_space_and_ends()
    {
        Assert.Equal("nave caf", Clean("naïve café", TextCleaning.AsciiOnly));
        Assert.Equal(" a b c ", Clean("  a\t\nb\u00a0\u3000c ", TextCleaning.CollapseWhitespace));
        Assert.Equal("a b", Clean("\u00a0\n a b\t ", TextCleaning.Trim));
    }

    [Theory]
    [InlineData("cat", " cat")]
    [InlineData(" \t\u00a0 a cat ", " a cat ")]
    [InlineData("", "")]
    [InlineData(" \n", "")]
    public void A_text_begins_with_one_space(string text, string expected) => Assert.Equal(expected, Clean(text, TextCleaning.LeadingSpace));

    /// <summary>borisdayma/dalle-mini's <c>text.py</c> of the same texts.</summary>
    [Theory]
    [InlineData("", " ")]
    [InlineData("a cat, a dog and (a) mouse!", " a cat, a dog and, a, mouse")]
    [InlineData("[1] it's 'quoted' \"twice\" don't [23]", " it's \" quoted \" twice \" don't")]
    [InlineData("1,000,000 people, 3.14 and 12/25/2020 and/or 50%", " 1000000 people, 3.14 and 12/25/2020 and, or 50 %")]
    [InlineData("u.s.a. x-ray well-known - dash", " u.s, a, x ray well known, dash")]
    [InlineData("<b>bold</b> see http://example.com/x?y=1 now", " bold see now")]
    [InlineData("<person> and <person>, <person> with <person>", " people with a person")]
    [InlineData("#tag #two_words c# \\ | ~", " tag two words c")]
    [InlineData("sooooo goood!!!! viii 1111", " so goood, viii 1111")]
    [InlineData(":fire: $5 & *", " fire, $ 5 & *")]
    public void Captions_are_normalised_as_for_dalle_mini(string text, string expected) =>
        Assert.Equal(expected, Clean(text, TextCleaning.DalleMini));

    [Theory]
    [InlineData("\u0041\u030a \u0061\u0323\u0307 \u0061\u0307\u0323", "Å ạ\u0307 ạ\u0307")]
    [InlineData("\u1100\u1161\u11a8 \uac00\u11a8 \u11a8", "각 각 \u11a8")]
    [InlineData("\u0958 \u2126 \uf900 \u0344", "\u0915\u093c Ω 豈 \u0308\u0301")]
    [InlineData("\u0301a \u0061\u0315\u0300\u05ae\u0300", "\u0301a \u00e0\u05ae\u0300\u0315")]
    public void Canonical_forms_are_those_of_unicode(string text, string composed)
    {
        Assert.Equal(composed, CanonicalForm.Compose(text));
        Assert.Equal(CanonicalForm.Decompose(text), CanonicalForm.Decompose(composed));
        Assert.Equal(composed, CanonicalForm.Compose(CanonicalForm.Decompose(text)));
    }

    private static string Clean(string text, params TextCleaning[] steps) => TextCleaner.Clean(text, steps);
}
