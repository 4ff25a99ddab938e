using System.Buffers.Binary;

namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>Turns the samples of a row into blue, green, red, alpha of eight bits each.</summary>
internal sealed class PngPixels
{
    private readonly PngHeader _header;
    private readonly byte[] _palette;       // red, green, blue of each entry
    private readonly byte[] _alphas;        // of the first entries of the palette; the others are opaque
    private readonly int[] _transparent;    // the samples of the one transparent colour of an image without alpha

    public PngPixels(PngHeader header, byte[] palette, byte[] transparency)
    {
        if (header.Color == PngColor.Palette && palette is null)
            throw new InvalidDataException("The PNG file is damaged: its palette is missing.");
        if (palette is not null && (palette.Length % 3 != 0 || palette.Length is 0 or > 256 * 3))
            throw new InvalidDataException("The PNG file is damaged: its palette has the wrong length.");

        _header = header;
        _palette = palette;
        if (header.Color == PngColor.Palette)
            _alphas = transparency ?? [];
        else if (header.Color is PngColor.Grey or PngColor.Rgb && transparency is not null)
            _transparent = ParseTransparent(transparency);
    }

    /// <summary>Expands the pixels of <paramref name="row"/> into <paramref name="bgra"/>, <paramref name="step"/> pixels apart.</summary>
    public void Expand(ReadOnlySpan<byte> row, int width, Span<byte> bgra, int step)
    {
        for (int x = 0; x < width; x++)
        {
            var pixel = bgra.Slice(x * step * 4, 4);
            int first = x * _header.Channels;
            switch (_header.Color)
            {
                case PngColor.Grey:
                    pixel[..3].Fill(Scaled(row, first));
                    pixel[3] = AlphaOf(row, first);
                    break;
                case PngColor.GreyAlpha:
                    pixel[..3].Fill(Scaled(row, first));
                    pixel[3] = Scaled(row, first + 1);
                    break;
                case PngColor.Palette:
                    Look(Sample(row, first), pixel);
                    break;
                default:
                    pixel[2] = Scaled(row, first);
                    pixel[1] = Scaled(row, first + 1);
                    pixel[0] = Scaled(row, first + 2);
                    pixel[3] = _header.Color == PngColor.Rgba ? Scaled(row, first + 3) : AlphaOf(row, first);
                    break;
            }
        }
    }

    private void Look(int index, Span<byte> pixel)
    {
        if (index * 3 >= _palette.Length)
            throw new InvalidDataException($"The PNG file is damaged: its palette has no entry {index}.");
        pixel[2] = _palette[index * 3];
        pixel[1] = _palette[index * 3 + 1];
        pixel[0] = _palette[index * 3 + 2];
        pixel[3] = index < _alphas.Length ? _alphas[index] : byte.MaxValue;
    }

    private byte AlphaOf(ReadOnlySpan<byte> row, int first)
    {
        if (_transparent is null)
            return byte.MaxValue;
        for (int i = 0; i < _transparent.Length; i++)
        {
            if (Sample(row, first + i) != _transparent[i])
                return byte.MaxValue;
        }

        return 0;
    }

    private byte Scaled(ReadOnlySpan<byte> row, int index) =>
        _header.BitDepth == 8 ? row[index] : (byte)((Sample(row, index) * 255 + _header.MaxSample / 2) / _header.MaxSample);

    private int Sample(ReadOnlySpan<byte> row, int index)
    {
        if (_header.BitDepth == 16)
            return BinaryPrimitives.ReadUInt16BigEndian(row[(index * 2)..]);
        int bit = index * _header.BitDepth;
        return (row[bit / 8] >> (8 - _header.BitDepth - bit % 8)) & _header.MaxSample;
    }

    private int[] ParseTransparent(byte[] transparency)
    {
        if (transparency.Length != _header.Channels * 2)
            throw new InvalidDataException("The PNG file is damaged: its transparent colour has the wrong length.");
        var samples = new int[_header.Channels];
        for (int i = 0; i < samples.Length; i++)
            samples[i] = BinaryPrimitives.ReadUInt16BigEndian(transparency.AsSpan(i * 2));
        return samples;
    }
}
