"""An independent judge of what a picture shows: a small network that learnt from rendered sprites alone, never from the models."""
import torch
import torch.nn.functional as F
from torch import nn

from models import Res
from sprites import NOUNS, SHAPES
from training import Run, arguments, images, launch
from world import World

THINGS = [*NOUNS, *SHAPES]
INDEX = {n: i for i, n in enumerate(THINGS)}
SIDE = 32


class Classifier(nn.Module):
    """Crops [N, 3, 32, 32] -> logits of THINGS."""

    def __init__(self, width=64):
        super().__init__()
        self.config, w = dict(width=width), width
        self.net = nn.Sequential(nn.Conv2d(3, w, 5, 2, 2), nn.ReLU(), nn.Conv2d(w, 2 * w, 3, 2, 1), Res(2 * w), nn.ReLU(),
                                 nn.Conv2d(2 * w, 4 * w, 3, 2, 1), Res(4 * w), nn.ReLU(), nn.Flatten(), nn.Dropout(.2),
                                 nn.Linear(4 * w * 16, len(THINGS)))

    def forward(self, x):
        return self.net(x * 2 - 1)


def crop(image, px, x, y):
    """The square of `px` around (x, y), [3, S, S] -> [3, SIDE, SIDE]; what lies outside repeats the edge."""
    h = px // 2 + 2
    padded = F.pad(image[None], (h,) * 4, mode='replicate')
    return F.interpolate(padded[..., y:y + 2 * h, x:x + 2 * h], (SIDE, SIDE), mode='bilinear', align_corners=False, antialias=True)[0]


def things(scene):
    """(name, look, px, x, y) of each thing that the caption names, frames and hats not among them."""
    o = scene['objects']
    return o[1:] if scene['kind'] == 'inside' else o[:1] if scene['kind'] == 'hat' else o


class Loss(nn.Module):
    def __init__(self, model, run):
        super().__init__()
        self.model, self.run = model, run

    def forward(self, x, y):
        with self.run.autocast():
            logits = self.model(x).float()
        return F.cross_entropy(logits, y, label_smoothing=.05), dict(accuracy=(logits.argmax(1) == y).float().mean())


def crops(samples, device, noise=0.):
    """Crops of all things of the samples, and what they are; with noise also blurred, shifted and speckled ones."""
    xs, ys = [], []
    _, scenes, pixels = World.drawn(samples)
    for scene, image in zip(scenes, images(pixels, device)):
        noun, _, px, x, y = things(scene)[0]
        if noise:
            blur, dx, dy = torch.rand(3).tolist()
            if blur < .6:
                small = F.interpolate(image[None], scale_factor=.4 + blur, mode='area')
                image = F.interpolate(small, image.shape[-2:], mode='bilinear', align_corners=False)[0]
            x, y = min(63, max(0, x + round(4 * dx - 2))), min(63, max(0, y + round(4 * dy - 2)))
            image = image + noise * torch.rand(1).item() * torch.randn_like(image)
        xs.append(crop(image, px, x, y))
        ys.append(INDEX[noun])
    return torch.stack(xs), torch.tensor(ys, device=device)


def main(a):
    run = Run('classifier', a)
    model = Classifier(a.width)
    optimiser = torch.optim.AdamW(model.parameters(), a.lr, weight_decay=.05)
    run.restore(model, optimiser)
    trained, world = run.parallel(Loss(model, run)), World(run.seed())
    held = World(2)
    x, y = crops([held.sample() for _ in range(a.validation)], run.device)
    for _ in run.steps():
        run.update(trained, optimiser, lambda: trained(*crops([world.sample() for _ in range(a.batch)], run.device, noise=.06)))
        run.report(model, optimiser, lambda last: dict(renderings=(model(x).argmax(1) == y).float().mean().item()))


if __name__ == '__main__':
    p = arguments(__doc__, minutes=8, batch=64, lr=1e-3)
    p.add_argument('--width', type=int, default=48)
    p.add_argument('--validation', type=int, default=1000)
    launch(main, p.parse_args())
