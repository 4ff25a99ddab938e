"""Measures the DALL·E 2 on scenes of combinations that never occur in training, by the means of evaluate.py, which know nothing of CLIP."""
import argparse
import json
import time

import numpy as np
import torch
import torch.nn.functional as F

import training
from bpe import Bpe
from classifier import Classifier
from evaluate import Judge, sheet
from export_unclip import draw
from models import Clip
from unclip import Prior, UNet, load
from world import S, World


def main(a):
    start = time.time()
    clip, classifier = (training.load(c, a.folder) for c in (Clip, Classifier))
    prior, decoder, upsampler = load(Prior, f'{a.folder}/prior.pt'), load(UNet, f'{a.folder}/decoder.pt'), load(UNet, f'{a.folder}/upsampler.pt')
    bpe = Bpe(a.folder, clip.config['text_len'])
    captions, scenes, truth = World(11, training=False, plain=True).batch(a.prompts)
    judged = Judge(classifier, World(12)).of(captions, scenes)
    none, made = torch.tensor([bpe.encode('')]), []
    small, large = decoder.config['size'], upsampler.config['size']
    for i in range(0, len(captions), a.batch):
        text = torch.tensor([bpe.encode(c) for c in captions[i:i + a.batch]])
        n = len(text)
        noise = dict(prior=torch.randn(n, prior.config['dim']), decoder=torch.randn(n, 3, small, small), upsampler=torch.randn(n, 3, large, large))
        made.append(draw(clip, prior, decoder, upsampler, text, none, noise)['image'])
    pixels = F.interpolate(torch.cat(made), (S, S), mode='bicubic', align_corners=False).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    report = dict(renderings=judged(truth.astype(np.float32) / 255), images=judged(pixels), minutes=round((time.time() - start) / 60, 1))
    with open(f'{a.folder}/{a.name}.json', 'w') as f:
        json.dump(report, f, indent=1)
    print(json.dumps(report), flush=True)
    sheet(pixels[:36], captions, f'{a.folder}/{a.name}.png')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--name', default='evaluation-unclip', help='of the files written: .json, .png')
    p.add_argument('--prompts', type=int, default=500)
    p.add_argument('--batch', type=int, default=25)
    p.add_argument('--seed', type=int, default=9)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    main(a)
