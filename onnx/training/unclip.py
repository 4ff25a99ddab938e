"""The networks of unCLIP (Ramesh et al. 2022, "Hierarchical text-conditional image generation with CLIP latents"): a prior from a text to
CLIP's image embedding, a decoder from that to a small image, an upsampler. Their shapes and the names of their tensors are those that
`dalle export` knows from Karlo. Sizes are attributes of `config`, which checkpoints carry.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

TIMESTEPS = 1000
UNIT = 16                                                                # brings values of a unit vector to about 1; exact in halves


def signal():
    """The part of the variance that is the image at each timestep: Nichol and Dhariwal's cosine, in float64."""
    f = torch.cos((torch.arange(TIMESTEPS + 1).double() / TIMESTEPS + .008) / 1.008 * math.pi / 2) ** 2
    return (1 - (1 - f[1:] / f[:-1]).clamp(max=.999)).cumprod(0)


def mix(t, x, noise, alpha):
    """x with noise at timesteps t, and the velocity there (Salimans and Ho 2022)."""
    a = alpha[t].float().view(-1, *[1] * (x.dim() - 1))
    return a.sqrt() * x + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * x


@torch.no_grad()
def ddim(predict, x, steps, velocity, clamp):
    """Denoises x without fresh noise (Song et al. 2020); `predict(x, t)` gives the velocity or the clean x. `steps` divides TIMESTEPS."""
    alpha, stride = signal(), TIMESTEPS // steps
    for t in range(TIMESTEPS - stride, -1, -stride):
        a, b = alpha[t].item(), alpha[t - stride].item() if t else 1.
        y = predict(x, torch.full((len(x),), t, device=x.device))
        clean = (a ** .5 * x - (1 - a) ** .5 * y if velocity else y).clamp(-clamp, clamp)
        x = b ** .5 * clean + (1 - b) ** .5 * (x - a ** .5 * clean) / (1 - a) ** .5
    return x


def guided(network, scale, *conditions):
    """u + scale * (c - u) of a network whose conditions have the unconditional rows behind the others."""
    def predict(x, t):
        c, u = network(torch.cat([x, x]), torch.cat([t, t]), *conditions).chunk(2)
        return u + scale * (c - u)
    return predict


class LayerNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.float())                                # of bfloat16 PyTorch 1.13 takes none


class GroupNorm(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x.float())


