"""unCLIP (Ramesh et al. 2022), a stage at a time: `--stage prior`, `decoder`, `upsampler`, in any order. They share the tokenizer and the
CLIP of the folder (bpe.py, train_clip.py), which stay as they are.

The prior predicts the clean embedding, the UNets the velocity, with min-SNR weights (Hang et al. 2023). One text in ten is left out, in
the decoder with the image embedding, so that there is guidance; of another tenth the decoder sees the embedding alone.
"""
import torch

from bpe import Bpe
from models import Clip
from training import Run, arguments, images, launch, load
from unclip import TIMESTEPS, Averaged, Prior, UNet, larger, mix, signal, smaller
from world import FULL, World

DROPPED = .1
MIN_SNR = 5
NOISE = .1                                                               # on what the upsampler enlarges, as a decoder is not perfect


class Samples:
    """Images of the world, with CLIP's view of them and of their captions."""

    def __init__(self, clip, bpe, run):
        self.clip, self.bpe, self.run = clip, bpe, run
        self.none = torch.tensor([bpe.encode('')], device=run.device)

    @torch.no_grad()
    def batch(self, world, n, dropped=0.):
        captions, _, pixels = world.batch(n, FULL)
        x = images(pixels, self.run.device)
        text = torch.tensor([self.bpe.encode(c, .1 if dropped else 0) for c in captions], device=x.device)
        u = torch.rand(n, device=x.device)
        states = self.clip.text.states(torch.where((u < 2 * dropped)[:, None], self.none, text))
        return dict(x=x * 2 - 1, z=self.clip.image(x), pooled=self.clip.text.pooled(states), states=states, conditional=u >= dropped)


class Loss(torch.nn.Module):
    """`losses[stage]` of a batch at timesteps t."""

    def __init__(self, network, stage, run):
        super().__init__()
        self.network, self.stage, self.run = network, stage, run
        self.alpha = signal().to(run.device)

    def forward(self, b, t):
        return getattr(self, self.stage)(self.network, b, t)

    def prior(self, network, b, t):
        z = (b['z'] - network.clip_mean) / network.clip_std
        with self.run.autocast():
            y = network(mix(t, z, torch.randn_like(z), self.alpha)[0], t, b['pooled'], b['states'])
        loss = (y - z).pow(2).mean()
        return loss, dict(error=loss)

    def decoder(self, network, b, t):
        return self.image(network, smaller(b['x'], network.config['size']), t, b['z'], b['conditional'], b['pooled'], b['states'])

    def upsampler(self, network, b, t):
        size = network.config['size']
        x = smaller(b['x'], size)
        low = smaller(x, size // 2)
        low = low + NOISE * torch.rand(len(x), 1, 1, 1, device=x.device) * torch.randn_like(low)
        return self.image(network, x, t, larger(low, size))

    def image(self, network, x, t, *conditions):
        noisy, velocity = mix(t, x, torch.randn_like(x), self.alpha)
        with self.run.autocast():
            y = network(noisy.contiguous(memory_format=torch.channels_last), t, *conditions)
        snr = (self.alpha / (1 - self.alpha))[t].float()
        error = (y - velocity).pow(2).mean((1, 2, 3))
        return (error * snr.clamp(max=MIN_SNR) / (snr + 1)).mean(), dict(error=error.mean())


def network(a, clip):
    c, sizes = clip.config, [int(m) for m in a.multiples.split(',')] if a.multiples else None
    text = dict(dim=c['dim'], text_width=c['text_width'])
    if a.stage == 'prior':
        return Prior(a.width or 256, a.layers, a.heads, text_len=c['text_len'], **text)
    if a.stage == 'decoder':
        return UNet(32, a.width or 64, sizes or (1, 2, 3), a.blocks, **text)
    return UNet(64, a.width or 32, sizes or (1, 2, 3, 4), a.blocks)


def main(a):
    run = Run(a.stage, a)
    clip = load(Clip, a.folder, run.device)
    samples = Samples(clip, Bpe(a.folder, clip.config['text_len'], run.seed()), run)
    first = network(a, clip)
    if a.stage == 'prior' and not run.saved:
        world = World(1)
        z = torch.cat([samples.batch(world, 50)['z'] for _ in range(max(2, a.statistics // 50))])
        first.clip_mean.copy_(z.mean(0))
        first.clip_std.copy_(z.std(0).clamp(min=1e-3))
    model = Averaged(first.to(memory_format=torch.channels_last))
    optimiser = torch.optim.AdamW(model.network.parameters(), a.lr, betas=(.9, .99), weight_decay=.01)
    run.restore(model, optimiser)
    trained, world = run.parallel(Loss(model.network, a.stage, run)), World(run.seed())
    tests = {name: samples.batch(World(s, training), a.validation) for name, s, training in (('seen', 2, True), ('held-out', 3, False))}
    times = torch.arange(a.validation, device=run.device) * TIMESTEPS // a.validation
    judge = Loss(model.average, a.stage, run)

    def validate(last):
        with torch.random.fork_rng():                                     # the same noise each time
            torch.manual_seed(0)
            return {name: judge(b, times)[1]['error'].item() for name, b in tests.items()}

    torch.manual_seed(run.seed() % 2 ** 63)
    for _ in run.steps():
        run.update(trained, optimiser, lambda: trained(
            samples.batch(world, a.batch, DROPPED), torch.randint(TIMESTEPS, (a.batch,), device=run.device)))
        model.update(run.step)
        run.report(model, optimiser, validate)


if __name__ == '__main__':
    p = arguments(__doc__, minutes=60, batch=32, lr=1e-3)
    p.add_argument('--stage', choices=['prior', 'decoder', 'upsampler'], required=True)
    p.add_argument('--width', type=int, help='of the prior 256, channels of the decoder 64, of the upsampler 32')
    p.add_argument('--layers', type=int, default=4, help='of the prior')
    p.add_argument('--heads', type=int, default=4, help='of the prior')
    p.add_argument('--multiples', help='of the channels, a level each: 1,2,3 of the decoder, 1,2,3,4 of the upsampler')
    p.add_argument('--blocks', type=int, default=1, help='of a level of the UNets')
    p.add_argument('--statistics', type=int, default=50000, help='images that the embeddings\' means and deviations are those of')
    p.add_argument('--validation', type=int, default=200, help='scenes to measure with, of seen and of held-out combinations each')
    launch(main, p.parse_args())
