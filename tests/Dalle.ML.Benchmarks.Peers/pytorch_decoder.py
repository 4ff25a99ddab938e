"""The decoder in PyTorch with a key-value cache, random weights: the same as the other peers'.

Takes the geometry as arguments. Prints what it is; then, for every line of standard input, a number of rows, the milliseconds of a step.
"""
import math
import sys
import time

import torch
import torch.nn.functional as F

layers, dim, heads, vocabulary, capacity, first, steps, threads = map(int, sys.argv[1:9])
torch.set_num_threads(threads)
torch.manual_seed(0)


def linear(outputs, inputs):
    return torch.randn(outputs, inputs) * 0.02, torch.zeros(outputs)


def norm():
    return torch.ones(dim), torch.zeros(dim)


embedding, positions = torch.randn(vocabulary, dim) * 0.02, torch.randn(capacity, dim) * 0.02
blocks = [(norm(), linear(3 * dim, dim), linear(dim, dim), norm(), linear(4 * dim, dim), linear(dim, 4 * dim)) for _ in range(layers)]
final, head = norm(), linear(vocabulary, dim)
caches = {}


def step(ids, position, keys, values):
    """Runs an id of every row at a position and gives the next ones."""
    rows, end = len(ids), position + 1
    x = embedding[ids] + positions[position]
    for layer, (norm1, qkv, out, norm2, fc1, fc2) in enumerate(blocks):
        q, k, v = F.linear(F.layer_norm(x, (dim,), *norm1), *qkv).view(rows, 3, heads, 1, dim // heads).unbind(1)
        keys[layer][:, :, position] = k[:, :, 0]
        values[layer][:, :, position] = v[:, :, 0]
        scores = q @ keys[layer][:, :, :end].transpose(2, 3) / math.sqrt(dim // heads)
        attended = torch.softmax(scores, -1) @ values[layer][:, :, :end]
        x = x + F.linear(attended.reshape(rows, dim), *out)
        x = x + F.linear(F.gelu(F.linear(F.layer_norm(x, (dim,), *norm2), *fc1)), *fc2)
    return F.linear(F.layer_norm(x, (dim,), *final), *head).argmax(-1)


print(f'PyTorch {torch.__version__} fp32 (Debian, {torch.get_num_threads()} threads)', flush=True)
with torch.inference_mode():
    for line in sys.stdin:
        rows = int(line)
        if rows not in caches:
            shape = (rows, heads, capacity, dim // heads)
            caches[rows] = [[torch.zeros(shape) for _ in range(layers)] for _ in range(2)]
        ids = torch.arange(rows)
        begin = time.perf_counter()
        for i in range(steps):
            ids = step(ids, first + i, *caches[rows])
        print((time.perf_counter() - begin) * 1000 / steps, flush=True)
