"""Copies of the checkpoints for a transfer: the averaged weights alone, those of transformer and CLIP as halves, in pieces.

`cat transformer.safetensors.* > transformer.safetensors` joins them; evaluate.py, sample.py and export.py read them as they are, training
begins anew with these weights.
"""
import argparse
import json
import os

import safetensors_io
from training import SHARED, checkpoint, figures, read, weights

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--out', required=True)
    p.add_argument('--piece', type=int, default=15 << 20, help='bytes')
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    for stage in SHARED:
        path, whole = checkpoint(a.folder, stage), f'{a.out}/{stage}.safetensors'
        if not os.path.exists(path):
            continue
        saved = read(path)
        tensors = {f'model.{k}': (v if stage == 'dvae' else v.half()).contiguous().numpy() for k, v in weights(saved).items()}
        safetensors_io.save(whole, tensors, {k: json.dumps(v) for k, v in figures(saved).items()})
        with open(whole, 'rb') as f:
            data = f.read()
        os.remove(whole)
        for i in range(0, len(data), a.piece):
            with open(f'{whole}.{i // a.piece:02}', 'wb') as f:
                f.write(data[i:i + a.piece])
        print(f'{path}: {len(data) / 1e6:.1f} MB')
