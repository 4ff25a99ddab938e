"""The emoji world: a grammar that makes (caption, scene) pairs, and a renderer for 128 x 128 images.

Everything is laid out on the grid of tokens, 8 pixels each: a sprite of one size has the same offset to the grid wherever it stands, so
that one code serves many scenes, and places (a beach, a night sky) are painted in the colours of plain backgrounds. Combinations of a
thing and an attribute that `held_out` names never occur in training.
"""
import functools
import random
import re

import numpy as np

from sprites import KINDS, KINDS_OF, LIVING, NOUNS, PEOPLE, POPULAR, SHAPES, SYNONYMS, TONES, atlas, packed

S = 128
# Plain backgrounds: softer than what stands on them.
BACKGROUNDS = {'white': (255, 255, 255), 'red': (226, 84, 82), 'orange': (247, 163, 82), 'yellow': (252, 218, 104),
               'green': (116, 192, 116), 'light blue': (176, 222, 250), 'blue': (84, 148, 232), 'purple': (158, 114, 208),
               'pink': (248, 172, 204), 'brown': (160, 114, 84), 'gray': (172, 177, 186), 'black': (34, 34, 46)}
# Tints and shapes: the colour of middle brightness.
COLOURS = {'red': (218, 38, 42), 'orange': (243, 128, 24), 'yellow': (247, 201, 26), 'green': (46, 158, 66),
           'light blue': (98, 186, 244), 'blue': (36, 92, 214), 'purple': (126, 52, 184), 'pink': (244, 112, 172),
           'brown': (124, 76, 44), 'black': (44, 44, 52), 'gray': (136, 140, 148), 'white': (228, 231, 238)}
RAMPS = {'gold': [(84, 48, 4), (222, 160, 24), (255, 240, 150)], 'ice': [(40, 110, 180), (150, 214, 248), (246, 253, 255)],
         'wood': [(66, 36, 16), (178, 116, 64), (232, 186, 128)], 'stone': [(48, 48, 54), (134, 134, 140), (212, 212, 214)]}
MATERIALS = list(RAMPS)
COUNTS = {2: (56, [(32, 64), (96, 64)]),
          3: (56, [(64, 32), (32, 96), (96, 96)]),
          4: (56, [(32, 32), (96, 32), (32, 96), (96, 96)]),
          5: (40, [(24, 24), (104, 24), (64, 64), (24, 104), (104, 104)]),
          6: (40, [(x, y) for y in (40, 88) for x in (24, 64, 104)]),
          9: (40, [(x, y) for y in (24, 64, 104) for x in (24, 64, 104)])}
POSITIONS = {'left': (32, 64), 'right': (96, 64), 'top': (64, 32), 'bottom': (64, 96), 'top left': (32, 32), 'top right': (96, 32),
             'bottom left': (32, 96), 'bottom right': (96, 96)}
RELATIONS = {'left of': ((32, 64), (96, 64)), 'right of': ((96, 64), (32, 64)), 'above': ((64, 32), (64, 96)),
             'below': ((64, 96), (64, 32)), 'next to': ((32, 64), (96, 64))}
FRAMES = ['circle', 'square', 'heart']
HATS = ['top hat', 'crown', 'straw hat', 'graduation cap']


# ---- places: painted backgrounds, PLACE_VARIANTS of each

PLACE_VARIANTS = 6
B = BACKGROUNDS
GROUND = 80


def cloud(d, x, y, s, colour=(255, 255, 255)):
    for dx, dy, r in ((0, 0, .5), (.55, -.22, .62), (1.15, 0, .5)):
        d.ellipse((x + (dx - r) * s, y + (dy - r) * s, x + (dx + r) * s, y + (dy + r) * s), colour)
    d.rectangle((x, y, x + 1.15 * s, y + .5 * s), colour)


