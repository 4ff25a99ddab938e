"""Measures the three models on scenes of combinations that never occur in training, on plain things and on tints that no training scene
gave them, and how re-ranking helps.

For every prompt `--candidates` images are drawn and scored by CLIP; of the first 1, 2, 4, ... the best is judged by means that know nothing
of CLIP: the classifier of `classifier.py` (what the things are), the pixels (background, colour, count, position), and a retrieval test
(is the true rendering nearer than those of other things in the same layout and colours).
"""
import argparse
import json
import random
import re
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from bpe import Bpe
from classifier import INDEX, Classifier, crop, things
from models import Clip, Dvae, Transformer
from sprites import NOUNS
from train_dvae import validate as reconstruction
from train_transformer import nats, tokens
from training import images, load, one_thread_each
from world import BACKGROUNDS, COLOURS, COUNTS, PLACE_VARIANTS, PLACES, POSITIONS, S, World, article, backdrop, held_out, render

DISTRACTORS = 20


def foreground(image, background):
    return np.abs(image - backdrop(background) / 255).max(-1) > .2


def background_of(image, scene):
    """Of all plain backgrounds and places, the one that is nearest where the scene has no things."""
    free = (render(scene) == backdrop(scene['background'])).all(-1)
    names = [*BACKGROUNDS, *(f'{p} {i}' for p in PLACES for i in range(PLACE_VARIANTS))]
    errors = [np.abs(image - backdrop(n) / 255)[free].mean() for n in names]
    return names[int(np.argmin(errors))].rstrip('0123456789').strip()


def true_image(scene, **changes):
    return render({**scene, **changes}).astype(np.float32) / 255


def colour_right(image, scene):
    """Of the renderings in all colours, the one in the asked colour has the nearest mean."""
    (noun, look, px, x, y), = scene['objects']
    mean = lambda im: im[foreground(im, scene['background'])].mean(0) if foreground(im, scene['background']).any() else np.zeros(3)
    looks = [t for t in COLOURS if t != scene['background']]
    candidates = np.stack([mean(true_image(scene, objects=[(noun, t, px, x, y)])) for t in looks])
    return looks[np.abs(candidates - mean(image)).sum(1).argmin()] == look


def count_right(image, scene):
    """Of the layouts of all counts, the asked one overlaps best."""
    noun, look = scene['objects'][0][:2]
    own, overlap = foreground(image, scene['background']), {}
    for n, (px, places) in [*COUNTS.items(), (1, (96, [(64, 64)]))]:
        other = foreground(true_image(scene, objects=[(noun, look, px, x, y) for x, y in places]), scene['background'])
        overlap[n] = (own & other).sum() / max(1, (own | other).sum())
    return max(overlap, key=overlap.get) == len(scene['objects'])


