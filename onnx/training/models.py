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
    """Pixels [N, 3, 8 H, 8 W] in 0..1 -> features [N, dim, H, W]."""

    def __init__(self, width, dim, blocks):
        super().__init__()
        w = width
        self.net = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, w // 2, 3, padding=1), nn.ReLU(),
                                 nn.Conv2d(w // 2, w, 4, 2, 1), *[Res(w) for _ in range(blocks)], nn.ReLU(), nn.Conv2d(w, dim, 1))

    def forward(self, x):
        return self.net(x * 2 - 1)


class Decoder(nn.Module):
    """Code vectors [N, dim, H, W] -> [N, channels, 8 H, 8 W] around 0.5."""

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

    def __init__(self, width=128, decoder_width=128, codes=4096, dim=32, blocks=2, grid=16, quantiser='vq'):
        super().__init__()
        self.config = dict(width=width, decoder_width=decoder_width, codes=codes, dim=dim, blocks=blocks, grid=grid, quantiser=quantiser)
        self.encoder = Encoder(width, dim if quantiser == 'vq' else codes, blocks)
        self.decoder = Decoder(decoder_width, dim, 3 if quantiser == 'vq' else 6)
        self.book = nn.Parameter(torch.randn(codes, dim) * .05)
        if quantiser == 'vq':
            self.register_buffer('keys', self.book.detach().clone())     # what features are compared with

    @torch.no_grad()
    def nearest(self, features):
        """The codes of features [N, dim], compared in fp32: in bfloat16 the nearest code would often be another."""
        lengths, twice, part = (self.keys ** 2).sum(1), 2 * self.keys.t(), 512 if features.device.type == 'cpu' else 65536
        return torch.cat([torch.addmm(lengths, p, twice, beta=-1).argmax(1) for p in features.split(part)])

    @torch.no_grad()
    def encode(self, x):
        if self.config['quantiser'] == 'gumbel':
            return self.encoder(x).argmax(1).flatten(1)
        return self.nearest(self.encoder(x).permute(0, 2, 3, 1).flatten(0, 2)).view(len(x), -1)

    def decode(self, ids):
        """Ids [N, grid * grid] -> pixels in 0..1."""
        grid = self.config['grid']
        z = F.embedding(ids.view(-1, grid, grid), self.book).permute(0, 3, 1, 2)
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
        if x.is_cuda:
            causal = mask is not None and mask.full and t > 1 and k.shape[2] == t
            y = F.scaled_dot_product_attention(q, k, v, None if causal or mask is None else mask.values.to(q.dtype), is_causal=causal)
        else:
            a = (q * (d // self.heads) ** -.5) @ k.transpose(-1, -2)
            if mask is not None:
                a = a + mask.values.to(a.dtype)
            y = a.softmax(-1) @ v
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


class Mask:
    """What to add to attention's scores; `full` says that it is the plain causal one."""

    def __init__(self, values, full):
        self.values, self.full = values, full


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


class HeadLoss(torch.autograd.Function):
    """Sum of the cross-entropies of softmax(x W' + b), computed part by part together with its gradients, so that the logits of all
    positions never exist at once: that took a sixth of a step's time on a CPU. A part `smoothing` of each target is spread evenly over
    the codes in `near`, [codes, k]."""

    @staticmethod
    def forward(ctx, x, weight, bias, target, near, smoothing, dtype):
        w, gx, gw, gb = weight.to(dtype), torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        loss, likelihood = torch.zeros((), device=x.device), torch.zeros((), device=x.device)
        part = 256 if x.device.type == 'cpu' else 16384
        for i in range(0, len(x), part):
            h, y = x[i:i + part].to(dtype), target[i:i + part]
            p = (h @ w.t()).float().add_(bias)
            p -= p.logsumexp(1, keepdim=True)
            own = p.gather(1, y[:, None])
            loss -= own.sum() * (1 - smoothing)
            likelihood -= own.sum()
            if smoothing:
                others = near[y]
                loss -= p.gather(1, others).sum() * (smoothing / others.shape[1])
            p.exp_()
            p.scatter_add_(1, y[:, None], torch.full_like(own, smoothing - 1))
            if smoothing:
                p.scatter_add_(1, others, torch.full(others.shape, -smoothing / others.shape[1], device=x.device))
            gb += p.sum(0)
            g = p.to(dtype)
            gx[i:i + part] = g @ w
            gw += g.t() @ h
        ctx.save_for_backward(gx, gw, gb)
        ctx.mark_non_differentiable(likelihood)
        return loss, likelihood

    @staticmethod
    def backward(ctx, grad, _):
        gx, gw, gb = ctx.saved_tensors
        return gx * grad, gw * grad, gb * grad, None, None, None, None


class Transformer(nn.Module):
    """DALL-E: text_len text tokens (padding position i has the id vocab + i), then grid * grid image tokens.

    With `code_dim` an image token's embedding and its row of the head are sums of ones of its own and of linear functions of its vector
    in the dVAE's codebook, shared by all codes: what is learnt about one code is learnt about those that look like it. `folded` gives
    the weights of the equal plain model.
    """

    def __init__(self, layers=6, dim=320, heads=5, vocab=2048, text_len=24, image_vocab=4096, grid=16, attention='full', code_dim=0):
        super().__init__()
        self.config = dict(layers=layers, dim=dim, heads=heads, vocab=vocab, text_len=text_len, image_vocab=image_vocab, grid=grid,
                           attention=attention, code_dim=code_dim)
        self.text_len, self.vocab, self.image_len = text_len, vocab, grid * grid
        self.text_emb, self.text_pos = nn.Embedding(vocab + text_len, dim), nn.Embedding(text_len, dim)
        self.image_emb = nn.Embedding(image_vocab, dim)
        self.row_emb, self.col_emb = nn.Embedding(grid, dim), nn.Embedding(grid, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(dim)
        self.text_head, self.image_head = nn.Linear(dim, vocab + text_len), nn.Linear(dim, image_vocab)
        initialise(self, layers)
        if code_dim:
            self.register_buffer('codes', torch.zeros(image_vocab, code_dim))
            self.code_in, self.code_out = (nn.Parameter(torch.randn(code_dim, dim) * .02 / code_dim ** .5) for _ in range(2))
        self.kinds = [sparse_kind(i, layers) if attention == 'sparse' else 'full' for i in range(layers)]
        self.register_buffer('masks', torch.stack([attention_mask(k, text_len, grid) for k in sorted(set(self.kinds))]), persistent=False)

    def mask(self, rows=slice(None), columns=slice(None)):
        """Of each layer."""
        names = sorted(set(self.kinds))
        parts = {k: Mask(self.masks[names.index(k)][rows, columns], k == 'full') for k in names}
        return [parts[k] for k in self.kinds]

    def know(self, codebook):
        """Takes the dVAE's code vectors, whitened."""
        c = codebook - codebook.mean(0)
        self.codes.copy_(c / c.std(0).clamp(min=1e-6))

    def tables(self):
        """Embeddings and head of the image tokens."""
        if not self.config['code_dim']:
            return self.image_emb.weight, self.image_head.weight
        return self.image_emb.weight + self.codes @ self.code_in, self.image_head.weight + self.codes @ self.code_out

    def folded(self):
        state = {k: v for k, v in self.state_dict().items() if k not in ('codes', 'code_in', 'code_out')}
        state['image_emb.weight'], state['image_head.weight'] = self.tables()
        return state

    @torch.no_grad()
    def fold(self):
        """The equal plain model."""
        plain = Transformer(**{**self.config, 'code_dim': 0})
        plain.load_state_dict(self.folded())
        return plain.to(self.masks.device).eval()

    def image_pos(self):
        return (self.row_emb.weight[:, None] + self.col_emb.weight).flatten(0, 1)

    def losses(self, text, image, near=None, smoothing=0., noise=0.):
        """The image loss, nats per image token and nats per text token. A part `noise` of the image tokens read are any others."""
        embedding, head = self.tables()
        read = image[:, :-1]
        if noise:
            read = torch.where(torch.rand(read.shape, device=read.device) < noise, torch.randint_like(read, len(embedding)), read)
        x = torch.cat([self.text_emb(text) + self.text_pos.weight, F.embedding(read, embedding) + self.image_pos()[:-1]], 1)
        n = x.shape[1]
        for block, mask in zip(self.blocks, self.mask(slice(n), slice(n))):
            x = block(x, mask)
        x = self.ln(x).float()
        low = torch.is_autocast_enabled() if x.is_cuda else torch.is_autocast_cpu_enabled()
        dtype = torch.bfloat16 if low else torch.float32
        with torch.autocast(x.device.type, enabled=False):
            of_image, nats = HeadLoss.apply(x[:, self.text_len - 1:].flatten(0, 1), head, self.image_head.bias, image.flatten(), near, smoothing, dtype)
            of_text, _ = HeadLoss.apply(x[:, :self.text_len - 1].flatten(0, 1), self.text_head.weight, self.text_head.bias,
                                        text[:, 1:].flatten(), None, 0., dtype)
        return of_image / image.numel(), nats / image.numel(), of_text / text[:, 1:].numel()

    def unconditional(self, n):
        return torch.arange(self.vocab, self.vocab + self.text_len, device=self.masks.device).repeat(n, 1)

    @torch.no_grad()
    def generate(self, text, temperature=1., guidance=1., seed=0, trace=None, copies=1):
        """Image ids of `copies` images a text; temperature 0 is greedy. Guided logits are u + guidance * (c - u)."""
        if self.config['code_dim']:
            return self.fold().generate(text, temperature, guidance, seed, trace, copies)
        g = torch.Generator(text.device).manual_seed(seed)
        n, t = len(text), self.text_len
        if guidance != 1:
            text = torch.cat([text, self.unconditional(n)])
        caches = [[] for _ in self.blocks]
        x, start, ids = self.text_emb(text) + self.text_pos.weight, 0, []
        for i in range(self.image_len):
            end = start + x.shape[1]
            for block, mask, cache in zip(self.blocks, self.mask(slice(start, end), slice(end)), caches):
                x = block(x, mask, cache)
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
    def __init__(self, width, dim, side):
        super().__init__()
        w = width
        self.net = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(48, w, 3, padding=1), nn.ReLU(),
                                 nn.Conv2d(w, w, 4, 2, 1), Res(w), nn.ReLU(), nn.Conv2d(w, 2 * w, 4, 2, 1),
                                 Res(2 * w), nn.ReLU())
        self.proj = nn.Linear(2 * w * (side // 16) ** 2, dim)

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
    def __init__(self, width=96, text_width=192, heads=4, layers=2, dim=192, vocab=2048, text_len=24, side=128):
        super().__init__()
        self.config = dict(width=width, text_width=text_width, heads=heads, layers=layers, dim=dim, vocab=vocab, text_len=text_len,
                           side=side)
        self.image, self.text = ImageTower(width, dim, side), TextTower(vocab, text_len, text_width, heads, layers, dim)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(10.)))