def painted(name, variant):
    """The picture of a place, drawn at four times the size; `d` draws in units of the final pixels."""
    from PIL import Image, ImageDraw
    r, z = random.Random(f'{name} {variant}'), 4
    im = Image.new('RGB', (S * z, S * z))
    draw = ImageDraw.Draw(im)

    class D:
        def rectangle(self, box, c): draw.rectangle([v * z for v in box[:2]] + [v * z - 1 for v in box[2:]], c)
        def ellipse(self, box, c): draw.ellipse([v * z for v in box], c)
        def polygon(self, points, c): draw.polygon([(x * z, y * z) for x, y in points], c)
        def line(self, points, c, width): draw.line([(x * z, y * z) for x, y in points], c, round(width * z))
    d = D()

    def sky(colour, ground=None, at=GROUND):
        d.rectangle((0, 0, S, S), colour)
        if ground:
            d.rectangle((0, at, S, S), ground)

    # Small things stand in the middle of a cell of the grid, so that each is one code.
    def cells(n, top, bottom, left=0, right=16):
        return [(8 * x + 4, 8 * y + 4) for x, y in r.sample([(x, y) for x in range(left, right) for y in range(top, bottom)], n)]

    def dot(x, y, s, c):
        d.ellipse((x - s, y - s, x + s, y + s), c)

    def stars(n, bottom):
        for x, y in cells(n, 0, bottom):
            dot(x, y, r.choice((1.2, 1.8)), (255, 255, 255) if r.random() < .7 else (255, 236, 170))

    def clouds(n, colour=(255, 255, 255)):
        for x in r.sample((4, 44, 84), n):
            cloud(d, x + 8, r.choice((16, 24)), 11, colour)

    if name == 'grass':
        sky(B['light blue'], B['green'])
        clouds(2)
        for x, y in cells(14, 11, 16):
            for k in (-2.4, 0, 2.4):
                d.line([(x, y + 3), (x + k, y - 3)], (78, 158, 88), 1.4)
        if variant % 2:
            for x, y in cells(6, 11, 16):
                d.rectangle((x - 4, y - 4, x + 4, y + 4), B['green'])
                dot(x, y, 2.6, r.choice(((255, 255, 255), (252, 218, 104), (248, 172, 204))))
    elif name == 'beach':
        sky(B['light blue'], B['yellow'])
        d.rectangle((0, 56, S, 80), B['blue'])
        for x, y in cells(5, 7, 9):
            d.line([(x - 4, y), (x + 4, y)], (176, 222, 250), 1.4)
        d.rectangle((0, 78, S, 82), (255, 255, 255))
        clouds(1)
        if variant % 2:
            dot(r.choice((24, 104)), 24, 12, (255, 236, 120))
    elif name == 'sea':
        sky(B['blue'], (236, 204, 128), 112)
        for x, y in cells(12, 0, 12):
            s = r.choice((2, 3))
            dot(x, y, s, (150, 196, 248))
            dot(x - .3 * s, y - .3 * s, s * .4, (230, 244, 255))
        for x in r.sample(range(12, 124, 8), 3):
            for k in range(4):
                dot(x + (1, -1)[k % 2], 109 - 6 * k, 3, (64, 150, 110))
    elif name == 'snow':
        sky(B['light blue'], (255, 255, 255))
        d.ellipse((-32, 68, 72, 120), (255, 255, 255))
        d.ellipse((56, 72, 168, 120), (255, 255, 255))
        for x, y in cells(22, 0, 8):
            dot(x, y, 1.8, (255, 255, 255))
    elif name == 'space':
        sky(B['black'])
        stars(30, 16)
        x, y = r.choice(((16, 16), (112, 16), (112, 112), (16, 112)))
        dot(x, y, 10, r.choice((B['purple'], B['orange'], B['blue'])))
        if variant % 2:
            d.line([(x - 15, y + 4), (x + 15, y - 4)], (252, 218, 104), 1.8)
    elif name == 'night':
        sky(B['black'], (58, 92, 82))
        stars(20, 9)
        x = r.choice((16, 112))
        d.rectangle((x - 16, 0, x + 16, 32), B['black'])
        dot(x, 16, 11, (252, 226, 140))
        dot(x + 5, 13, 10, B['black'])
    elif name == 'sunset':
        sky(B['orange'], B['purple'])
        x = r.choice((24, 64, 104))
        dot(x, GROUND, 22, B['yellow'])
        d.rectangle((0, GROUND, S, S), B['purple'])
        for k in range(3):
            d.rectangle((x - 16 + 4 * k, 90 + 8 * k, x + 16 - 4 * k, 93 + 8 * k), B['yellow'])
        for x in r.sample((8, 48, 88), 2):
            y = r.choice((10, 18, 26))
            d.rectangle((x, y, x + 32, y + 4), B['pink'])
    elif name == 'desert':
        sky(B['yellow'], B['orange'])
        d.ellipse((-40, 68, 72, 132), B['orange'])
        d.ellipse((56, 72, 168, 132), B['orange'])
        dot(r.choice((20, 108)), 20, 10, (255, 255, 255))
        for x in r.sample((12, 36, 92, 116), 2):
            c = (116, 160, 84)
            d.rectangle((x - 2.5, 58, x + 2.5, 84), c)
            d.rectangle((x - 8, 65, x - 4.5, 73), c)
            d.rectangle((x - 8, 71, x, 74.5), c)
            d.rectangle((x + 4.5, 62, x + 8, 70), c)
            d.rectangle((x, 68, x + 8, 71.5), c)
    elif name == 'forest':
        sky((196, 228, 206), B['green'])
        for x in r.sample(range(4, 132, 16), 7):
            h = r.choice((32, 40, 48))
            d.rectangle((x - 2, 78, x + 2, 86), B['brown'])
            d.polygon([(x, 80 - h), (x + 12, 80), (x - 12, 80)], r.choice(((60, 140, 88), (84, 164, 100))))
    elif name == 'city':
        sky(B['light blue'], (120, 124, 134))
        x = 0
        while x < S:
            w, h, c = 8 * r.choice((2, 3)), 8 * r.choice((3, 4, 5, 6, 7)), r.choice(((150, 158, 176), (136, 146, 170)))
            d.rectangle((x, 80 - h, x + w, 80), c)
            for yy in range(80 - h, 72, 8):
                for xx in range(x, min(S, x + w), 8):
                    d.rectangle((xx + 2.5, yy + 2.5, xx + 5.5, yy + 6), (252, 232, 150) if r.random() < .6 else (112, 120, 146))
            x += w
        for k in range(0, 16, 3):
            d.rectangle((k * 8, 106, k * 8 + 16, 110), (255, 255, 255))
    elif name == 'rain':
        sky(B['gray'], (130, 140, 156), 104)
        clouds(3, (214, 218, 226))
        for x, y in cells(26, 4, 13):
            d.line([(x + 2, y - 3.5), (x - 2, y + 3.5)], (84, 148, 232), 1.8)
    return np.asarray(im.resize((S, S), Image.BOX))


