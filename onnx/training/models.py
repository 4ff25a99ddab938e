"""The three networks: discrete VAE, transformer and CLIP. Sizes are attributes of `config`, which checkpoints carry."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Res(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        nn.init.zeros_(self.b.weight)
        nn.init.zeros_(self.b.bias)

    def forward(self, x):
        return x + self.b(F.relu(self.a(F.relu(x))))


class Encoder(nn.Module):
    """Pixels [N, 3, 64, 64] in 0..1 -> features [N, dim, 8, 8]."""

    def __init__(self, width, dim):
        super().__init__()
        w = width
        self.net = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, w // 2, 3, padding=1), nn.ReLU(),
                                 nn.Conv2d(w // 2, w, 4, 2, 1), Res(w), Res(w), Res(w), nn.ReLU(), nn.Conv2d(w, dim, 1))

    def forward(self, x):
        return self.net(x * 2 - 1)


class Decoder(nn.Module):
    """Code vectors [N, dim, 8, 8] -> [N, channels, 64, 64] around 0.5."""

    def __init__(self, width, dim, channels=3):
        super().__init__()
        w, h = width, width // 2
        self.net = nn.Sequential(nn.Conv2d(dim, w, 3, padding=1), Res(w), Res(w), Res(w), nn.ReLU(),
                                 nn.Conv2d(w, 4 * h, 1), nn.PixelShuffle(2), Res(h), Res(h), nn.ReLU(),
                                 nn.Conv2d(h, 16 * channels, 3, padding=1), nn.PixelShuffle(4))

    def forward(self, z):
        return self.net(z) + .5


class Dvae(nn.Module):
    """Both quantisers pick the code of the highest logit, so that either runs as the same graph."""

    def __init__(self, width=128, decoder_width=128, codes=2048, dim=32, quantiser='vq'):
        super().__init__()
        self.config = dict(width=width, decoder_width=decoder_width, codes=codes, dim=dim, quantiser=quantiser)
        self.encoder = Encoder(width, dim if quantiser == 'vq' else codes)
        self.decoder = Decoder(decoder_width, dim, 3 if quantiser == 'vq' else 6)
        self.book = nn.Parameter(torch.randn(codes, dim) * .05)
        if quantiser == 'vq':
            self.register_buffer('keys', self.book.detach().clone())     # what features are compared with

    def logits(self, x):
        f = self.encoder(x).float()
        if self.config['quantiser'] == 'gumbel':
            return f
        with torch.autocast(x.device.type, enabled=False):                # in bfloat16 the nearest code would often be another
            return 2 * F.conv2d(f, self.keys[:, :, None, None]) - (self.keys ** 2).sum(1)[:, None, None]

    @torch.no_grad()
    def encode(self, x):
        return self.logits(x).argmax(1).flatten(1)

    def decode(self, ids):
        """Ids [N, 64] -> pixels in 0..1."""
        z = F.embedding(ids.view(-1, 8, 8), self.book).permute(0, 3, 1, 2)
        y = self.decoder(z.contiguous(memory_format=torch.channels_last)).float()
        return (y if y.shape[1] == 3 else unmap_pixels(y[:, :3].sigmoid())).clamp(0, 1)


# DALL-E's logit-Laplace likelihood (Ramesh et al. 2021, appendix A.3): its support is the open unit interval.
EPSILON = .1


def map_pixels(x):
    return (1 - 2 * EPSILON) * x + EPSILON


def unmap_pixels(x):
    return (x - EPSILON) / (1 - 2 * EPSILON)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x, mask=None, cache=None):
        b, t, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = k, v
        a = (q * (d // self.heads) ** -.5) @ k.transpose(-1, -2)
        if mask is not None:
            a = a + mask.to(a.dtype)
        x = x + self.proj((a.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


def initialise(model, layers):
    for name, p in model.named_parameters():
        if p.dim() == 2:
            nn.init.normal_(p, 0, .02 / math.sqrt(2 * layers) if name.endswith(('proj.weight', 'fc2.weight')) else .02)
        elif name.endswith('.bias'):
            nn.init.zeros_(p)


def sparse_kind(layer, layers):
    """The paper's order: row, column, row, row, ... and a convolutional last layer."""
    return 'column' if layer % 4 == 1 else 'convolutional' if layer == layers - 1 else 'row'


def attention_mask(kind, text, grid, reach=5):
    """What each position may attend to: all of the text before it, and of the image what `kind` says."""
    n = text + grid * grid
    allowed = torch.ones(n, n).tril().bool()
    i = torch.arange(grid * grid)
    row, column = i // grid, i % grid
    if kind == 'row':                                                    # as many positions back as a row has
        image = i[:, None] - i <= grid
    elif kind == 'column':
        image = column[:, None] == column
    elif kind == 'convolutional':
        image = (row[:, None] - row <= reach) & ((column[:, None] - column).abs() <= reach)
    else:
        image = torch.ones(len(i), len(i)).bool()
    allowed[text:, text:] &= image
    return torch.full((n, n), -1e4).masked_fill(allowed, 0)


