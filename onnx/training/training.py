"""What the stages share: processes, the clock, mixed precision, checkpoints that survive a kill, progress.

`--processes N` trains in N processes of this machine (one thread each on a CPU, one GPU each on CUDA); `torchrun` works as well.
"""
import argparse
import json
import math
import os
import signal
import socket
import time
from contextlib import nullcontext

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

import safetensors_io


def arguments(description, **defaults):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument('--folder', default='run', help='where checkpoints, vocab.json and merges.txt are')
    p.add_argument('--minutes', type=float, default=defaults.get('minutes', 30), help='training time, that of earlier runs included')
    p.add_argument('--batch', type=int, default=defaults.get('batch', 32), help='samples per process and pass')
    p.add_argument('--accumulate', type=int, default=1, help='passes per step')
    p.add_argument('--lr', type=float, default=defaults.get('lr', 1e-3))
    p.add_argument('--warmup', type=int, default=100, help='steps')
    p.add_argument('--every', type=float, default=60, help='seconds between checkpoints')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--processes', type=int, default=1)
    p.add_argument('--powersgd', type=int, default=0, metavar='RANK', help='compress gradients to this rank')
    return p


def process(rank, main, a):
    signal.signal(signal.SIGINT, signal.default_int_handler)              # says that the parent died; shells make background jobs ignore it
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(a.processes))
    main(a)
    if dist.is_initialized():                                             # its threads must end before the interpreter does, or abort it
        dist.barrier()
        dist.destroy_process_group()


def one_thread_each():
    """What processes of a CPU that are started from now on compute with."""
    # The allocator keeps what it freed: giving it back and faulting it in anew takes a sixth of a step's time.
    os.environ.update(OMP_NUM_THREADS='1', MALLOC_MMAP_THRESHOLD_='33554432', MALLOC_TRIM_THRESHOLD_='8000000000',
                      MALLOC_TOP_PAD_='268435456')


def launch(main, a):
    """Runs main(a) in each process."""
    if 'RANK' in os.environ:                                              # torchrun has started the processes
        return main(a)
    if not torch.cuda.is_available():
        one_thread_each()
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(s.getsockname()[1]))
    mp.spawn(process, (main, a), a.processes)


class Run:
    """One stage in one process. `steps` ends when the time is over; whatever `save` wrote last is where the next run goes on."""

    def __init__(self, stage, a):
        self.a, self.path, self.stage = a, checkpoint(a.folder, stage), stage
        self.rank, self.processes = int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
        cuda = torch.cuda.is_available()
        self.device = torch.device('cuda', int(os.environ.get('LOCAL_RANK', 0))) if cuda else torch.device('cpu')
        if self.processes > 1:
            dist.init_process_group('nccl' if cuda else 'gloo')
        torch.set_flush_denormal(True)
        torch.manual_seed(a.seed)
        os.makedirs(a.folder, exist_ok=True)
        self.saved = read(self.path, self.device) if os.path.exists(self.path) else None
        self.step, self.seen, self.elapsed = (self.saved[k] for k in ('step', 'seen', 'elapsed')) if self.saved else (0, 0, 0.)
        self.sums = {}

    def restore(self, model, optimiser):
        """Model and optimiser as an earlier run left them."""
        model.to(self.device)
        if self.saved:
            model.load_state_dict(self.saved['model'])
            if 'optimiser' in self.saved:
                optimiser.load_state_dict(self.saved['optimiser'])
            else:
                restore_moments(model, optimiser, self.saved)
            self.say(f'goes on from step {self.step}')

    def parallel(self, model):
        if self.processes == 1:
            return model
        wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True)
        if self.a.powersgd:
            from torch.distributed.algorithms.ddp_comm_hooks import powerSGD_hook as power_sgd
            state = power_sgd.PowerSGDState(None, self.a.powersgd, start_powerSGD_iter=max(10, self.a.warmup))
            wrapped.register_comm_hook(state, power_sgd.powerSGD_hook)
        return wrapped

    def seed(self, *more):
        """Differs by process and by the step that this run starts with, so that a resumed run sees new samples."""
        return hash((self.a.seed, self.rank, self.step, *more))

    def autocast(self):
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def average(self, *tensors):
        if self.processes > 1:
            for t in tensors:
                dist.all_reduce(t)
                t /= self.processes

    def steps(self):
        """Yields the part of the training time that is over, 0..1, the same in all processes."""
        start, clock = time.time() - self.elapsed, torch.zeros(1, device=self.device)
        self.shown = self.elapsed
        while True:
            clock[0] = time.time() - start
            self.average(clock)
            self.elapsed, self.done = clock.item(), min(1., clock.item() / (60 * self.a.minutes))
            yield self.done
            self.step += 1
            self.seen += self.a.batch * self.a.accumulate * self.processes
            if self.done >= 1:
                return

    def learning_rate(self):
        return self.a.lr * (min(1, (self.step + 1) / self.a.warmup) * (.5 + .5 * math.cos(math.pi * self.done)) + .01)

    def update(self, model, optimiser, loss, clip=1.):
        """One step; `loss()` is called for each pass and returns the loss and the figures to show."""
        optimiser.zero_grad(set_to_none=True)
        for i in range(self.a.accumulate):
            last = i == self.a.accumulate - 1
            with nullcontext() if last or self.processes == 1 else model.no_sync():
                value, figures = loss()
                (value / self.a.accumulate).backward()
            for k, v in figures.items():
                total, n = self.sums.get(k, (0., 0))
                self.sums[k] = total + float(v), n + 1
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for g in optimiser.param_groups:
            g['lr'] = self.learning_rate()
        optimiser.step()

    def report(self, model, optimiser, validate):
        """Now and then, and at the end: validates, shows progress and saves, in the first process."""
        if self.done < 1 and self.elapsed - self.shown < self.a.every:
            return
        if self.rank == 0:
            model.eval()
            with torch.no_grad():
                metrics = validate(self.done >= 1)
            model.train()
            rate = (self.seen - (self.saved['seen'] if self.saved else 0)) / (self.elapsed - (self.saved['elapsed'] if self.saved else 0) + 1e-9)
            shown = {k: t / n for k, (t, n) in self.sums.items()}
            line = ' '.join(f'{k} {v:.4g}' for k, v in {**shown, **metrics}.items())
            self.say(f'{self.elapsed / 60:.1f} of {self.a.minutes:g} min, step {self.step}, {self.seen} samples, {rate:.0f}/s | {line}')
            figures = dict(config=model.config, step=self.step, seen=self.seen, elapsed=self.elapsed, metrics=metrics, **shown)
            path = f'{self.a.folder}/{self.stage}' + ('.safetensors' if self.stage in SHARED else '.pt')
            write(path + '.new', model, optimiser, figures)
            os.replace(path + '.new', path)
        self.shown, self.sums = self.elapsed, {}

    def say(self, line):
        if self.rank == 0:
            print(line, flush=True)