PLACES = ['grass', 'beach', 'sea', 'snow', 'space', 'night', 'sunset', 'desert', 'forest', 'city', 'rain']


@functools.cache
def backdrop(name):
    """The empty picture of a background, 'blue', or of a place, 'beach 3'."""
    if name in BACKGROUNDS:
        return np.full((S, S, 3), BACKGROUNDS[name], np.uint8)
    place, variant = name.split(' ')
    return packed()[name] if packed() else painted(place, int(variant))


# ---- rendering

@functools.cache
def sprite(noun, px):
    """Premultiplied RGBA and brightness, the middle tone of the body at .5, uint8 [px, px, 4] and [px, px]."""
    if packed():
        v = packed()[f'{noun} {px}']
        return v[..., :4], v[..., 4]
    from PIL import Image
    v = atlas()[noun].astype(np.float32)
    alpha, grey = v[..., 3], v[..., :3] @ np.array([.3, .59, .11], np.float32)
    body = grey[(alpha > 200) & (grey > 30) & (grey < 238)]
    middle = min(190., max(70., float(np.median(body)))) if len(body) else 128.
    light = np.interp(grey, (0, middle, 255), (0, 127.5, 255))
    v = np.dstack([v[..., :3] * alpha[..., None] / 255, alpha, light * alpha / 255])
    if px != len(v):
        v = np.stack([np.asarray(Image.fromarray(v[..., i]).resize((px, px), Image.LANCZOS)) for i in range(5)], -1).clip(0, 255)
        v[..., 3][v[..., 3] < 4] = 0
        v[..., :3] = np.minimum(v[..., :3], v[..., 3:4])
    edge = (v[..., 3] / 110).clip(0, 1)                                   # what is nearly transparent has no brightness of its own
    light = v[..., 4] / np.maximum(v[..., 3], 1) * 255 * edge + 127.5 * (1 - edge)
    return (v[..., :4] + .5).clip(0, 255).astype(np.uint8), (light + .5).clip(0, 255).astype(np.uint8)