class Transformer(nn.Module):
    """DALL-E: text_len text tokens (padding position i has the id vocab + i), then grid * grid image tokens."""

    def __init__(self, layers=6, dim=384, heads=6, vocab=2048, text_len=24, image_vocab=2048, grid=8, attention='full'):
        super().__init__()
        self.config = dict(layers=layers, dim=dim, heads=heads, vocab=vocab, text_len=text_len, image_vocab=image_vocab, grid=grid,
                           attention=attention)
        self.text_len, self.vocab, self.image_len = text_len, vocab, grid * grid
        self.text_emb, self.text_pos = nn.Embedding(vocab + text_len, dim), nn.Embedding(text_len, dim)
        self.image_emb = nn.Embedding(image_vocab, dim)
        self.row_emb, self.col_emb = nn.Embedding(grid, dim), nn.Embedding(grid, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(dim)
        self.text_head, self.image_head = nn.Linear(dim, vocab + text_len), nn.Linear(dim, image_vocab)
        initialise(self, layers)
        kinds = [sparse_kind(i, layers) if attention == 'sparse' else 'full' for i in range(layers)]
        self.register_buffer('masks', torch.stack([attention_mask(k, text_len, grid) for k in kinds]), persistent=False)

    def image_pos(self):
        return (self.row_emb.weight[:, None] + self.col_emb.weight).flatten(0, 1)

    def forward(self, text, image):
        """Image logits for every image token and text logits for text tokens 1.. ."""
        x = torch.cat([self.text_emb(text) + self.text_pos.weight, self.image_emb(image[:, :-1]) + self.image_pos()[:-1]], 1)
        n = x.shape[1]
        for block, mask in zip(self.blocks, self.masks):
            x = block(x, mask[:n, :n])
        x = self.ln(x)
        return self.image_head(x[:, self.text_len - 1:]), self.text_head(x[:, :self.text_len - 1])

    def losses(self, text, image):
        """Nats per image token and per text token."""
        image_logits, text_logits = self(text, image)
        return (F.cross_entropy(image_logits.float().flatten(0, 1), image.flatten()),
                F.cross_entropy(text_logits.float().flatten(0, 1), text[:, 1:].flatten()))

    def unconditional(self, n):
        return torch.arange(self.vocab, self.vocab + self.text_len, device=self.masks.device).repeat(n, 1)

    @torch.no_grad()
    def generate(self, text, temperature=1., guidance=1., seed=0, trace=None, copies=1):
        """Image ids of `copies` images a text; temperature 0 is greedy. Guided logits are u + guidance * (c - u)."""
        g = torch.Generator(text.device).manual_seed(seed)
        n, t = len(text), self.text_len
        if guidance != 1:
            text = torch.cat([text, self.unconditional(n)])
        caches = [[] for _ in self.blocks]
        x, start, ids = self.text_emb(text) + self.text_pos.weight, 0, []
        for i in range(self.image_len):
            end = start + x.shape[1]
            for block, mask, cache in zip(self.blocks, self.masks, caches):
                x = block(x, mask[start:end, :end], cache)
            logits, start = self.image_head(self.ln(x[:, -1])), end
            if i == 0 and copies > 1:                                     # the text is run once for all of them
                caches = [[c.repeat_interleave(copies, 0) for c in cache] for cache in caches]
                logits, n = logits.repeat_interleave(copies, 0), n * copies
            if guidance != 1:
                logits = logits[n:] + guidance * (logits[:n] - logits[n:])
            if trace is not None:
                trace.append(logits)
            k = torch.multinomial((logits / temperature).softmax(-1), 1, generator=g)[:, 0] if temperature else logits.argmax(-1)
            ids.append(k)
            x = (self.image_emb(k) + self.image_pos()[i])[:, None]
            if guidance != 1:
                x = torch.cat([x, x])
        return torch.stack(ids, 1)


class ImageTower(nn.Module):
    def __init__(self, width, dim):
        super().__init__()
        w = width
        self.net = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, w, 3, padding=1), nn.ReLU(),
                                 nn.Conv2d(w, w, 4, 2, 1), Res(w), nn.ReLU(), nn.Conv2d(w, 2 * w, 4, 2, 1),
                                 Res(2 * w), nn.ReLU())
        self.proj = nn.Linear(2 * w * 16, dim)

    def forward(self, x):
        return F.normalize(self.proj(self.net(x).flatten(1)).float(), dim=1)


class TextTower(nn.Module):
    """Bidirectional; padding tokens are ordinary tokens; mean over all positions."""

    def __init__(self, vocab, text_len, width, heads, layers, dim):
        super().__init__()
        self.text_emb, self.text_pos = nn.Embedding(vocab + text_len, width), nn.Embedding(text_len, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln, self.proj = nn.LayerNorm(width), nn.Linear(width, dim)
        initialise(self, layers)

    def states(self, text):
        """What each position means, [N, text_len, width]."""
        x = self.text_emb(text) + self.text_pos.weight
        for block in self.blocks:
            x = block(x)
        return self.ln(x)

    def pooled(self, states):
        return F.normalize(self.proj(states.mean(1)).float(), dim=1)

    def forward(self, text):
        return self.pooled(self.states(text))


class Clip(nn.Module):
    def __init__(self, width=128, text_width=192, heads=4, layers=2, dim=192, vocab=2048, text_len=24):
        super().__init__()
        self.config = dict(width=width, text_width=text_width, heads=heads, layers=layers, dim=dim, vocab=vocab, text_len=text_len)
        self.image, self.text = ImageTower(width, dim), TextTower(vocab, text_len, text_width, heads, layers, dim)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(10.)))
