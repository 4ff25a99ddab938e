"""Wrote the picture files beside it, with Pillow 9.4: one picture of six squares in each kind of file."""
import struct, zlib
from PIL import Image

COLORS = [(255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)]
ALPHAS = [255, 128, 64, 255, 200, 0]
SIDE, COLUMNS, ROWS = 16, 3, 2
WIDTH, HEIGHT = COLUMNS * SIDE, ROWS * SIDE


def square(x, y):
    return y // SIDE * COLUMNS + x // SIDE


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png16(name, color_type, samples):
    """A PNG of 16 bits, which Pillow does not write for colours; the low bytes are not those of the high ones."""
    lines = b"".join(b"\0" + b"".join(struct.pack(">H", v * 256 + 99) for x in range(WIDTH) for v in samples(x, y)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, color_type, 0, 0, 0)
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


rgb = Image.new("RGB", (WIDTH, HEIGHT))
rgb.putdata([COLORS[square(x, y)] for y in range(HEIGHT) for x in range(WIDTH)])
rgba = rgb.convert("RGBA")
rgba.putdata([COLORS[square(x, y)] + (ALPHAS[square(x, y)],) for y in range(HEIGHT) for x in range(WIDTH)])
gray = rgb.convert("L")

rgb.save("rgb.png")
rgb.save("rgb.bmp")
rgb.save("rgb.gif")
rgb.save("rgb.webp", lossless=True)
rgb.convert("P", palette=Image.ADAPTIVE, colors=6).save("palette.png")
rgba.save("alpha.png")
rgba.save("alpha.webp", lossless=True, exact=True)
rgba.quantize(6, method=Image.Quantize.FASTOCTREE).save("palette-alpha.png")
gray.save("gray.png")
Image.merge("LA", (gray, rgba.getchannel("A"))).save("gray-alpha.png")
png16("rgb-16.png", 2, lambda x, y: COLORS[square(x, y)])
png16("gray-16.png", 0, lambda x, y: (gray.getpixel((x, y)),))
rgb.save("lossy.jpg", quality=95)
rgb.save("lossy-progressive.jpg", quality=95, progressive=True)
rgb.save("lossy.webp", quality=95)
gray.save("lossy-gray.jpg", quality=95)
rgb.convert("CMYK").save("lossy-cmyk.jpg", quality=95)

# Stored as a camera that is held otherwise stores it, so that each shows the same when it is turned upright.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = rgb if orientation == 1 else rgb.transpose(STORED[orientation])
    stored.save(f"exif{orientation}.webp", lossless=True, exif=exif)

for name in ("lossy.jpg", "lossy-progressive.jpg", "lossy-cmyk.jpg", "lossy-gray.jpg", "lossy.webp"):
    Image.open(name).convert("RGB").save(name + ".png")
