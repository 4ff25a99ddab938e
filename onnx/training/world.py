"""The emoji world: a grammar that makes (caption, scene) pairs, and a renderer for 64 x 64 images.

Sizes and places of sprites share the alignment of the 8 x 8 token grid wherever they can, so that one codebook entry serves many
scenes. Combinations of a thing and an attribute that `held_out` names never occur in training.
"""
import functools
import random
import re

import numpy as np
from PIL import Image

from sprites import NOUNS, SHAPES, SYNONYMS, atlas

S = 64
COLOURS = {'red': (220, 40, 40), 'orange': (245, 140, 30), 'yellow': (250, 215, 50), 'green': (50, 165, 70),
           'blue': (45, 100, 220), 'purple': (140, 60, 180), 'pink': (245, 130, 180), 'brown': (130, 80, 45),
           'black': (25, 25, 25), 'gray': (140, 140, 140), 'white': (255, 255, 255)}
BACKGROUNDS = [c for c in COLOURS if c != 'white']
TINTS = [c for c in COLOURS if c not in ('white', 'black', 'gray')] + ['grayscale']
# Colours of a material from its darkest to its brightest; `grain` gives it a texture.
MATERIALS = {'gold': [(90, 55, 0), (225, 165, 20), (255, 235, 120)], 'ice': [(60, 130, 190), (165, 220, 250), (245, 253, 255)],
             'wood': [(70, 40, 20), (175, 115, 65), (225, 175, 120)], 'stone': [(60, 60, 65), (135, 135, 140), (205, 205, 205)]}
COUNTS = {2: (28, [(16, 32), (48, 32)]),
          3: (28, [(32, 16), (16, 48), (48, 48)]),
          4: (28, [(16, 16), (48, 16), (16, 48), (48, 48)]),
          5: (20, [(12, 12), (52, 12), (32, 32), (12, 52), (52, 52)]),
          6: (20, [(x, y) for y in (20, 44) for x in (12, 32, 52)]),
          9: (20, [(x, y) for y in (12, 32, 52) for x in (12, 32, 52)])}
WORDS = {2: 'two', 3: 'three', 4: 'four', 5: 'five', 6: 'six', 9: 'nine'}
POSITIONS = {'on the left': (16, 32), 'on the right': (48, 32), 'at the top': (32, 16), 'at the bottom': (32, 48),
             'in the top left corner': (16, 16), 'in the top right corner': (48, 16),
             'in the bottom left corner': (16, 48), 'in the bottom right corner': (48, 48)}
RELATIONS = {'to the left of': ((16, 32), (48, 32)), 'to the right of': ((48, 32), (16, 32)),
             'above': ((32, 16), (32, 48)), 'below': ((32, 48), (32, 16)), 'next to': ((16, 32), (48, 32))}
FRAMES = ['circle', 'square']
HATS = ['top hat', 'crown']
PREFIXES = ['a picture of ', 'an image of ', 'a drawing of ']
EARLY = dict(single=.80, pair=.05, count=.07, inside=.05, hat=.03)
FULL = dict(single=.50, pair=.20, count=.15, inside=.08, hat=.07)


def article(n):
    return ('an ' if re.match('[aeio]|u(?!ni)|hour', n) else 'a ') + n


def plural(n):
    head, of, rest = n.partition(' of ')
    words = head.split(' ')
    w = words[-1]
    if w in ('mouse', 'fish', 'blowfish', 'sheep', 'sushi', 'die', 'tooth', 'knife', 'loaf', 'box', 'christmas'):
        w = dict(mouse='mice', die='dice', tooth='teeth', knife='knives', loaf='loaves', box='boxes').get(w, w)
    elif w.endswith('man'):
        w = w[:-3] + 'men'
    elif re.search('(s|x|ch|sh|z|tomato)$', w):
        w += 'es'
    elif re.search('[^aeiou]y$', w):
        w = w[:-1] + 'ies'
    else:
        w += 's'
    return ' '.join(words[:-1] + [w]) + of + rest


def held_out(fraction=.05, seed=1):
    """The (thing, attribute) combinations that no training scene contains, and the number of all."""
    attributes = [f'background {c}' for c in BACKGROUNDS] + [f'count {n}' for n in COUNTS]
    of_nouns = ['small', 'big'] + [f'hat {h}' for h in HATS] + [f'inside {f}' for f in FRAMES] + TINTS + list(MATERIALS)
    combinations = [(n, a) for n in NOUNS for a in attributes + of_nouns]
    combinations += [(s, a) for s in SHAPES for a in attributes + BACKGROUNDS + list(MATERIALS)]
    return frozenset(random.Random(seed).sample(combinations, round(fraction * len(combinations)))), len(combinations)


