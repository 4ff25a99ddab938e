"""Draws a contact sheet of prompts, of any checkpoint, while the training goes on as well."""
import argparse
import os
import time

import torch

from bpe import Bpe
from evaluate import sheet
from models import Clip, Dvae, Transformer
from training import checkpoint, load

PROMPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'contact_sheet.txt')


@torch.no_grad()
def main(a):
    dvae, transformer = load(Dvae, a.folder, a.device), load(Transformer, a.folder, a.device).fold()
    clip = load(Clip, a.folder, a.device) if os.path.exists(checkpoint(a.folder, 'clip')) else None
    bpe = Bpe(a.folder, transformer.text_len)
    with open(a.prompts, encoding='utf8') as f:
        prompts = [line.strip() for line in f if line.strip()][:a.first]
    pictures, begun = [], time.time()
    for i in range(0, len(prompts), 4):
        text = torch.tensor([bpe.encode(p) for p in prompts[i:i + 4]], device=a.device)
        x = dvae.decode(transformer.generate(text, a.temperature, a.guidance, a.seed + i, copies=a.candidates))
        x = x.view(len(text), a.candidates, *x.shape[1:])
        best = torch.zeros(len(text), dtype=torch.long)
        if clip and a.candidates > 1:
            best = (clip.image(x.flatten(0, 1)).view(len(text), a.candidates, -1) * clip.text(text)[:, None]).sum(-1).argmax(1)
        pictures += [c[b].permute(1, 2, 0).cpu().numpy() for c, b in zip(x, best)]
    sheet(pictures, prompts, a.out, a.columns, a.scale)
    print(f'{a.out}: {len(prompts)} prompts in {time.time() - begun:.0f} s')


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--out', default='samples.png')
    p.add_argument('--prompts', default=PROMPTS, help='a file, one a line')
    p.add_argument('--first', type=int, default=1000)
    p.add_argument('--candidates', type=int, default=1)
    p.add_argument('--temperature', type=float, default=.5)
    p.add_argument('--guidance', type=float, default=1.2)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--columns', type=int, default=10)
    p.add_argument('--scale', type=int, default=1)
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    main(p.parse_args())
