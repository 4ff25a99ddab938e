"""Stage 2, the transformer over text and image tokens (Ramesh et al. 2021, section 2.2), on scenes that are drawn as it goes.

The loss is 1/8 text and 7/8 image cross-entropy. Captions are encoded with BPE dropout, and one in ten is left out, so that
classifier-free guidance has its unconditional prompt. Simple scenes dominate the first part.
"""
import torch

from bpe import Bpe
from models import Dvae, Transformer
from training import Run, arguments, images, launch, load
from world import EARLY, FULL, World


class Samples:
    """Pairs of text and image tokens of a world that never ends."""

    def __init__(self, world, bpe, dvae, run):
        self.world, self.bpe, self.dvae, self.run = world, bpe, dvae, run

    def batch(self, n, mix=FULL, bpe_dropout=0.):
        captions, _, pixels = self.world.batch(n, mix)
        tokens = self.dvae.encode(images(pixels, self.run.device))       # in fp32, as the exported encoder does it
        return torch.tensor([self.bpe.encode(c, bpe_dropout) for c in captions], device=self.run.device), tokens


class Loss(torch.nn.Module):
    def __init__(self, model, run, text_dropout):
        super().__init__()
        self.model, self.run, self.text_dropout = model, run, text_dropout

    def forward(self, text, image):
        dropped = torch.rand(len(text), 1, device=text.device) < self.text_dropout
        with self.run.autocast():
            of_image, of_text = self.model.losses(torch.where(dropped, self.model.unconditional(1), text), image)
        return of_image * 7 / 8 + of_text / 8, dict(image=of_image, text=of_text)


@torch.no_grad()
def nats(model, text, image):
    """Nats per image token and per text token (padding included), and per image token without the text."""
    sums = torch.zeros(3)
    for t, k in zip(text.split(64), image.split(64)):
        alone = model.losses(model.unconditional(len(t)), k)[0]
        sums += len(t) * torch.tensor([*model.losses(t, k), alone])
    with_text, of_text, alone = (sums / len(text)).tolist()
    return dict(image=with_text, image_without_text=alone, text=of_text)


def main(a):
    run = Run('transformer', a)
    dvae, bpe = load(Dvae, a.folder, run.device), Bpe(a.folder, a.text_len, run.seed())
    model = Transformer(a.layers, a.dim, a.heads, len(bpe.vocab), a.text_len, dvae.config['codes'], attention=a.attention)
    decayed, others = ([p for p in model.parameters() if (p.dim() > 1) == matrix] for matrix in (True, False))
    optimiser = torch.optim.AdamW([dict(params=decayed), dict(params=others, weight_decay=0)], a.lr, betas=(.9, .97), weight_decay=.02)
    run.restore(model, optimiser)
    trained = run.parallel(Loss(model, run, a.text_dropout))
    samples = Samples(World(run.seed()), bpe, dvae, run)
    seen, unseen = (Samples(World(s, training), bpe, dvae, run).batch(a.validation) for s, training in ((2, True), (3, False)))

    def validate(last):
        n = a.validation if last else min(a.validation, 200)
        return {f'{name} {k}': v for name, (t, x) in (('seen', seen), ('held-out', unseen)) for k, v in nats(model, t[:n], x[:n]).items()}

    for done in run.steps():
        early = max(0., 1 - done / a.early)
        mix = {k: EARLY[k] * early + FULL[k] * (1 - early) for k in FULL}
        run.update(trained, optimiser, lambda: trained(*samples.batch(a.batch, mix, a.bpe_dropout)))
        run.report(model, optimiser, validate)


if __name__ == '__main__':
    p = arguments(__doc__, minutes=90, batch=32, lr=1.5e-3)
    p.add_argument('--layers', type=int, default=6)
    p.add_argument('--dim', type=int, default=320)
    p.add_argument('--heads', type=int, default=5)
    p.add_argument('--text-len', type=int, default=24)
    p.add_argument('--attention', choices=['full', 'sparse'], default='full', help='sparse: row, column and convolutional layers')
    p.add_argument('--early', type=float, default=.35, help='part of the time over which the mix of scenes becomes the full one')
    p.add_argument('--bpe-dropout', type=float, default=.1)
    p.add_argument('--text-dropout', type=float, default=.1)
    p.add_argument('--validation', type=int, default=1000, help='scenes to measure with, of seen and of held-out combinations each')
    launch(main, p.parse_args())
