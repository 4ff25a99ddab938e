"""Stage 3, the ranker: CLIP's contrastive loss (Radford et al. 2021) with hard negatives.

A quarter of a batch are groups of one layout whose things differ, a quarter are groups of one thing of which all else differs. Half of
the images pass through the discrete VAE, since what the ranker will see has passed through it too.
"""
import torch
import torch.nn.functional as F

from bpe import Bpe
from models import Clip, Dvae
from photos import add_argument, source
from training import Run, arguments, batches, images, launch, load
from world import S

GROUP = 4


def pairs(seed, a):
    """A function that makes batches of text tokens and pictures with hard negatives among them, and which captions are equal."""
    w, bpe = source(a.data, seed), Bpe(a.folder, a.text_len)

    def batch(done):
        groups = a.batch // 4 // GROUP
        samples = [w.sample() for _ in range(a.batch - 2 * groups * GROUP)]
        for _ in range(groups):
            samples += w.negatives(GROUP)
        captions, _, pixels = w.drawn(samples)
        names = {c: i for i, c in enumerate(captions)}
        index = torch.tensor([names[c] for c in captions])
        return [torch.tensor([bpe.encode(c) for c in captions]), torch.from_numpy(pixels), index]

    return batch


class Loss(torch.nn.Module):
    def __init__(self, model, run):
        super().__init__()
        self.model, self.run = model, run

    def forward(self, text, x, index):
        with self.run.autocast():
            a, b = self.model.image(x), self.model.text(text)
        logits = self.model.logit_scale.exp().clamp(max=100) * a @ b.t()
        same = (index[:, None] == index).fill_diagonal_(False)
        logits = logits.masked_fill(same, -1e4)                          # equal captions are no negatives of each other
        y = torch.arange(len(x), device=x.device)
        return (F.cross_entropy(logits, y) + F.cross_entropy(logits.t(), y)) / 2, dict(accuracy=(logits.argmax(1) == y).float().mean())


@torch.no_grad()
def retrieval(model, text, x):
    """How often the text finds its image first, among all and among those of its group of GROUP neighbours."""
    a, b = (torch.cat([tower(p) for p in v.split(100)]) for tower, v in ((model.image, x), (model.text, text)))
    scores = b @ a.t()
    own = scores.view(-1, GROUP, len(x) // GROUP, GROUP).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
    y = torch.arange(len(x), device=x.device)
    return (scores.argmax(1) == y).float().mean().item(), (own.argmax(2).flatten() == y % GROUP).float().mean().item()


def main(a):
    run = Run('clip', a)
    dvae, bpe = load(Dvae, a.folder, run.device), Bpe(a.folder, a.text_len)
    model = Clip(a.width, a.text_width, vocab=len(bpe.vocab), text_len=a.text_len, side=S).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), a.lr, weight_decay=.01)
    run.restore(model, optimiser)
    trained = run.parallel(Loss(model, run))
    samples, world = batches(run, lambda seed: pairs(seed, a)), source(a.data, 2, training=not a.data)

    @torch.no_grad()
    def sample(reconstructed=.5):
        text, pixels, index = next(samples)
        x = images(pixels, run.device)
        n = round(reconstructed * len(x))
        chosen = torch.randperm(len(x), device=x.device)[:n]
        x[chosen] = dvae.decode(dvae.encode(x[chosen]))
        return text, x, index
    any_scene, alike = (world.drawn(s) for s in ([world.sample() for _ in range(a.validation)],
                                                 [s for _ in range(a.validation // GROUP) for s in world.alike(GROUP)]))
    tests = {name: (torch.tensor([bpe.encode(c) for c in captions], device=run.device), images(pixels, run.device))
             for name, (captions, _, pixels) in (('any', any_scene), ('alike', alike))}

    def validate(last):
        return dict(first=retrieval(model, *tests['any'])[0], first_alike=retrieval(model, *tests['alike'])[1])

    for _ in run.steps():
        run.update(trained, optimiser, lambda: trained(*sample()))
        run.report(model, optimiser, validate)


if __name__ == '__main__':
    p = arguments(__doc__, minutes=40, batch=64, lr=1e-3)
    add_argument(p)
    p.add_argument('--width', type=int, default=96)
    p.add_argument('--text-width', type=int, default=192)
    p.add_argument('--text-len', type=int, default=24)
    p.add_argument('--validation', type=int, default=800, help='scenes to measure with')
    launch(main, p.parse_args())
