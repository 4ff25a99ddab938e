"""The decoder of a DALL·E in PyTorch with a key-value cache, random weights: what the benchmarks hold ours against.

Takes the geometry as arguments. For every line of standard input, a number of rows, it draws an image's tokens and prints the milliseconds of a step.
"""
import math
import sys
import time

import torch
import torch.nn.functional as F

layers, dim, heads, text_length, image_tokens, vocabulary, threads = map(int, sys.argv[1:8])
torch.set_num_threads(threads)
torch.manual_seed(0)
capacity = text_length + image_tokens


def linear(outputs, inputs):
    return torch.randn(outputs, inputs) * 0.02, torch.zeros(outputs)


def norm():
    return torch.ones(dim), torch.zeros(dim)


embedding, positions = torch.randn(vocabulary, dim) * 0.02, torch.randn(capacity, dim) * 0.02
blocks = [(norm(), linear(3 * dim, dim), linear(dim, dim), norm(), linear(4 * dim, dim), linear(dim, 4 * dim)) for _ in range(layers)]
final, head = norm(), linear(vocabulary, dim)


def step(ids, start, keys, values):
    """Runs ids [rows, sequence] from position start on and gives the logits of the last one."""
    rows, sequence = ids.shape
    end = start + sequence
    x = embedding[ids] + positions[start:end]
    mask = torch.full((sequence, end), -math.inf).triu(start + 1)
    for layer, (norm1, qkv, out, norm2, fc1, fc2) in enumerate(blocks):
        q, k, v = F.linear(F.layer_norm(x, (dim,), *norm1), *qkv).view(rows, sequence, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        keys[layer][:, :, start:end] = k
        values[layer][:, :, start:end] = v
        scores = q @ keys[layer][:, :, :end].transpose(2, 3) / math.sqrt(dim // heads)
        attended = torch.softmax(scores + mask if sequence > 1 else scores, -1) @ values[layer][:, :, :end]
        x = x + F.linear(attended.transpose(1, 2).reshape(rows, sequence, dim), *out)
        x = x + F.linear(F.gelu(F.linear(F.layer_norm(x, (dim,), *norm2), *fc1)), *fc2)
    return F.linear(F.layer_norm(x[:, -1], (dim,), *final), *head)


with torch.inference_mode():
    for line in sys.stdin:
        rows = int(line)
        shape = (rows, heads, capacity, dim // heads)
        keys, values = ([torch.zeros(shape) for _ in range(layers)] for _ in range(2))
        ids = step(torch.zeros(rows, text_length, dtype=torch.long), 0, keys, values).argmax(-1, keepdim=True)
        begin = time.perf_counter()
        for i in range(image_tokens - 1):
            ids = step(ids, text_length + i, keys, values).argmax(-1, keepdim=True)
        print((time.perf_counter() - begin) * 1000 / (image_tokens - 1), flush=True)
