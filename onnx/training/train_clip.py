"""Stage 3, the ranker: CLIP's contrastive loss (Radford et al. 2021) with hard negatives.

A quarter of a batch are groups of one layout whose things differ, a quarter are groups of one thing of which all else differs. Half of
the images pass through the discrete VAE, since what the ranker will see has passed through it too.
"""
import torch
import torch.nn.functional as F

from bpe import Bpe
from models import Clip, Dvae
from training import Run, arguments, images, launch, load
from world import NOUNS, World

GROUP = 4


class Pairs:
    """Captions and images with hard negatives among them."""

    def __init__(self, world, bpe, dvae, run):
        self.world, self.bpe, self.dvae, self.run = world, bpe, dvae, run

    def batch(self, n, reconstructed=.5):
        w, groups = self.world, n // 4 // GROUP
        samples = [w.sample() for _ in range(n - 2 * groups * GROUP)]
        for _ in range(groups):
            samples += w.alike(GROUP) + w.about(w.random.choice(list(NOUNS)), GROUP)
        captions, _, pixels = w.drawn(samples)
        x = images(pixels, self.run.device)
        chosen = torch.rand(n, device=x.device) < reconstructed
        if chosen.any():
            with torch.no_grad():
                x[chosen] = self.dvae.decode(self.dvae.encode(x[chosen]))
        return captions, torch.tensor([self.bpe.encode(c) for c in captions], device=x.device), x


class Loss(torch.nn.Module):
    def __init__(self, model, run):
        super().__init__()
        self.model, self.run = model, run

    def forward(self, captions, text, x):
        with self.run.autocast():
            a, b = self.model.image(x), self.model.text(text)
        logits = self.model.logit_scale.exp().clamp(max=100) * a @ b.t()
        same = torch.tensor([[c == d for d in captions] for c in captions], device=x.device).fill_diagonal_(False)
        logits = logits.masked_fill(same, -1e4)                          # equal captions are no negatives of each other
        y = torch.arange(len(x), device=x.device)
        return (F.cross_entropy(logits, y) + F.cross_entropy(logits.t(), y)) / 2, dict(accuracy=(logits.argmax(1) == y).float().mean())


@torch.no_grad()
def retrieval(model, text, x):
    """How often the text finds its image first, among all and among those of its group of GROUP neighbours."""
    a, b = (torch.cat([tower(p) for p in v.split(200)]) for tower, v in ((model.image, x), (model.text, text)))
    scores = b @ a.t()
    own = scores.view(-1, GROUP, len(x) // GROUP, GROUP).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    y = torch.arange(len(x), device=x.device)
    return (scores.argmax(1) == y).float().mean().item(), (own.argmax(2).flatten() == y % GROUP).float().mean().item()


def main(a):
    run = Run('clip', a)
    dvae, bpe = load(Dvae, a.folder, run.device), Bpe(a.folder, a.text_len)
    model = Clip(a.width, a.text_width, vocab=len(bpe.vocab), text_len=a.text_len).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), a.lr, weight_decay=.01)
    run.restore(model, optimiser)
    trained = run.parallel(Loss(model, run))
    pairs, world = Pairs(World(run.seed()), bpe, dvae, run), World(2)
    any_scene, alike = (world.drawn(s) for s in ([world.sample() for _ in range(a.validation)],
                                                 [s for _ in range(a.validation // GROUP) for s in world.alike(GROUP)]))
    tests = {name: (torch.tensor([bpe.encode(c) for c in captions], device=run.device), images(pixels, run.device))
             for name, (captions, _, pixels) in (('any', any_scene), ('alike', alike))}

    def validate(last):
        return dict(first=retrieval(model, *tests['any'])[0], first_alike=retrieval(model, *tests['alike'])[1])

    for _ in run.steps():
        run.update(trained, optimiser, lambda: trained(*pairs.batch(a.batch)))
        run.report(model, optimiser, validate)


if __name__ == '__main__':
    p = arguments(__doc__, minutes=12, batch=64, lr=1e-3)
    p.add_argument('--width', type=int, default=128)
    p.add_argument('--text-width', type=int, default=192)
    p.add_argument('--text-len', type=int, default=24)
    p.add_argument('--validation', type=int, default=800, help='scenes to measure with')
    launch(main, p.parse_args())