def position_right(image, scene):
    mask = foreground(image, scene['background'])
    centre = np.argwhere(mask).mean(0)[::-1] if mask.any() else np.zeros(2)
    places = [(S // 2, S // 2), *POSITIONS.values()]
    return places[np.abs(np.array(places) - centre).sum(1).argmin()] == tuple(scene['objects'][0][3:])


class Judge:
    """Right or wrong, for each attribute that a caption asks for."""

    def __init__(self, classifier, world):
        self.classifier, self.world = classifier, world

    def distractors(self, scene):
        """Scenes of the same layout and colours with other things."""
        w, others = self.world, []
        while len(others) < DISTRACTORS:
            swap = {o[0]: w.random.choice(w.shapes if o[0] in w.shapes else w.nouns) for o in things(scene)}
            if all(a != b for a, b in swap.items()):
                others.append(true_image(scene, objects=[(swap.get(o[0], o[0]), *o[1:]) for o in scene['objects']]))
        return np.stack(others)

    @torch.no_grad()
    def guesses(self, image, scene):
        x = torch.from_numpy(image).permute(2, 0, 1)
        return self.classifier(torch.stack([crop(x, *o[2:]) for o in things(scene)])).log_softmax(1)

    def __call__(self, caption, scene, image, others):
        named, guesses, kind = things(scene), self.guesses(image, scene), scene['kind']
        wanted = torch.tensor([INDEX[o[0]] for o in named])
        truth = [true_image(scene)]
        flat = scene['background'] in BACKGROUNDS
        either = kind == 'pair' and re.search(' (next to|beside|near|and|with) ', caption)
        if either:
            truth.append(true_image(scene, objects=[(*a[:3], *b[3:]) for a, b in zip(named, named[::-1])]))
        error = lambda v: ((np.stack(v) - image) ** 2).mean((1, 2, 3)).min()
        right = {'background' if flat else 'place': background_of(image, scene) == scene['background'].rstrip('0123456789').strip(),
                 'retrieval': error(truth) < error(list(others))}
        if either and guesses[range(2), wanted].sum() < guesses[range(2), wanted.flip(0)].sum():
            guesses = guesses.flip(0)
        right['object'] = (guesses.argmax(1) == wanted).float().mean().item()
        if kind == 'pair' and not either:
            right['relation'] = bool(guesses[range(2), wanted].sum() > guesses[range(2), wanted.flip(0)].sum())
        if flat and kind == 'single' and named[0][1] in COLOURS and named[0][1] != scene['background']:
            right['colour'] = colour_right(image, scene)
        if kind == 'hat':
            hat, _, *where = scene['objects'][1]
            right['hat'] = self.classifier(crop(torch.from_numpy(image).permute(2, 0, 1), *where)[None]).argmax().item() == INDEX[hat]
        if flat and kind == 'count':
            right['count'] = count_right(image, scene)
        if flat and kind == 'single' and named[0][2] == 56:
            right['position'] = position_right(image, scene)
        return {k: float(v) for k, v in right.items()}

    def of(self, captions, scenes):
        """A function of one picture for each scene: how many are right."""
        others = [self.distractors(s) for s in scenes]
        return lambda pictures: averages([self(*v) for v in zip(captions, scenes, pictures, others)])


def averages(rows):
    names = sorted({k for r in rows for k in r})
    return {n: [round(float(np.mean([r[n] for r in rows if n in r])), 3), sum(n in r for r in rows)] for n in names}


def start(folder):
    """In a process that draws: loads the models."""
    global drawing
    torch.set_num_threads(1)
    dvae, transformer, clip = (load(c, folder) for c in (Dvae, Transformer, Clip))
    drawing = dvae, transformer.fold(), clip


@torch.no_grad()
def draw(text, n, temperature, guidance, seed):
    dvae, transformer, clip = drawing
    x = dvae.decode(transformer.generate(text, temperature, guidance, seed, copies=n))
    scores = (clip.image(x).view(len(text), n, -1) * clip.text(text)[:, None]).sum(-1)
    return x.view(len(text), n, *x.shape[1:]).numpy(), scores.numpy()


def candidates(a, texts, chunk=2):
    """Images [prompts, candidates, 3, S, S] and CLIP scores [prompts, candidates], drawn in several processes."""
    one_thread_each()
    jobs = [(texts[i:i + chunk], a.candidates, a.temperature, a.guidance, a.seed + i) for i in range(0, len(texts), chunk)]
    with ProcessPoolExecutor(a.processes, get_context('spawn'), start, (a.folder,)) as pool:
        pixels, scores = zip(*pool.map(draw, *zip(*jobs)))
    return np.concatenate(pixels), np.concatenate(scores)


def sheet(pixels, captions, path, columns=6, scale=1):
    font = ImageFont.truetype('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', 10)
    side, height = S * scale + 6, S * scale + 38
    out = Image.new('RGB', (columns * side, -(-len(pixels) // columns) * height), (235, 235, 235))
    draw = ImageDraw.Draw(out)
    for i, (p, caption) in enumerate(zip(pixels, captions)):
        x, y = i % columns * side + 3, i // columns * height + 2
        out.paste(Image.fromarray((p * 255 + .5).astype(np.uint8)).resize((S * scale,) * 2, Image.NEAREST), (x, y))
        lines, line = [], ''
        for word in caption.split():
            if draw.textlength(f'{line} {word}', font) > side - 8:
                lines, line = [*lines, line], word
            else:
                line = f'{line} {word}'.strip()
        draw.text((x, y + S * scale + 2), '\n'.join([*lines, line]), (0, 0, 0), font)
    out.save(path)


def plot(curves, path):
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name in sorted({n for c in curves.values() for n in c}):
        axes.plot(list(curves), [c[name][0] for c in curves.values()], 'o-', label=name)
    axes.set(xscale='log', xlabel='candidates that CLIP chose from', ylabel='right', ylim=(0, 1.02))
    axes.set_xticks([int(k) for k in curves], list(curves))
    axes.grid(alpha=.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


def on_white(noun, look=None):
    """A sample, caption and scene: nothing but the thing, at the size that is not said."""
    return article(f'{look} {noun}' if look else noun), dict(kind='single', background='white', objects=[(noun, look, 96, 64, 64)])


def asked(n):
    """Up to n samples of each kind that is measured."""
    world, alone = World(11, training=False, plain=True), [(noun,) for noun in NOUNS]
    tints = [(noun, look) for noun, look in sorted(held_out()[0]) if noun in NOUNS and look in COLOURS]
    some = lambda those: [on_white(*t) for t in random.Random(5).sample(those, min(n, len(those)))]
    return {'held-out combinations': [world.sample() for _ in range(n)], 'plain things': some(alone), 'held-out tints': some(tints)}


@torch.no_grad()
def measure(a, samples, dvae, judge, bpe):
    """What is right in the best of 1, 2, 4, ... candidates; captions, the best pictures of all candidates, reconstructions."""
    captions, scenes, truth = World.drawn(samples)
    truth = truth.astype(np.float32) / 255
    judged = judge.of(captions, scenes)
    decoded = dvae.decode(dvae.encode(torch.from_numpy(truth).permute(0, 3, 1, 2))).permute(0, 2, 3, 1).numpy()
    pixels, scores = candidates(a, torch.tensor([bpe.encode(c) for c in captions]))
    best = lambda k: pixels[np.arange(len(pixels)), scores[:, :k].argmax(1)].transpose(0, 2, 3, 1)
    numbers = {'renderings': judged(truth), 'reconstructions': judged(decoded),
               'best of': {str(k): judged(best(k)) for k in (1, 2, 4, 8, 16, 32, 64) if k <= a.candidates}}
    return numbers, captions, best(a.candidates), decoded


@torch.no_grad()
def main(a):
    start = time.time()
    dvae, transformer, clip, classifier = (load(c, a.folder) for c in (Dvae, Transformer, Clip, Classifier))
    bpe = Bpe(a.folder, transformer.text_len)
    report = dict(models={n: dict(parameters=sum(p.numel() for p in m.parameters()), samples=m.info['seen'], steps=m.info['step'],
                                  minutes=round(m.info['elapsed'] / 60, 1))
                          for n, m in (('dvae', dvae), ('transformer', transformer), ('clip', clip), ('classifier', classifier))})
    report['reconstruction'] = reconstruction(dvae, images(World(2).batch(a.scenes)[2]))
    transformer = transformer.fold()
    for name, world in (('seen', World(2)), ('held-out', World(3, training=False))):
        report[f'nats, {name}'] = nats(transformer, *tokens(world, bpe, dvae, a.scenes))
    report['sampling'] = dict(temperature=a.temperature, guidance=a.guidance, prompts=a.prompts)
    print(json.dumps(report, indent=1), flush=True)

    judge = Judge(classifier, World(12))
    for name, samples in asked(a.prompts).items():
        report[name], captions, pictures, decoded = measure(a, samples, dvae, judge, bpe)
        report['minutes'] = round((time.time() - start) / 60, 1)
        print(json.dumps({name: report[name], 'minutes': report['minutes']}), flush=True)
        file = f'{a.folder}/{a.name}_{name.replace(" ", "_")}'
        with open(f'{a.folder}/{a.name}.json', 'w') as f:
            json.dump(report, f, indent=1)
        plot(report[name]['best of'], f'{file}.svg')
        sheet(pictures, captions, f'{file}.png', columns=12)
        sheet(decoded[:36], captions, f'{file}_reconstructions.png')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--name', default='evaluation', help='of the files written: .json, and for each kind of prompt .svg, .png')
    p.add_argument('--scenes', type=int, default=1000, help='for reconstruction and nats')
    p.add_argument('--prompts', type=int, default=400, help='of each kind')
    p.add_argument('--candidates', type=int, default=16)
    p.add_argument('--temperature', type=float, default=.5)
    p.add_argument('--guidance', type=float, default=1.2)
    p.add_argument('--seed', type=int, default=9)
    p.add_argument('--processes', type=int, default=2, help='that draw, with a thread each')
    a = p.parse_args()
    torch.manual_seed(a.seed)
    main(a)