def waves(t, dim):
    angles = t.float()[:, None] * torch.exp(-math.log(10000) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    return torch.cat([angles.cos(), angles.sin()], 1)


def time_embed(dim, to):
    return nn.Sequential(nn.Linear(dim, to), nn.SiLU(), nn.Linear(to, to))


class PriorAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_qkv, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x, mask):
        n, l, w = x.shape
        q, k, v = self.c_qkv(x).view(n, l, self.heads, 3, w // self.heads).permute(3, 0, 2, 1, 4)
        a = (q @ k.transpose(-1, -2) * (w // self.heads) ** -.5 + mask.to(q.dtype)).softmax(-1)
        return self.c_proj((a @ v).transpose(1, 2).reshape(n, l, w))


class PriorBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2, self.attn = LayerNorm(width), LayerNorm(width), PriorAttention(width, heads)
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(width, 4 * width), c_proj=nn.Linear(4 * width, width)))

    def forward(self, x, mask):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp['c_proj'](F.gelu(self.mlp['c_fc'](self.ln_2(x))))


class Prior(nn.Module):
    """A causal transformer over the text's states, its embedding, the timestep, the noisy standardised image embedding and a learned
    query, whose output is the clean embedding.
    """

    def __init__(self, width=256, layers=4, heads=4, dim=192, text_width=192, text_len=24):
        super().__init__()
        self.config = dict(width=width, layers=layers, heads=heads, dim=dim, text_width=text_width, text_len=text_len)
        n = text_len + 4
        self.time_embed, self.clip_img_proj = time_embed(width, width), nn.Linear(dim, width)
        self.text_emb_proj, self.text_enc_proj = nn.Linear(dim, width), nn.Linear(text_width, width)
        self.prd_emb = nn.Parameter(torch.randn(1, 1, width) * .02)
        self.positional_embedding = nn.Parameter(torch.randn(1, n, width) * .02)
        self.transformer = nn.ModuleDict(dict(resblocks=nn.ModuleList(PriorBlock(width, heads) for _ in range(layers))))
        self.final_ln, self.out_proj = LayerNorm(width), nn.Linear(width, dim)
        self.register_buffer('clip_mean', torch.zeros(dim))
        self.register_buffer('clip_std', torch.ones(dim))
        self.register_buffer('mask', torch.full((n, n), -1e4).triu(1), persistent=False)

    def forward(self, x, t, pooled, states):
        tokens = [self.text_enc_proj(states), self.text_emb_proj(UNIT * pooled)[:, None],
                  self.time_embed(waves(t, self.config['width']))[:, None], self.clip_img_proj(x)[:, None], self.prd_emb.expand(len(x), -1, -1)]
        x = torch.cat(tokens, 1) + self.positional_embedding
        for block in self.transformer['resblocks']:
            x = block(x, self.mask)
        return self.out_proj(self.final_ln(x[:, -1])).float()


class ResBlock(nn.Module):
    def __init__(self, c, to, time, scales, resample=None):
        super().__init__()
        self.scales = scales
        self.resample = dict(half=lambda x: F.avg_pool2d(x, 2), double=lambda x: F.interpolate(x, scale_factor=2.)).get(resample, lambda x: x)
        self.in_layers = nn.Sequential(GroupNorm(32, c), nn.SiLU(), nn.Conv2d(c, to, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, 2 * to if scales else to))
        self.out_layers = nn.Sequential(GroupNorm(32, to), nn.SiLU(), nn.Identity(), nn.Conv2d(to, to, 3, padding=1))
        self.skip_connection = nn.Identity() if c == to else nn.Conv2d(c, to, 1)
        nn.init.normal_(self.out_layers[3].weight, 0, 1e-3)

    def forward(self, x, time, context):
        h = self.in_layers[2](self.resample(self.in_layers[:2](x)))
        e = self.emb_layers(time)[:, :, None, None]
        if self.scales:
            s, b = e.chunk(2, 1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + s) + b)
        else:
            h = self.out_layers(h + e)
        return self.skip_connection(self.resample(x)) + h


class Attention(nn.Module):
    def __init__(self, c, head, context):
        super().__init__()
        self.heads, self.head = c // head, head
        self.norm, self.qkv = GroupNorm(32, c), nn.Conv1d(c, 3 * c, 1)
        self.encoder_kv, self.proj_out = nn.Conv1d(context, 2 * c, 1), nn.Conv1d(c, c, 1)
        nn.init.normal_(self.proj_out.weight, 0, 1e-3)

    def forward(self, x, time, context):
        n, c, h, w = x.shape
        split = lambda v, parts: v.view(n, self.heads, parts, self.head, -1).unbind(2)
        q, k, v = split(self.qkv(self.norm(x).flatten(2)), 3)
        ck, cv = split(self.encoder_kv(context.transpose(1, 2)), 2)
        k, v = torch.cat([ck, k], 3), torch.cat([cv, v], 3)
        a = (q.transpose(2, 3) @ k * self.head ** -.5).softmax(-1)
        return x + self.proj_out((v @ a.transpose(2, 3)).reshape(n, c, h * w)).view(n, c, h, w)


