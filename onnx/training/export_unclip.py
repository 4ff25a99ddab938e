"""Writes what `dalle export unclip` reads: config.json, the tokenizer, and the weights as safetensors (halves); and, for the tests of any
other runtime, reference tensors of those very weights, computed here in fp32.
"""
import argparse
import json
import os
import shutil

import numpy as np
import torch

import training
from bpe import Bpe
from export import PROMPTS, as_stored, write
from models import Clip
from training import images
from unclip import UNIT, Prior, UNet, ddim, guided, larger, load
from world import World

STEPS = dict(prior=25, decoder=25, upsampler=10)
GUIDANCE = dict(prior=2., decoder=2.)
PRIOR_CLAMP = 5.
UNITS = ('clip_emb', 'clip_tok_proj', 'text_feat_proj', 'text_emb_proj')   # see unit vectors, which the bundle gives as they are


def tensors(model):
    return {k: UNIT * v if k in [f'{n}.weight' for n in UNITS] else v for k, v in model.state_dict().items()}


@torch.no_grad()
def draw(clip, prior, decoder, upsampler, text, none, noise):
    """Every stage for texts, from given noise."""
    states = clip.text.states(torch.cat([text, none.expand(len(text), -1)]))
    pooled = clip.text.pooled(states)
    x = ddim(guided(prior, GUIDANCE['prior'], pooled, states), noise['prior'], STEPS['prior'], velocity=False, clamp=PRIOR_CLAMP)
    z = x * prior.clip_std + prior.clip_mean
    conditional = torch.arange(2 * len(text)) < len(text)
    small = ddim(guided(decoder, GUIDANCE['decoder'], torch.cat([z, z]), conditional, pooled, states), noise['decoder'], STEPS['decoder'],
                 velocity=True, clamp=1)
    low = larger(small, upsampler.config['size'])
    image = ddim(lambda x, t: upsampler(x, t, low), noise['upsampler'], STEPS['upsampler'], velocity=True, clamp=1)
    return dict(pooled=pooled, states=states, embedding=z, small=small, low=low, image=(image / 2 + .5).clamp(0, 1))


@torch.no_grad()
def golden(folder, clip, prior, decoder, upsampler, bpe):
    os.makedirs(folder, exist_ok=True)
    for model in (clip, prior, decoder, upsampler):
        as_stored(model)
        for b in model.buffers():
            b.data = b.data.half().float()
    text, n = torch.tensor([bpe.encode(c) for c in PROMPTS]), len(PROMPTS)
    torch.manual_seed(7)
    side = [m.config['size'] for m in (decoder, upsampler)]
    noise = dict(prior=torch.randn(n, prior.config['dim']), decoder=torch.randn(n, 3, side[0], side[0]), upsampler=torch.randn(n, 3, side[1], side[1]))
    made = draw(clip, prior, decoder, upsampler, text, torch.tensor([bpe.encode('')]), noise)
    t, conditional = torch.tensor([960, 640, 320, 0]), torch.tensor([True, True, True, False])
    pooled, states = made['pooled'][:n], made['states'][:n]
    x = images(World(5).batch(4)[2]).contiguous()
    steps = dict(step_t=t, step_conditional=conditional, step_prior=prior(noise['prior'], t, pooled, states),
                 step_decoder=decoder(noise['decoder'], t, made['embedding'], conditional, pooled, states),
                 step_upsampler=upsampler(noise['upsampler'], t, made['low']),
                 image_pixels=x, image_embedding=clip.image(x), text_ids=text)
    for k, v in {**made, **steps, **{f'noise_{k}': v for k, v in noise.items()}}.items():
        np.save(f'{folder}/{k}.npy', v.contiguous().numpy())
    with open(f'{folder}/golden.json', 'w') as f:
        json.dump(dict(prompts=PROMPTS), f, indent=1)


def main(a):
    clip = training.load(Clip, a.folder)
    prior, decoder, upsampler = load(Prior, f'{a.folder}/prior.pt'), load(UNet, f'{a.folder}/decoder.pt'), load(UNet, f'{a.folder}/upsampler.pt')
    os.makedirs(a.out, exist_ok=True)
    write(f'{a.out}/clip.safetensors', clip.state_dict())
    for name, model in (('prior', prior), ('decoder', decoder), ('upsampler', upsampler)):
        write(f'{a.out}/{name}.safetensors', tensors(model))
    for name in ('vocab.json', 'merges.txt'):
        shutil.copy(f'{a.folder}/{name}', a.out)
    c = clip.config
    unet = lambda name, m, **more: dict(file=f'{name}.safetensors', size=m.config['size'], head_size=m.config['head'], steps=STEPS[name], **more)
    config = dict(name=a.name, text=dict(lowercase=True, vocab_size=c['vocab'], length=c['text_len'], leading_space=True),
                  clip=dict(file='clip.safetensors', embedding=c['dim'], image_size=c['side']),
                  prior=dict(file='prior.safetensors', heads=prior.config['heads'], steps=STEPS['prior'], guidance=GUIDANCE['prior'], clamp=PRIOR_CLAMP),
                  decoder=unet('decoder', decoder, guidance=GUIDANCE['decoder']), upsampler=unet('upsampler', upsampler))
    with open(f'{a.out}/config.json', 'w') as f:
        json.dump(config, f, indent=1)
    if a.golden:
        golden(a.golden, clip, prior, decoder, upsampler, Bpe(a.folder, c['text_len']))


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--out', default='run/unclip')
    p.add_argument('--name', default='emoji-unclip')
    p.add_argument('--golden', help='folder for reference tensors')
    main(p.parse_args())