# Stages that Dalle.ML.Training has too. It reads and writes the same files: model.*, exp_avg.* and exp_avg_sq.* by the names of parameters,
# average.* where it averages weights, state.* for the codebook's averages, figures in the metadata.
SHARED = ('dvae', 'transformer', 'clip')


def checkpoint(folder, stage):
    """The file of a stage. Runs that were begun before the formats became one have .pt."""
    path = f'{folder}/{stage}'
    shared = stage in SHARED and (os.path.exists(path + '.safetensors') or not os.path.exists(path + '.pt'))
    return path + ('.safetensors' if shared else '.pt')


def write(path, model, optimiser, figures):
    if '.safetensors' not in path:
        return torch.save(dict(model=model.state_dict(), optimiser=optimiser.state_dict(), **figures), path)
    tensors = {f'model.{k}': p for k, p in model.state_dict().items()}
    for k, p in model.named_parameters():
        for moment in ('exp_avg', 'exp_avg_sq'):
            tensors[f'{moment}.{k}'] = optimiser.state[p][moment] if moment in optimiser.state[p] else torch.zeros_like(p)
    tensors.update({f'state.{k}': t for k, t in getattr(model, 'state', {}).items()})
    arrays = {k: t.detach().cpu().contiguous().numpy() for k, t in tensors.items()}
    safetensors_io.save(path, arrays, {k: json.dumps(v) for k, v in figures.items()})


def read(path, device='cpu'):
    if not path.endswith('.safetensors'):
        return torch.load(path, map_location=device)
    arrays, metadata = safetensors_io.load(path)
    saved = {k: json.loads(v) for k, v in metadata.items()}
    saved['tensors'] = {k: torch.from_numpy(v).to(device) for k, v in arrays.items()}
    saved['model'] = part(saved, 'model.')
    return saved


def part(saved, prefix):
    """The tensors of a checkpoint under a prefix."""
    return {k[len(prefix):]: t for k, t in saved.get('tensors', {}).items() if k.startswith(prefix)}


def restore_moments(model, optimiser, saved):
    """AdamW's state by the names of parameters."""
    means, squares = part(saved, 'exp_avg.'), part(saved, 'exp_avg_sq.')
    for k, p in model.named_parameters():
        if k in means:
            step = torch.tensor(float(saved['step']))
            optimiser.state[p] = dict(step=step, exp_avg=torch.zeros_like(p).copy_(means[k]), exp_avg_sq=torch.zeros_like(p).copy_(squares[k]))


def load(model_class, folder, device='cpu'):
    """A trained model, ready to be used; with averaged weights where there are any."""
    saved = read(checkpoint(folder, model_class.__name__.lower()), device)
    model = model_class(**saved['config'])
    model.load_state_dict({**saved['model'], **part(saved, 'average.')})
    model.info = {k: v for k, v in saved.items() if k not in ('model', 'optimiser', 'config', 'tensors')}
    return model.to(device).eval()


def images(array, device='cpu'):
    """uint8 [N, H, W, 3] -> float [N, 3, H, W] in 0..1."""
    x = torch.from_numpy(array).to(device).permute(0, 3, 1, 2).float().div_(255)
    return x.contiguous(memory_format=torch.channels_last)