@functools.cache
def grain(material, px):
    """Brightness that a material adds to what is made of it; its pattern fits the grid."""
    x, y = np.meshgrid(np.arange(px), np.arange(px))
    if material == 'wood':
        return 22 * np.sin((y + 1.5 * np.sin(x * np.pi / 12)) * np.pi / 4)
    if material == 'stone':
        tile = np.random.RandomState(7).choice([-26, -8, 8, 22], (4, 4)).repeat(4, 0).repeat(4, 1)
        return np.tile(tile, (px // 16 + 1,) * 2)[:px, :px]
    if material == 'gold':
        return 46 * (((x + y) // 8) % 4 == 0)
    return 40 * (((x - y) // 4) % 6 == 0) + 22 * (((x + 2 * y) // 8) % 5 == 0)


@functools.cache
def ramp(look):
    """Colours by brightness, uint8 [256, 3]: outlines stay dark and lights stay light."""
    if look in RAMPS:
        stops, colours = (0, 127.5, 255), RAMPS[look]
    else:
        c = np.array(COLOURS[look] if isinstance(look, str) else look, np.float32)
        stops = (0, 60, 127.5, 190, 255)
        colours = [c * .2, c * .62, c, c + (255 - c) * .38, c + (255 - c) * .92]
        if look == 'black':
            colours = [(10, 10, 12), (26, 26, 31), (48, 48, 56), (92, 92, 104), (226, 226, 232)]
        if look == 'white':
            colours = [(52, 54, 66), (150, 155, 172), (222, 227, 238), (242, 244, 249), (255, 255, 255)]
    colours = np.array(colours, np.float32)
    i = np.arange(256)
    return (np.stack([np.interp(i, stops, colours[:, k]) for k in range(3)], -1) + .5).astype(np.uint8)


@functools.lru_cache(6000)
def dressed(noun, look, px):
    """The sprite in its tint or material, premultiplied; a shape takes the plain colour."""
    v, light = sprite(f'{noun} {look}' if noun in PEOPLE and look in TONES else noun, px)
    if look is None or noun in PEOPLE and look in TONES:
        return v
    if noun in SHAPES:
        light = np.full_like(light, 128)
    if look in RAMPS:
        light = (light * (1 if noun in SHAPES else .9) + grain(look, px)).clip(0, 255).astype(np.uint8)
    v = v.copy()
    v[..., :3] = ramp(look)[light].astype(np.uint16) * v[..., 3:] // 255
    return v


def render(scene):
    """uint8 RGB [S, S, 3]."""
    image = backdrop(scene['background']).copy()
    for noun, look, px, x, y in scene['objects']:
        v = dressed(noun, look, px)
        x, y = x - px // 2, y - px // 2
        left, top, right, bottom = max(0, -x), max(0, -y), min(px, S - x), min(px, S - y)
        part, place = v[top:bottom, left:right], image[y + top:y + bottom, x + left:x + right]
        place[:] = np.minimum(255, part[..., :3] + (place * (255 - part[..., 3:].astype(np.uint16)) + 127) // 255)
    return image


@functools.cache
def gap(noun, px):
    """Empty rows above a sprite, in steps of the grid."""
    rows = np.flatnonzero(sprite(noun, px)[0][..., 3].max(1) > 100)
    return 8 * round(rows[0] / 8)


def everything():
    """All that is drawn from fonts and by Pillow, for machines that have neither: see pack.py."""
    sizes = [(n, px) for n in [*NOUNS, *SHAPES, *(f'{n} {t}' for n in PEOPLE for t in TONES)] for px in (128, 96, 80, 56, 40)] + [(h, 48) for h in HATS] + [(f, 120) for f in FRAMES]
    return {**{f'{n} {px}': np.dstack(sprite(n, px)) for n, px in sizes},
            **{f'{p} {i}': painted(p, i) for p in PLACES for i in range(PLACE_VARIANTS)}}


# ---- words

NUMBERS = {2: ['two', '2', 'a pair of', 'a couple of'], 3: ['three', '3', 'some', 'a few', ''], 4: ['four', '4', 'several'], 5: ['five', '5'],
           6: ['six', '6'], 9: ['nine', '9', 'many', 'a lot of']}
OF_PLACES = {
    'grass': ['on the grass', 'in a meadow', 'in a field', 'in the park', 'on grass', 'in a garden', 'on a lawn'],
    'beach': ['on the beach', 'at the beach', 'by the sea', 'on a beach', 'on the sand'],
    'sea': ['in the sea', 'under water', 'in the ocean', 'underwater', 'under the sea', 'in water'],
    'snow': ['in the snow', 'in winter', 'on snow', 'on a snowy day', 'in snow'],
    'space': ['in space', 'in outer space', 'among the stars', 'in the universe'],
    'night': ['at night', 'in the night', 'under the moon', 'in the moonlight', 'in the dark'],
    'sunset': ['at sunset', 'in the evening', 'at sunrise', 'at dusk', 'in the sunset'],
    'desert': ['in the desert', 'in a desert', 'in the dunes'],
    'forest': ['in the forest', 'in a forest', 'in the woods', 'in the jungle'],
    'city': ['in the city', 'in a city', 'on the street', 'in town', 'on the road'],
    'rain': ['in the rain', 'on a rainy day', 'in rain']}
# A place alone.
PLACES_THEMSELVES = {
    'grass': ['a meadow', 'a park', 'a green field', 'grass', 'a garden', 'a lawn'],
    'beach': ['a beach', 'the beach', 'a sandy beach', 'the seaside', 'a sunny beach'],
    'sea': ['the sea', 'the ocean', 'under water', 'the deep sea', 'an underwater scene'],
    'snow': ['snow', 'a snowy landscape', 'a winter landscape', 'winter', 'a snowy day'],
    'space': ['space', 'outer space', 'the universe', 'a galaxy', 'stars in space'],
    'night': ['the night sky', 'a starry night', 'night', 'a starry sky', 'a moonlit night'],
    'sunset': ['a sunset', 'a sunset over the ocean', 'a sunset over the sea', 'a sunrise', 'sunset', 'sunrise over the sea', 'the sunset'],
    'desert': ['a desert', 'the desert', 'desert', 'sand dunes', 'a hot desert'],
    'forest': ['a forest', 'the forest', 'the woods', 'a jungle', 'forest'],
    'city': ['a city', 'a city street', 'a skyline', 'a town', 'the city', 'a street', 'a city skyline'],
    'rain': ['rain', 'a rainy day', 'rainy weather', 'a storm', 'heavy rain']}
ACTIONS = ['running', 'sleeping', 'sitting', 'standing', 'walking', 'jumping', 'dancing', 'smiling', 'playing', 'eating', 'flying', 'looking at you']
OF_POSITIONS = {
    **{side: [f'on the {side}', f'on the {side} side', f'to the {side}', f'at the {side}'] for side in ('left', 'right')},
    'top': ['at the top', 'in the upper part', 'at the upper edge'], 'bottom': ['at the bottom', 'in the lower part', 'at the lower edge'],
    **{f'{v} {h}': [f'in the {v} {h} corner', f'in the {w} {h} corner', f'at the {v} {h}', f'in the {v} {h}', f'in the {w} {h}']
       for v, w in (('top', 'upper'), ('bottom', 'lower')) for h in ('left', 'right')}}
OF_RELATIONS = {'left of': ['to the left of', 'left of', 'on the left of'], 'right of': ['to the right of', 'right of', 'on the right of'],
                'above': ['above', 'over', 'on top of', 'on'], 'below': ['below', 'under', 'beneath', 'underneath'],
                'next to': ['and', 'next to', 'beside', 'and', 'near', 'with']}
RIDEN = {'bus', 'tractor', 'racing car', 'motorcycle', 'scooter', 'bicycle', 'skateboard', 'train', 'sailboat', 'speedboat', 'canoe',
         'rocket', 'horse', 'camel', 'elephant', 'unicorn', 'dragon', 'sled', 'flying saucer', 'carousel horse', 'dolphin', 'turtle'}
OF_MATERIALS = {'gold': ['golden', 'gold'], 'ice': ['ice', 'icy', 'frozen'], 'wood': ['wooden', 'wood'], 'stone': ['stone']}
OF_COLOURS = {'gray': ['grey'], 'purple': ['violet'], 'light blue': ['sky blue', 'pale blue']}
SIZES = {'small': ['small', 'tiny', 'little'], 'big': ['big', 'large', 'huge', 'giant']}
ADJECTIVES = ['cute', 'nice', 'beautiful', 'pretty', 'lovely', 'funny', 'cool', 'simple', 'happy', 'shiny']
PREFIXES = ['a picture of ', 'an image of ', 'a drawing of ', 'a photo of ', 'an illustration of ', 'a painting of ', 'an icon of ', 'an emoji of ',
            'draw ', 'please draw ', 'show me ', 'i want ', 'can you draw ', 'there is ', 'picture of ', 'drawing of ', 'create ', 'this is ']
EARLY = dict(single=.71, pair=.10, trio=.01, count=.06, mixed=.01, inside=.04, hat=.06, empty=.01)
FULL = dict(single=.43, pair=.19, trio=.04, count=.10, mixed=.04, inside=.06, hat=.12, empty=.02)


def article(n):
    return ('an ' if re.match('[aeio]|u(?!ni)|hour', n) else 'a ') + n


def plural(n):
    head, of, rest = n.partition(' of ')
    words = head.split(' ')
    w = words[-1]
    if w in ('mouse', 'fish', 'blowfish', 'sheep', 'sushi', 'die', 'tooth', 'knife', 'loaf', 'box', 'christmas', 'deer', 'squid', 'salad', 'bacon',
             'spaghetti', 'shrimp', 'scissors', 'jeans', 'glasses', 'headphones', 'foot', 'blueberries', 'leaf', 'goldfish'):
        w = dict(mouse='mice', die='dice', tooth='teeth', knife='knives', loaf='loaves', box='boxes', foot='feet', leaf='leaves').get(w, w)
    elif w.endswith('man'):
        w = w[:-3] + 'men'
    elif re.search('(s|x|ch|sh|z|tomato|potato|mango)$', w):
        w += 'es'
    elif re.search('[^aeiou]y$', w):
        w = w[:-1] + 'ies'
    else:
        w += 's'
    return ' '.join(words[:-1] + [w]) + of + rest


def held_out(fraction=.05, seed=1):
    """The (thing, attribute) combinations that no training scene contains, and the number of all."""
    attributes = [f'background {c}' for c in [*BACKGROUNDS, *PLACES] if c != 'white'] + [f'count {n}' for n in COUNTS] + list(COLOURS) + MATERIALS
    of_nouns = ['small', 'big'] + [f'hat {h}' for h in HATS] + [f'inside {f}' for f in FRAMES]
    combinations = [(n, a) for n in NOUNS for a in attributes + of_nouns] + [(s, a) for s in SHAPES for a in attributes]
    return frozenset(random.Random(seed).sample(combinations, round(fraction * len(combinations)))), len(combinations)


# ---- grammar

class World:
    """Scenes without held-out combinations (training) or each with at least one (test), the same ones for the same seed.

    `plain` draws captions in one way of saying things, for tests. Every choice takes one random number, whatever it is among, so that
    `alike` can say the same of other things.
    """

    def __init__(self, seed, training=True, plain=False):
        self.random, self.training, self.plain = random.Random(seed), training, plain
        self.held, self.combinations = held_out()
        self.nouns, self.shapes, self.shuffled = [*NOUNS, *POPULAR], list(SHAPES), random.Random(seed)

    def pick(self, options, first=0.):
        """One of the options; the first one with at least the given probability."""
        u, v = self.random.random(), self.random.random()
        return options[0] if self.plain or u < first else options[int(v * len(options))]

    def odds(self, p):
        return self.random.random() < p

    def rarely(self, p):
        """What is left out where captions are plain."""
        return self.random.random() < p and not self.plain

    def thing(self, shapes=.1, tints=.42, materials=.13):
        """(noun, look): a shape always has a look, an emoji sometimes."""
        is_shape = self.odds(shapes)
        noun = self.pick_of(self.shapes if is_shape else self.nouns)
        u, look, material = self.random.random(), self.pick_of(list(COLOURS)), self.pick_of(MATERIALS)
        if u < materials:
            return noun, material
        return noun, look if is_shape or u < materials + tints else None

    def pick_of(self, options):
        return options[int(self.random.random() * len(options))]

    def words(self, noun, look=None, n=1, size=None):
        """The thing with its attributes, before the article: 'small red apple', 'apples made of gold'."""
        name, kind = self.pick([noun, *SYNONYMS.get(noun, [])], .7), self.pick(KINDS_OF.get(noun, [noun]))
        if self.rarely(.02):
            name = kind
        if n > 1:
            name = plural(name)
        before, after = [], ''
        if self.rarely(.04):
            before.append(self.pick(ADJECTIVES))
        else:
            self.pick(ADJECTIVES)
        if size:
            before.append(self.pick(SIZES[size], .5))
        u = self.random.random()
        if look in RAMPS:
            adjective = self.pick(OF_MATERIALS[look])
            if u < .5 or self.plain:
                after = f' made of {look}'
            elif u < .6:
                after = f' out of {look}'
            else:
                before.append(adjective)
        elif look:
            colour = self.pick([look, *OF_COLOURS.get(look, [])], .8)
            if u < .9 or self.plain:
                before.append(colour)
            elif u < .92:
                before.append(colour + ' colored')
            else:
                after = f' in {colour}' if u < .96 else f' painted {colour}'
        else:
            self.pick([''])
        return ' '.join([*before, name]) + after

    def one(self, noun, look=None, size=None):
        words, u = self.words(noun, look, 1, size), self.random.random()
        if u < .5 or self.plain:
            return article(words)
        return words if u < .94 else 'the ' + words if u < .97 else 'one ' + words

    def single(self):
        noun, look = self.thing()
        u, v, where, says = self.random.random(), self.random.random(), self.pick_of(list(POSITIONS)), self.random.random()
        acts, action, verb = self.rarely(.1), self.pick(ACTIONS), self.odds(.4)
        px, xy, size, after = 96, (64, 64), None, ''
        place = self.pick(OF_POSITIONS[where], .5)
        if u < .14:
            px, size = 56, 'small'
            if v < .75:
                xy, after = POSITIONS[where], ' ' + place
        elif u < .22:
            px, size = 128, 'big'
        caption = self.one(noun, look, size if not after or says < .5 or self.plain else None)
        if acts and noun in LIVING:
            caption += (' is ' if verb else ' ') + action
        return caption + after, [(noun, look, px, *xy)], [(noun, size)] if size else []

    def pair(self):
        a, b = (self.thing(.1, .32, .05) for _ in range(2))
        relation = self.pick_of(list(RELATIONS))
        p, q = RELATIONS[relation]
        said, swapped, rides = self.pick(OF_RELATIONS[relation], .35), self.odds(.5), self.odds(.6)
        if said == 'with' and b[0] in HATS:
            said = 'and'
        if relation == 'above' and b[0] in RIDEN and rides and not self.plain:
            said = 'riding'
        if said in ('next to', 'beside', 'near') and swapped:
            p, q = q, p
        return f'{self.one(*a)} {said} {self.one(*b)}', [(*a, 56, *p), (*b, 56, *q)], []

    def trio(self):
        a, b, c = (self.thing(.1, .25, .04) for _ in range(3))
        return (f'{self.one(*a)}, {self.one(*b)} and {self.one(*c)}', [(*a, 40, 24, 64), (*b, 40, 64, 64), (*c, 40, 104, 64)], [])

    def count(self):
        noun, look = self.thing(.1, .35, .08)
        n = self.pick_of(list(COUNTS))
        px, places = COUNTS[n]
        return f'{self.pick(NUMBERS[n], .7)} {self.words(noun, look, n)}'.strip(), [(noun, look, px, x, y) for x, y in places], [(noun, f'count {n}')]

    def mixed(self):
        """Several of one thing and one of another, or the other way round."""
        (a, look), b = self.thing(.1, .25, .04), self.thing(.1, .25, .04)
        n, first = 2 + self.odds(.4), self.odds(.7)
        px, places = COUNTS[n + 1]
        many, one = f'{self.pick(NUMBERS[n][:2], .8)} {self.words(a, look, n)}', self.one(*b)
        things = [(a, look)] * n + [b] if first else [b] + [(a, look)] * n
        return ' and '.join((many, one) if first else (one, many)), [(*t, px, *xy) for t, xy in zip(things, places)], [(a, f'count {n}')]

    def inside(self):
        noun, look = self.thing(0, .25, .05)
        frame, colour = self.pick_of(FRAMES), self.pick_of([c for c in COLOURS if c != 'white'])
        said = self.pick(['inside', 'in', 'within'], .4)
        return f'{self.one(noun, look)} {said} {self.one(frame, colour)}', [(frame, colour, 120, 64, 64), (noun, look, 56, 64, 64)], [(noun, f'inside {frame}')]

    def hat(self):
        noun, look = self.thing(0, .32, .08)
        hat = self.pick_of(HATS)
        said, words, after = self.pick(['wearing', 'with', 'in'], .5), self.one(noun, look), self.rarely(.08)
        it = self.pick([hat, *SYNONYMS.get(hat, [])], .8)
        return (f'{words} {said} {article(it)}' + ' on its head' * (said == 'with' and after),
                [(noun, look, 80, 64, 82), (hat, None, 48, 64, 26 + gap(noun, 80))], [(noun, f'hat {hat}')])

    def empty(self):
        """A place alone: `draft` names it."""
        return '', [], []

    def draft(self, kind):
        """A caption, a scene and the combinations that it shows."""
        u, flat, place, variant = self.random.random(), self.pick_of([b for b in BACKGROUNDS if b != 'white']), self.pick_of(PLACES), self.pick_of(range(PLACE_VARIANTS))
        caption, objects, used = getattr(self, kind)()
        colour = self.pick([flat, *OF_COLOURS.get(flat, [])], .85)
        said = self.pick(['on {a}', 'with {a}', '{b}', 'against {a}', 'on {c}', 'in front of {a}'], .4)
        in_place, v, w = self.pick(OF_PLACES[place], .4), self.random.random(), self.random.random()
        if kind == 'empty':
            background, caption = f'{place} {variant}', self.pick(PLACES_THEMSELVES[place])
        elif u < .34 or kind == 'inside' and u > .7:
            background = 'white'
            caption += ' on a white background' if kind == 'single' and v < .06 else ''
        elif u < .70:
            background, phrase = flat, f'{colour} background'
            phrase = said.format(a=article(phrase), b=phrase, c=colour)
            if said == '{b}':
                caption = f'{caption}, {phrase}' if w < .8 else f'{phrase}, {caption}'
            else:
                caption = f'{caption} {phrase}'
        else:
            background = f'{place} {variant}'
            caption = f'{caption}, {in_place}' if w > .96 else f'{in_place}, {caption}' if w > .92 else f'{caption} {in_place}'
        before = self.pick(PREFIXES)
        if self.rarely(.07):
            caption = before + caption
        if self.rarely(.07):
            caption += '.'
        used = set(used) | {(o[0], o[1]) for o in objects if o[1]}
        if background != 'white':
            used |= {(o[0], f'background {background.split(" ")[0] if background not in BACKGROUNDS else background}') for o in objects}
        return caption, dict(kind=kind, background=background, objects=objects), used

    def sample(self, mix=FULL):
        while True:
            kind, u = list(mix)[-1], self.random.random() * sum(mix.values())
            for k, p in mix.items():
                u -= p
                if u < 0:
                    kind = k
                    break
            caption, scene, used = self.draft(kind)
            objects = scene['objects']
            twins = kind in ('pair', 'hat', 'trio') and len({o[0] for o in objects}) < len(objects) or (
                kind == 'mixed' and objects[0][0] == objects[-1][0])
            hidden = any(o[0] in SHAPES and o[1] == scene['background'] for o in objects) or (
                scene['background'] == 'white' and any(o[1] == 'white' and o[0] in SHAPES for o in objects)) or (
                kind == 'inside' and objects[0][1] == objects[1][1])
            if not twins and not hidden and bool(used & self.held) != self.training:
                return caption, scene

    def alike(self, n, mix=FULL):
        """n samples of one layout and the same colours; only the things differ."""
        start, samples, mix = self.random.getstate(), [], {k: v for k, v in mix.items() if k != 'empty'}
        while len(samples) < n:
            self.random.setstate(start)
            samples.append(self.sample(mix))
            self.shuffled.shuffle(self.nouns)
            self.shuffled.shuffle(self.shapes)
        return samples

    def about(self, noun, n, mix=FULL):
        """n samples of one thing; all else differs."""
        self.nouns = [noun]
        samples = [self.sample({k: v for k, v in mix.items() if k not in ('pair', 'trio', 'mixed', 'empty')}) for _ in range(n)]
        self.nouns = [*NOUNS, *POPULAR]
        return samples

    def negatives(self, n):
        """n samples of one layout, and n of one thing: hard to tell apart."""
        return self.alike(n) + self.about(self.pick_of(list(NOUNS)), n)

    def batch(self, n, mix=FULL):
        return self.drawn([self.sample(mix) for _ in range(n)])

    @staticmethod
    def drawn(samples):
        """Captions, scenes and images, uint8 [n, S, S, 3]."""
        captions, scenes = zip(*samples)
        return list(captions), list(scenes), np.stack([render(s) for s in scenes])


def vocabulary(captions=60000):
    """What captions say: the names of things with their plurals, and the other words of that many captions. Captions have plurals of
    plurals too, which nobody asks for."""
    names = [*NOUNS, *SHAPES, *KINDS, *(word for words in SYNONYMS.values() for word in words)]
    phrases = {*names, *(plural(n) for n in names if not re.search('[^isu]s$', n.partition(' of ')[0]))}
    world = World(1)
    said = {w for _ in range(captions) for w in re.findall(r"[\w'’-]+", world.sample()[0])}
    others = said - {w for phrase in phrases for w in phrase.split(' ')}
    return sorted(phrases | {w for w in others if not re.search('[^isu]ses$', w)})
