"""What the stages learn from: the emoji world, or a folder of images with captions beside them as `dalle train` reads it.

Beside 1.jpg lies 1.txt with a caption a line. Images may have any size and lie in folders of the folder.
"""
import os
import random
import zlib

import numpy as np
from PIL import Image, ImageOps

from world import FULL, S, World

EXTENSIONS = ('.png', '.jpg', '.jpeg', '.webp', '.bmp', '.gif')
MEASURED = 20                                                            # one image in so many is never learnt from


def add_argument(p):
    p.add_argument('--data', metavar='FOLDER', help='learn from images with captions beside them instead of the emoji world')


def source(data, seed, training=True):
    """A world, or the photos of a folder: both give samples without end."""
    return Photos(data, seed, training) if data else World(seed, training)


def pixels(path):
    """An image as uint8 [S, S, 3]: upright, on white, the short side scaled and the centre cropped."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert('RGBA')
    whole = Image.new('RGBA', image.size, 'white')
    whole.alpha_composite(image)
    return np.asarray(ImageOps.fit(whole.convert('RGB'), (S, S), Image.BICUBIC))


def captions(path):
    """The captions beside an image; none where there is no text."""
    try:
        with open(os.path.splitext(path)[0] + '.txt', encoding='utf8') as f:
            return [line.strip() for line in f if line.strip()]
    except FileNotFoundError:
        return []


class Photos:
    """Stands where a World does. Which images are measured, and not learnt from, depends on their names alone."""

    def __init__(self, folder, seed, training=True):
        self.random, self.images = random.Random(seed), {}
        found = sorted(os.path.join(place, name) for place, _, names in os.walk(folder) for name in names if name.lower().endswith(EXTENSIONS))
        captioned = [p for p in found if captions(p)]
        self.paths = [p for p in captioned if (zlib.crc32(os.path.relpath(p, folder).encode()) % MEASURED != 0) == training]
        if not self.paths:
            raise SystemExit(f"'{folder}' has {len(found)} images, {len(captioned)} of them with captions beside them, and none of those is to be "
                             f"{'learnt' if training else 'measured: that is one in %d' % MEASURED}. Beside 1.jpg lies 1.txt with a caption a line.")

    def sample(self, mix=FULL):
        """A caption and its image."""
        while True:
            path = self.random.choice(self.paths)
            if path not in self.images:
                try:
                    self.images[path] = pixels(path)
                except (OSError, Image.DecompressionBombError) as e:
                    print(f"'{path}' is left out: {e}", flush=True)
                    self.paths.remove(path)
                    if not self.paths:
                        raise SystemExit('No image can be read.')
                    continue
            return self.random.choice(captions(path)), self.images[path]

    def alike(self, n, mix=FULL):
        """n samples: which of them are alike nobody knows."""
        return [self.sample() for _ in range(n)]

    def negatives(self, n):
        return self.alike(2 * n)

    def batch(self, n, mix=FULL):
        return self.drawn([self.sample() for _ in range(n)])

    @staticmethod
    def drawn(samples):
        """Captions, images, and the images as uint8 [n, S, S, 3]."""
        texts, images = zip(*samples)
        return list(texts), list(images), np.stack(images)
