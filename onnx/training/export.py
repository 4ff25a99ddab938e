"""Writes what `dalle export dalle` reads: config.json, the tokenizer, and the weights as safetensors (halves); and, for the tests of any
other runtime, reference tensors of those very weights, computed here in fp32.
"""
import argparse
import json
import os
import shutil

import numpy as np
import torch

import safetensors_io
from bpe import Bpe
from models import Clip, Dvae, Transformer
from training import images, load
from world import World, vocabulary

PROMPTS = ['a cat', 'a yellow star on a black background', 'three bananas', 'A frog to the left of a pig']
GUIDANCE = 1.5
FULL = ('encoder.conv_out.weight', 'encoder.conv_out.bias')                # as halves they would pick other codes


def dvae_tensors(v):
    """Space-to-depth becomes part of the first convolution; the comparison with the codebook becomes the last one."""
    e, c = v.encoder.net, v.config
    w = e[1].weight                                                       # [C, 3 * 4 * 4, 3, 3] -> [C, 3, 12, 12]
    w = w.view(len(w), 3, 4, 4, 3, 3).permute(0, 1, 4, 2, 5, 3).reshape(len(w), 3, 12, 12)
    t = {'encoder.conv_in.weight': w, 'encoder.conv_in.bias': e[1].bias,
         'encoder.down.weight': e[3].weight, 'encoder.down.bias': e[3].bias}
    for i in range(c['blocks']):
        t.update({f'encoder.res{i}.{n}': p for n, p in e[4 + i].named_parameters()})
    out, last = e[5 + c['blocks']], {}
    if c['quantiser'] == 'vq':
        t['encoder.conv_out.weight'] = (2 * v.keys @ out.weight[:, :, 0, 0])[:, :, None, None]
        t['encoder.conv_out.bias'] = 2 * v.keys @ out.bias - (v.keys ** 2).sum(1)
    else:
        t['encoder.conv_out.weight'], t['encoder.conv_out.bias'] = out.weight, out.bias
        last = {f'net.10.{k}': p[:48] for k, p in v.decoder.net[10].named_parameters()}    # the means; the scales are for training
    t['decoder.codebook.weight'] = v.book
    t.update({f'decoder.{k}': p for k, p in {**v.decoder.state_dict(), **last}.items()})
    return t


def write(path, tensors):
    arrays = {k: p.detach().contiguous().numpy().astype(np.float32 if k in FULL else np.float16) for k, p in tensors.items()}
    safetensors_io.save(path, arrays)
    print(f'{path}: {os.path.getsize(path) / 1e6:.1f} MB, {sum(a.size for a in arrays.values()):,} parameters')


def as_stored(model):
    """Rounds the weights to those that the file holds."""
    for p in model.parameters():
        p.data = p.data.half().float()


@torch.no_grad()
def golden(folder, dvae, transformer, clip, bpe):
    os.makedirs(folder, exist_ok=True)
    for part in (dvae.encoder.net[:5 + dvae.config['blocks']], dvae.decoder, transformer, clip):
        as_stored(part)
    dvae.book.data = dvae.book.data.half().float()
    text = torch.tensor([bpe.encode(c) for c in PROMPTS])
    tensors, steps = dict(text_ids=text), [*range(0, transformer.image_len, 16), transformer.image_len - 1]
    for name, guidance in (('greedy', 1.), ('guided', GUIDANCE)):
        trace = []
        ids = transformer.generate(text, 0, guidance, trace=trace)
        logits = torch.stack([trace[i] for i in steps], 1)                # of all steps they would be 17 MB
        tensors.update({f'{name}_logits': logits, f'{name}_ids': ids, f'{name}_pixels': dvae.decode(ids)})
    x = images(World(5).batch(4)[2]).contiguous()
    ids = dvae.encode(x)
    tensors.update(prefill_logits=tensors['greedy_logits'][:, 0], image_pixels=x, image_ids=ids, image_reconstruction=dvae.decode(ids))
    tensors.update(clip_text=clip.text(text), clip_image=clip.image(torch.cat([tensors['greedy_pixels'], x])))
    tensors['clip_scores'] = clip.logit_scale.exp().clamp(max=100) * tensors['clip_text'] @ tensors['clip_image'].t()
    for k, v in tensors.items():
        np.save(f'{folder}/{k}.npy', v.numpy())
    with open(f'{folder}/golden.json', 'w') as f:
        json.dump(dict(prompts=PROMPTS, guidance=GUIDANCE, logit_steps=steps, clip_images='4 greedy_pixels, then 4 image_pixels'), f, indent=1)


def main(a):
    dvae, transformer, clip = (load(c, a.folder) for c in (Dvae, Transformer, Clip))
    transformer = transformer.fold()
    os.makedirs(a.out, exist_ok=True)
    write(f'{a.out}/dvae.safetensors', dvae_tensors(dvae))
    write(f'{a.out}/transformer.safetensors', transformer.state_dict())
    write(f'{a.out}/clip.safetensors', clip.state_dict())
    for name in ('vocab.json', 'merges.txt'):
        shutil.copy(f'{a.folder}/{name}', a.out)
    if not a.data:
        with open(f'{a.out}/words.txt', 'w', encoding='utf8') as f:
            f.writelines(f'{w}\n' for w in vocabulary())
    c = transformer.config
    config = dict(name=a.name, **({} if a.data else dict(words='words.txt')), image_size=8 * c['grid'], grid=c['grid'], image_vocab=c['image_vocab'],
                  text=dict(lowercase=True, vocab_size=c['vocab'], length=c['text_len'], leading_space=True),
                  transformer=dict(file='transformer.safetensors', layers=c['layers'], dim=c['dim'], heads=c['heads'],
                                   sparse_attention=c['attention'] == 'sparse'),
                  dvae=dict(file='dvae.safetensors', code_dim=dvae.config['dim'], logit_laplace=dvae.config['quantiser'] == 'gumbel'),
                  clip=dict(file='clip.safetensors', embedding=clip.config['dim']),
                  sampling=dict(temperature=a.temperature, guidance=a.guidance, candidates=a.candidates))
    with open(f'{a.out}/config.json', 'w') as f:
        json.dump(config, f, indent=1)
    if a.golden:
        golden(a.golden, dvae, transformer, clip, Bpe(a.folder, c['text_len']))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--out', default='run/model')
    p.add_argument('--name', default='emoji-128')
    p.add_argument('--data', metavar='FOLDER', help='the images that it learnt from, if not the world, whose words go into the model')
    p.add_argument('--temperature', type=float, default=.5, help='defaults of the model, as evaluate.py found them best: temperature,')
    p.add_argument('--guidance', type=float, default=1.2, help='guidance,')
    p.add_argument('--candidates', type=int, default=8, help='candidates of an image')
    p.add_argument('--golden', help='folder for reference tensors')
    main(p.parse_args())
