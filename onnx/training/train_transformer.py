"""Stage 2, the transformer over text and image tokens (Ramesh et al. 2021, section 2.2), on scenes that are drawn as it goes.

The loss is the image's cross-entropy and a tenth of the text's. Captions are encoded with BPE dropout, and one in ten is left out, so that
classifier-free guidance has its unconditional prompt. Simple scenes dominate the first part.
"""
from contextlib import nullcontext

import torch

from bpe import Bpe
from models import Dvae, Transformer
from muon import Both
from photos import add_argument, source
from training import Run, arguments, batches, images, launch, load
from world import EARLY, FULL


def captioned(seed, a):
    """A function that makes batches of text tokens and pictures of a world that never ends, simple scenes first."""
    world, bpe = source(a.data, seed), Bpe(a.folder, a.text_len, seed)

    def batch(done):
        early = max(0., 1 - done / a.early)
        captions, _, pixels = world.batch(a.batch, {k: EARLY[k] * early + FULL[k] * (1 - early) for k in FULL})
        return [torch.tensor([bpe.encode(c, a.bpe_dropout) for c in captions]), torch.from_numpy(pixels)]

    return batch


def tokens(world, bpe, dvae, n, device='cpu'):
    """Text and image tokens of n scenes."""
    captions, _, pixels = world.batch(n)
    ids = torch.cat([dvae.encode(images(p, device)) for p in torch.from_numpy(pixels).split(100)])
    return torch.tensor([bpe.encode(c) for c in captions], device=device), ids


class Loss(torch.nn.Module):
    def __init__(self, model, run, a, near):
        super().__init__()
        self.model, self.run, self.a, self.near = model, run, a, near

    def forward(self, text, image):
        a = self.a
        dropped = torch.rand(len(text), 1, device=text.device) < a.text_dropout
        with self.run.autocast():
            loss, of_image, of_text = self.model.losses(torch.where(dropped, self.model.unconditional(1), text), image, self.near, a.smoothing, a.noise)
        return loss + a.text_weight * of_text, dict(image=of_image, text=of_text)


def neighbours(codebook, k=4):
    """The k nearest codes of each."""
    return torch.cat([torch.cdist(part, codebook).topk(k + 1, largest=False)[1][:, 1:] for part in codebook.split(1024)])


@torch.no_grad()
def nats(model, text, image):
    """Nats per image token and per text token (padding included), and per image token without the text."""
    sums = torch.zeros(3)
    for t, k in zip(text.split(32), image.split(32)):
        alone = model.losses(model.unconditional(len(t)), k)[1]
        sums += len(t) * torch.tensor([*model.losses(t, k)[1:], alone])
    with_text, of_text, alone = (sums / len(text)).tolist()
    return dict(image=with_text, image_without_text=alone, text=of_text)


def main(a):
    run = Run('transformer', a)
    dvae, bpe = load(Dvae, a.folder, run.device), Bpe(a.folder, a.text_len)
    model = Transformer(a.layers, a.dim, a.heads, len(bpe.vocab), a.text_len, dvae.config['codes'], dvae.config['grid'], a.attention,
                        dvae.config['dim'] if a.shared_codes else 0)
    if a.shared_codes:
        model.know(dvae.book.detach())
    optimiser = Both(model, a.lr, a.matrix_lr, a.weight_decay)
    run.restore(model, optimiser)
    run.average_of(model)
    if a.compile:
        import torch._dynamo
        torch._dynamo.config.suppress_errors = True
        for block in model.blocks:                                        # validation, which would have each compiled twice more, runs the plain one
            plain, fast = block.forward, torch.compile(block.forward, dynamic=False)
            block.forward = lambda x, mask=None, cache=None, plain=plain, fast=fast: (fast if torch.is_grad_enabled() else plain)(x, mask, cache)
    trained = run.parallel(Loss(model, run, a, neighbours(dvae.book.detach()) if a.smoothing else None))
    samples = batches(run, lambda seed: captioned(seed, a))
    seen, unseen = (tokens(source(a.data, s, training), bpe, dvae, a.validation, run.device) for s, training in ((2, True), (3, False)))

    def sample():
        text, pixels = next(samples)
        return text, dvae.encode(images(pixels, run.device))              # in fp32, as the exported encoder does it

    def validate(last):
        n = a.validation if last else min(a.validation, 100)
        with run.autocast() if not last else nullcontext():
            return {f'{name} {k}': v for name, (t, x) in (('seen', seen), ('held-out', unseen)) for k, v in nats(model, t[:n], x[:n]).items()}

    for _ in run.steps():
        run.update(trained, optimiser, lambda: trained(*sample()))
        run.report(model, optimiser, validate)


if __name__ == '__main__':
    p = arguments(__doc__, minutes=370, batch=32, lr=2.5e-3)
    add_argument(p)
    p.add_argument('--layers', type=int, default=6)
    p.add_argument('--dim', type=int, default=320)
    p.add_argument('--heads', type=int, default=5)
    p.add_argument('--text-len', type=int, default=24)
    p.add_argument('--attention', choices=['full', 'sparse'], default='full', help='sparse: row, column and convolutional layers')
    p.add_argument('--matrix-lr', type=float, default=.02, help="Muon's for the matrices of the blocks; 0: AdamW for all")
    p.add_argument('--weight-decay', type=float, default=.02)
    p.add_argument('--shared-codes', type=int, default=1, help='embeddings and head share what the codebook knows')
    p.add_argument('--smoothing', type=float, default=0., help='part of each target that is spread over the nearest codes')
    p.add_argument('--noise', type=float, default=0., help='part of the image tokens that are read as others')
    p.add_argument('--compile', action='store_true', help="PyTorch's compiler for the blocks, on a GPU")
    p.add_argument('--text-weight', type=float, default=.1)
    p.add_argument('--early', type=float, default=.3, help='part of the time over which the mix of scenes becomes the full one')
    p.add_argument('--bpe-dropout', type=float, default=.05)
    p.add_argument('--text-dropout', type=float, default=.1)
    p.add_argument('--validation', type=int, default=1000, help='scenes to measure with, of seen and of held-out combinations each')
    launch(main, p.parse_args())
