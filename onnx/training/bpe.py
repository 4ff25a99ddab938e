"""Byte-level BPE in the file format of GPT-2 (vocab.json, merges.txt): trainer and encoder."""
import argparse
import json
import os
import random
import re
from collections import Counter

from photos import add_argument, source
from sprites import annotations

PATTERN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+(?!\S)|\s+|_+")


def byte_symbols():
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in keep]
    return {**{b: chr(b) for b in keep}, **{b: chr(256 + i) for i, b in enumerate(others)}}


BYTES = byte_symbols()


def words(text):
    return [''.join(BYTES[b] for b in w.encode()) for w in PATTERN.findall(text.lower())]


def merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def train(counts, size):
    """The symbols and the merges, most useful first."""
    sequences, merges = {w: list(w) for w in counts}, []
    vocab = [BYTES[b] for b in sorted(BYTES, key=lambda b: BYTES[b])]
    pairs, where = Counter(), {}
    for w, s in sequences.items():
        for p in zip(s, s[1:]):
            pairs[p] += counts[w]
            where.setdefault(p, set()).add(w)
    while len(vocab) < size:
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        if best[0] + best[1] not in vocab:
            vocab.append(best[0] + best[1])
        for w in where.pop(best):
            for p in zip(sequences[w], sequences[w][1:]):
                pairs[p] -= counts[w]
            sequences[w] = merge(sequences[w], best)
            for p in zip(sequences[w], sequences[w][1:]):
                pairs[p] += counts[w]
                where.setdefault(p, set()).add(w)
        del pairs[best]
    return vocab, merges


class Bpe:
    """`encode` begins with a space, so that a first word is the token that it is elsewhere (add_prefix_space of Hugging Face's), lower-cases,
    truncates to `length` and gives padding position i the id size + i. An empty text stays empty."""

    def __init__(self, folder, length=24, seed=0):
        with open(f'{folder}/vocab.json', encoding='utf8') as f:
            self.vocab = json.load(f)
        with open(f'{folder}/merges.txt', encoding='utf8') as f:
            self.ranks = {tuple(line.split(' ')): i for i, line in enumerate(f.read().split('\n')[1:]) if line}
        self.length, self.cache, self.random = length, {}, random.Random(seed)

    def split(self, word, dropout):
        s = list(word)
        while len(s) > 1:
            known = [p for p in zip(s, s[1:]) if p in self.ranks and (not dropout or self.random.random() >= dropout)]
            if not known:
                break
            s = merge(s, min(known, key=self.ranks.get))
        return [self.vocab[x] for x in s]

    def word(self, w, dropout):
        if dropout and self.random.random() < .5:
            return self.split(w, dropout)
        if w not in self.cache:
            self.cache[w] = self.split(w, 0)
        return self.cache[w]

    def encode(self, text, dropout=0):
        """With BPE dropout (Provilkov et al. 2020) half of the words lose each merge with that probability."""
        text = text.lstrip()
        ids = [i for w in words(text and ' ' + text) for i in self.word(w, dropout)][:self.length]
        return ids + [len(self.vocab) + i for i in range(len(ids), self.length)]


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--folder', default='run')
    p.add_argument('--size', type=int, default=2048, help='symbols, the 256 bytes included')
    p.add_argument('--captions', type=int, default=60000)
    add_argument(p)
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    world = source(a.data, 1)
    captions = [world.sample()[0] for _ in range(a.captions)]
    counts = Counter(w for c in captions for w in words(c))
    for name, (_, keywords) in annotations().items():                    # the words of other emoji, so that any prompt encodes well
        for k in [name, *keywords]:
            counts.update(words(' ' + k) if k.isascii() else [])
    vocab, merges = train(counts, a.size)
    with open(f'{a.folder}/vocab.json', 'w', encoding='utf8') as f:
        json.dump({s: i for i, s in enumerate(vocab)}, f, ensure_ascii=False)
    with open(f'{a.folder}/merges.txt', 'w', encoding='utf8') as f:
        f.write('#version: 0.2\n' + ''.join(f'{x} {y}\n' for x, y in merges))
    bpe = Bpe(a.folder, length=256)
    lengths = sorted(sum(i < a.size for i in bpe.encode(c)) for c in captions[:5000])
    print(f'{len(vocab)} symbols, {len(merges)} merges; a caption has {sum(lengths) / len(lengths):.1f} tokens, at most {lengths[-1]}')
