"""Stage 1, the discrete VAE: 128 x 128 pixels to a 16 x 16 grid of tokens.

`--quantiser gumbel` is the paper's relaxed evidence lower bound (Ramesh et al. 2021, section 2.1): Gumbel-softmax whose temperature
falls to 1/16, a weight of the KL term that rises, the logit-Laplace likelihood. `--quantiser vq` (the default) takes the nearest code of
a codebook of moving averages with dead codes revived (van den Oord et al. 2017) and wins at small budgets. At the end the decoder alone
learns from frozen tokens.
"""
import math

import torch
import torch.nn.functional as F

from models import Dvae, map_pixels
from photos import add_argument, source
from training import Run, arguments, batches, images, launch, part
from world import S

class Codebook:
    """Moving averages of the features that chose each code; codes that nothing chose for a while move to a feature of the batch."""

    def __init__(self, model, run, decay=.98, patience=40):
        self.keys, self.run, self.decay, self.patience = model.keys, run, decay, patience
        self.count, self.total = torch.ones(len(self.keys), device=run.device), self.keys.clone()
        self.unused = torch.zeros_like(self.count)
        model.state = dict(count=self.count, total=self.total, unused=self.unused)           # what checkpoints keep beside the weights
        for k, v in part(run.saved or {}, 'state.').items():
            model.state[k].copy_(v)

    def update(self, features, ids, revive):
        run, keys = self.run, self.keys
        n = torch.bincount(ids, minlength=len(keys)).float()
        s = torch.zeros_like(keys).index_add_(0, ids, features)
        spare = features[torch.randint(len(features), (256,), device=features.device)] * (run.processes if run.rank == 0 else 0)
        run.average(n, s, spare)
        self.count.mul_(self.decay).add_(n, alpha=(1 - self.decay) * run.processes)
        self.total.mul_(self.decay).add_(s, alpha=(1 - self.decay) * run.processes)
        keys.copy_(self.total / (self.count[:, None] + 1e-5))
        self.unused.add_(1).mul_(n == 0)
        dead = (self.unused > self.patience).nonzero()[:256, 0]
        if revive and len(dead):
            keys[dead] = self.total[dead] = spare[:len(dead)]
            self.count[dead], self.unused[dead] = 1, 0


class VqLoss(torch.nn.Module):
    """The loss of the whole, and of the decoder alone that learns from frozen tokens, whose weights are those of the squared error, of the
    absolute error, and of the error of the steps between neighbouring pixels: medians in place of means, and edges as steep as the picture's."""

    def __init__(self, model, run, alone=(25, 10, 5)):
        super().__init__()
        self.model, self.run, self.alone, self.book = model, run, alone, Codebook(model, run)

    def forward(self, x, done, frozen):
        m = self.model
        with self.run.autocast():
            f = m.encoder(x).float().permute(0, 2, 3, 1).flatten(0, 2)
        with torch.no_grad():
            ids = m.nearest(f)
            if not frozen:
                self.book.update(f.detach(), ids, done < .6)
        if frozen:
            q, commitment = F.embedding(ids, m.book), 0.
        else:
            m.book.data.copy_(m.keys)
            e = F.embedding(ids, m.keys)
            # The sum with zero gives `book` a gradient, which DistributedDataParallel wants of every parameter.
            q, commitment = f + (e - f).detach() + 0 * F.embedding(ids, m.book), 1.25 * F.mse_loss(f, e)
        with self.run.autocast():
            grid = m.config['grid']
            y = m.decoder(q.view(len(x), grid, grid, -1).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last))
        error = y.float() - x
        mse, l1 = error.pow(2).mean(), error.abs().mean()
        if not frozen:
            return 50 * mse + 5 * l1 + commitment, dict(mse=mse)
        steps = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[:, :, 1:] - error[:, :, :-1]).abs().mean()
        of_mse, of_l1, of_steps = self.alone
        return of_mse * mse + of_l1 * l1 + of_steps * steps, dict(mse=mse, steps=steps)