# ---- rendering

@functools.cache
def sprite(noun, px):
    """Premultiplied RGBA in 0..1, [px, px, 4]."""
    v = atlas()[noun].astype(np.float32)
    v[..., :3] *= v[..., 3:] / 255
    return np.asarray(Image.fromarray((v + .5).astype(np.uint8), 'CMYK').resize((px, px), Image.BOX), np.float32) / 255


@functools.cache
def grain(material, px):
    """Brightness that a material adds to what is made of it."""
    x, y = np.meshgrid(np.arange(px), np.arange(px))
    if material == 'wood':
        return .12 * np.sign(np.sin(y * np.pi / 3))
    if material == 'stone':
        return np.random.RandomState(7).choice([-.15, 0, .15], (px // 4 + 1, px // 4 + 1)).repeat(4, 0).repeat(4, 1)[:px, :px]
    return .2 * (((x + y) // 6) % 3 == 0) if material == 'gold' else .15 * (((x - y) // 5) % 4 == 0)


@functools.lru_cache(4096)
def dressed(noun, look, px):
    """The sprite in its tint or material; a shape takes the plain colour."""
    v = sprite(noun, px)
    if look is None:
        return v
    v, a = v.copy(), v[..., 3:]
    grey = v[..., :3] @ np.array([.3, .59, .11], np.float32)
    if look == 'grayscale':
        v[..., :3] = grey[..., None]
    elif look in MATERIALS:
        ramp = np.array(MATERIALS[look], np.float32) / 255
        light = (grey / np.maximum(a[..., 0], 1e-3) * (.55 if noun in SHAPES else .8) + .1 + grain(look, px)).clip(0, 1)
        v[..., :3] = np.stack([np.interp(light, (0, .5, 1), ramp[:, i]) for i in range(3)], -1) * a
    else:
        c = np.array(COLOURS[look], np.float32) / 255
        v[..., :3] = c * a if noun in SHAPES else np.clip(c * a * .25 + grey[..., None] * (c * .9 + .1) * .95, 0, a)
    return v


def render(scene):
    """uint8 RGB [S, S, 3]."""
    image = np.empty((S, S, 3), np.float32)
    image[:] = np.array(COLOURS[scene['background']], np.float32) / 255
    for noun, look, px, x, y in scene['objects']:
        v = dressed(noun, look, px)
        x, y = x - px // 2, y - px // 2
        left, top, right, bottom = max(0, -x), max(0, -y), min(px, S - x), min(px, S - y)
        part, place = v[top:bottom, left:right], image[y + top:y + bottom, x + left:x + right]
        place *= 1 - part[..., 3:]
        place += part[..., :3]
    return (image * 255 + .5).clip(0, 255).astype(np.uint8)


# ---- grammar

class World:
    """Scenes without held-out combinations (training) or each with at least one (test), the same ones for the same seed."""

    def __init__(self, seed, training=True, synonyms=.12, prefixes=.05):
        self.random, self.training, self.synonyms, self.prefixes = random.Random(seed), training, synonyms, prefixes
        self.held, self.combinations = held_out()
        self.nouns, self.shapes, self.shuffled = list(NOUNS), list(SHAPES), random.Random(seed)

    def word(self, noun, shown=str):
        other = self.random.random() < self.synonyms                     # always drawn: `alike` counts on it
        return shown(SYNONYMS.get(noun, noun) if other else noun)

    def thing(self, background, shapes=.12, tints=.18, materials=.06, shown=str):
        """(noun, look, words before, words, words after): a shape always has a look, an emoji sometimes."""
        r = self.random
        is_shape = r.random() < shapes
        noun = r.choice(self.shapes if is_shape else self.nouns)
        words = shown(noun) if is_shape else self.word(noun, shown)
        u = r.random()
        if u < materials:
            look = r.choice(list(MATERIALS))
            return noun, look, words, f' made of {look}'
        if is_shape or u < materials + tints:
            look = r.choice([c for c in (BACKGROUNDS if is_shape else TINTS) if c != background])
            return noun, look, f'{look} {words}', ''
        return noun, None, words, ''

    def single(self, background):
        noun, look, words, after = self.thing(background)
        px, x, y, u, attributes = 48, 32, 32, self.random.random(), []
        if u < .2:
            px, words, attributes = 28, 'small ' + words, ['small']
            if self.random.random() < .75:
                where, (x, y) = self.random.choice(list(POSITIONS.items()))
                after += ' ' + where
        elif u < .32:
            px, words, attributes = 64, self.random.choice(('big ', 'large ')) + words, ['big']
        return article(words) + after, [(noun, look, px, x, y)], [(noun, a) for a in attributes]

    def pair(self, background):
        a, b = self.thing(background, materials=0), self.thing(background, materials=0)
        relation = self.random.choice(list(RELATIONS))
        p, q = RELATIONS[relation]
        if relation == 'next to' and self.random.random() < .5:
            p, q = q, p
        return f'{article(a[2])} {relation} {article(b[2])}', [(*a[:2], 28, *p), (*b[:2], 28, *q)], []

    def count(self, background):
        noun, look, words, after = self.thing(background, tints=.1, materials=.02, shown=plural)
        n = self.random.choice(list(COUNTS))
        px, places = COUNTS[n]
        return f'{WORDS[n]} {words}{after}', [(noun, look, px, x, y) for x, y in places], [(noun, f'count {n}')]

    def inside(self, background):
        noun, look, words, after = self.thing(background, shapes=0, tints=.1, materials=0)
        frame, colour = self.random.choice(FRAMES), self.random.choice([c for c in BACKGROUNDS if c != background])
        return (f'{article(words)} inside {article(colour)} {frame}', [(frame, colour, 60, 32, 32), (noun, look, 28, 32, 32)],
                [(noun, f'inside {frame}')])

    def hat(self, background):
        hat = self.random.choice(HATS)
        noun, look, words, after = self.thing(background, shapes=0, tints=.1, materials=0)
        return (f'{article(words)} wearing {article(hat)}', [(noun, look, 40, 32, 42), (hat, None, 24, 32, 12)],
                [(noun, f'hat {hat}')])

    def draft(self, kind):
        """A caption, a scene and the combinations that it shows."""
        r = self.random
        background = r.choice(BACKGROUNDS) if r.random() < .35 else 'white'
        caption, objects, used = getattr(self, kind)(background)
        if background != 'white':
            caption += f' on {article(background)} background'
        elif kind == 'single' and r.random() < .08:
            caption += ' on a white background'
        if r.random() < self.prefixes:
            caption = r.choice(PREFIXES) + caption
        elif kind == 'single' and r.random() < .1:
            caption = re.sub(r'\b(a|an) ', '', caption)
        used = set(used) | {(o[0], o[1]) for o in objects if o[1]}
        if background != 'white':
            used |= {(o[0], f'background {background}') for o in objects}
        return caption, dict(kind=kind, background=background, objects=objects), used

    def sample(self, mix=FULL):
        while True:
            kind = self.random.choices(list(mix), list(mix.values()))[0]
            caption, scene, used = self.draft(kind)
            objects = scene['objects']
            twins = kind in ('pair', 'hat') and objects[0][0] == objects[1][0]
            if not twins and bool(used & self.held) != self.training:
                return caption, scene

    def alike(self, n, mix=FULL):
        """n samples of one layout and the same colours; only the things differ."""
        start, samples = self.random.getstate(), []
        while len(samples) < n:
            self.random.setstate(start)
            samples.append(self.sample(mix))
            self.shuffled.shuffle(self.nouns)
            self.shuffled.shuffle(self.shapes)
        return samples

    def about(self, noun, n, mix=FULL):
        """n samples of one thing; all else differs."""
        self.nouns = [noun]
        samples = [self.sample(mix) for _ in range(n)]
        self.nouns = list(NOUNS)
        return samples

    def negatives(self, n):
        """n samples of one layout, and n of one thing: hard to tell apart."""
        return self.alike(n) + self.about(self.random.choice(list(NOUNS)), n)

    def batch(self, n, mix=FULL):
        return self.drawn([self.sample(mix) for _ in range(n)])

    @staticmethod
    def drawn(samples):
        """Captions, scenes and images, uint8 [n, S, S, 3]."""
        captions, scenes = zip(*samples)
        return list(captions), list(scenes), np.stack([render(s) for s in scenes])


def vocabulary(captions=40000):
    """What captions say: the names of things with their plurals, and the other words of that many captions."""
    names = [*NOUNS, *SHAPES, *SYNONYMS.values()]
    phrases = {*names, *map(plural, names)}
    world = World(1)
    said = {w for _ in range(captions) for w in world.sample()[0].split(' ')}
    return sorted(phrases | (said - {w for phrase in phrases for w in phrase.split(' ')}))
