"""Gives a trained dVAE a wider decoder that draws the same pictures at first; `train_dvae.py --freeze 0 --decoder-width W` then trains it.

The tokens stay what they are, so that a transformer trained on them needs nothing new. The narrow one stays as dvae-narrow.
"""
import argparse
import os

import torch

from models import Dvae
from training import checkpoint, figures, read, write

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--width', type=int, default=192)
    a = p.parse_args()
    path = checkpoint(a.folder, 'dvae')
    saved = read(path)
    if saved['config']['decoder_width'] < a.width:
        torch.manual_seed(0)
        wide = Dvae(**{**saved['config'], 'decoder_width': a.width})
        state = wide.state_dict()
        for name, old in saved['model'].items():
            new = state[name]
            if name.startswith('decoder.') and new.dim() == 4:            # what is new does not reach what was there
                new[:len(old)] = 0
            new[tuple(slice(n) for n in old.shape)] = old
        optimiser = torch.optim.AdamW(wide.parameters(), 1e-3, betas=(.9, .99), weight_decay=1e-4)
        wide.load_state_dict(state)
        os.replace(path, path.replace('dvae.', 'dvae-narrow.'))
        write(f'{a.folder}/dvae.safetensors', wide, optimiser, {**figures(saved), 'config': wide.config, 'elapsed': 0.})
        print(f'decoder of {saved["config"]["decoder_width"]} -> {a.width}')