class GumbelLoss(torch.nn.Module):
    def __init__(self, model, run):
        super().__init__()
        self.model, self.run = model, run

    def forward(self, x, done, frozen):
        m, codes = self.model, self.model.config['codes']
        tau = math.exp(math.log(1 / 16) * min(1, done / .7))
        with self.run.autocast():
            logits = m.encoder(x).float()
        p = F.one_hot(logits.argmax(1), codes).permute(0, 3, 1, 2).float() if frozen else F.gumbel_softmax(logits, tau, dim=1)
        z = torch.einsum('nkhw,kd->ndhw', p, m.book)
        with self.run.autocast():
            y = m.decoder(z.contiguous(memory_format=torch.channels_last))
        mu, ln_b = y.float().chunk(2, 1)
        ln_b, target = ln_b.clamp(-6, 3), map_pixels(x)
        nll = ((target.logit() - mu).abs() / ln_b.exp() + ln_b + (2 * target * (1 - target)).log()).mean()
        q = logits.log_softmax(1)
        kl = (q.exp() * (q + math.log(codes))).sum(1).mean()
        # The paper's 6.6 x KL / pixels at the end; here per token of 3 x 64 values.
        weight = 0 if frozen else 6.6 / 192 * min(1, done / .3)
        return nll + weight * kl, dict(nll=nll, kl=kl, tau=tau)


@torch.no_grad()
def validate(model, x):
    ids, mse = [], []
    for part in x.split(100):
        ids.append(model.encode(part))
        mse.append((model.decode(ids[-1]) - part).pow(2).mean((1, 2, 3)))
    p = torch.bincount(torch.cat(ids).flatten(), minlength=model.config['codes']).float()
    p, mse = p / p.sum(), torch.cat(mse)
    return dict(psnr=-10 * math.log10(mse.mean()), psnr_per_image=(-10 * mse.clamp(min=1e-6).log10()).mean().item(),
                used=(p > 0).sum().item(), perplexity=math.exp(-(p * (p + 1e-9).log()).sum()))


def main(a):
    run = Run('dvae', a)
    model = Dvae(a.width, a.decoder_width, a.codes, a.dim, a.blocks, S // 8, a.quantiser).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), a.lr, betas=(.9, .99), weight_decay=1e-4)
    run.restore(model, optimiser)
    loss = (VqLoss if a.quantiser == 'vq' else GumbelLoss)(model, run)
    trained = run.parallel(loss)
    held = images(source(a.data, 2, training=not a.data).batch(a.validation)[2], run.device)

    def pictures(seed):
        world = source(a.data, seed)
        return lambda done: [torch.from_numpy(world.batch(a.batch)[2])]

    samples = batches(run, pictures)
    frozen = False
    for done in run.steps():
        if done >= a.freeze and not frozen:
            frozen = True
            model.encoder.requires_grad_(False)
            trained = run.parallel(loss)
        # Most of the stage at a falling rate, then the decoder alone at one that falls again.
        run.done = (done - a.freeze) / (1 - a.freeze) if frozen else done / a.freeze
        run.update(trained, optimiser,
                   lambda: trained(images(next(samples)[0], run.device), done, frozen), 2.)
        run.done = done
        run.report(model, optimiser, lambda last: validate(model, held if last else held[:400]))


if __name__ == '__main__':
    p = arguments(__doc__, minutes=30, batch=32, lr=2e-3)
    add_argument(p)
    p.add_argument('--quantiser', choices=['vq', 'gumbel'], default='vq')
    p.add_argument('--freeze', type=float, default=.8, help='part of the time after which only the decoder learns')
    p.add_argument('--width', type=int, default=128)
    p.add_argument('--decoder-width', type=int, default=128)
    p.add_argument('--codes', type=int, default=4096)
    p.add_argument('--dim', type=int, default=32)
    p.add_argument('--blocks', type=int, default=2, help='residual blocks of the encoder')
    p.add_argument('--validation', type=int, default=2000, help='scenes of another seed to measure with')
    launch(main, p.parse_args())