class UNet(nn.Module):
    """Predicts the velocity of images. With `dim` it is the decoder, which sees CLIP's image embedding and the text; without, the
    upsampler, which sees the smaller image.
    """

    def __init__(self, size=32, channels=64, multiples=(1, 2, 3), blocks=2, head=32, dim=None, text_width=None, context=128, tokens=4):
        super().__init__()
        self.config = dict(size=size, channels=channels, multiples=tuple(multiples), blocks=blocks, head=head, dim=dim, text_width=text_width,
                           context=context, tokens=tokens)
        sees, time, c = dim is not None, 4 * channels, channels
        self.time_embed = time_embed(channels, time)
        if sees:
            self.clip_emb, self.text_feat_proj = nn.Linear(dim, time), nn.Linear(dim, time)
            self.clip_tok_proj = nn.Linear(dim, tokens * context)
            self.text_seq_proj = nn.Sequential(nn.Linear(text_width, context), LayerNorm(context))
            self.cf_param = nn.Parameter(torch.zeros(dim))

        def block(c, to, level):
            return [ResBlock(c, to, time, sees)] + ([Attention(to, head, context)] if sees and level > 0 else [])

        self.input_blocks, skips = nn.ModuleList([nn.ModuleList([nn.Conv2d(3 if sees else 6, c, 3, padding=1)])]), [c]
        for i, m in enumerate(multiples):
            for _ in range(blocks):
                self.input_blocks.append(nn.ModuleList(block(c, m * channels, i)))
                c = m * channels
                skips.append(c)
            if i < len(multiples) - 1:
                self.input_blocks.append(nn.ModuleList([ResBlock(c, c, time, sees, 'half')]))
                skips.append(c)
        self.middle_block = nn.ModuleList([ResBlock(c, c, time, sees), *([Attention(c, head, context)] if sees else []), ResBlock(c, c, time, sees)])
        self.output_blocks = nn.ModuleList()
        for i, m in reversed(list(enumerate(multiples))):
            for j in range(blocks + 1):
                layers, c = block(c + skips.pop(), m * channels, i), m * channels
                if i and j == blocks:
                    layers.append(ResBlock(c, c, time, sees, 'double'))
                self.output_blocks.append(nn.ModuleList(layers))
        self.out = nn.Sequential(GroupNorm(32, c), nn.SiLU(), nn.Conv2d(c, 3, 3, padding=1))
        nn.init.normal_(self.out[2].weight, 0, 1e-3)

    def forward(self, x, t, *conditions):
        """`conditions` are embedding, whether it counts, pooled and states of the text; of the upsampler the smaller image, enlarged."""
        time, context = self.time_embed(waves(t, self.config['channels'])), None
        if self.config['dim'] is None:
            x = torch.cat([x, conditions[0]], 1)
        else:
            z, conditional, pooled, states = conditions
            z = UNIT * torch.where(conditional[:, None], z, self.cf_param)
            time = time + self.clip_emb(z) + self.text_feat_proj(UNIT * pooled)
            tokens = self.clip_tok_proj(z).view(len(z), self.config['context'], -1).transpose(1, 2)
            context = torch.cat([tokens, self.text_seq_proj(states)], 1)
        skips = []
        for block in self.input_blocks:
            for layer in block:
                x = layer(x) if isinstance(layer, nn.Conv2d) else layer(x, time, context)
            skips.append(x)
        for layer in self.middle_block:
            x = layer(x, time, context)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], 1)
            for layer in block:
                x = layer(x, time, context)
        return self.out(x).float()


class Averaged(nn.Module):
    """A network and the moving average of its weights, with which images are made."""

    def __init__(self, network, decay=.999):
        super().__init__()
        self.config, self.decay = network.config, decay
        self.network, self.average = network, type(network)(**network.config).requires_grad_(False)
        self.average.load_state_dict(network.state_dict())

    @torch.no_grad()
    def update(self, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for a, p in zip(self.average.parameters(), self.network.parameters()):
            a.lerp_(p, 1 - decay)


def load(network, path):
    """The average of a trained network."""
    saved = torch.load(path, map_location='cpu')
    model = network(**saved['config'])
    model.load_state_dict({k[len('average.'):]: v for k, v in saved['model'].items() if k.startswith('average.')})
    return model.eval()


def smaller(x, size):
    """Images [N, 3, S, S] by the mean of squares of pixels."""
    return F.avg_pool2d(x, x.shape[-1] // size)


def larger(x, size):
    """Images in -1..1 enlarged as the upsampler sees them."""
    return F.interpolate(x.clamp(-1, 1), (size, size), mode='bicubic', align_corners=False, antialias=True)
