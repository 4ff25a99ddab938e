"""What the stages share: processes, the clock, mixed precision, checkpoints that survive a kill, progress.

`--processes N` trains in N processes of this machine (one thread each on a CPU, one GPU each on CUDA); `torchrun` works as well.
"""
import argparse
import json
import math
import os
import shutil
import signal
import socket
import time
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

import safetensors_io


def arguments(description, **defaults):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument('--folder', default='run', help='where checkpoints, vocab.json and merges.txt are')
    p.add_argument('--minutes', type=float, default=defaults.get('minutes', 30), help='training time, that of earlier runs included: on a CPU the time that each process computes, so that neither a pause nor other work counts')
    p.add_argument('--stop', type=float, default=0, help='minutes after which this run leaves the rest to a later one; 0: it does all')
    p.add_argument('--batch', type=int, default=defaults.get('batch', 32), help='samples per process and pass')
    p.add_argument('--accumulate', type=int, default=1, help='passes per step')
    p.add_argument('--lr', type=float, default=defaults.get('lr', 1e-3))
    p.add_argument('--warmup', type=int, default=100, help='steps')
    p.add_argument('--every', type=float, default=60, help='seconds between checkpoints')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--processes', type=int, default=1)
    p.add_argument('--workers', type=int, default=0, help='processes that draw and encode samples, for each that trains; on a GPU as many as there are cores')
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
    # The allocator keeps what it freed, for all threads alike and in huge pages: giving it back and faulting it in anew takes a quarter of a
    # step's time, and the thread of the backward pass would do so in a part of its own.
    os.environ.update(OMP_NUM_THREADS='1', GLIBC_TUNABLES=':'.join(f'glibc.malloc.{k}={v}' for k, v in dict(
        hugetlb=1, arena_max=1, mmap_max=0, trim_threshold=16 << 30, top_pad=256 << 20).items()))


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
            dist.init_process_group('nccl' if cuda else 'gloo', timeout=timedelta(days=7))    # a pause is no failure
        torch.set_flush_denormal(True)
        torch.manual_seed(a.seed)
        os.makedirs(a.folder, exist_ok=True)
        self.saved = read(self.path) if os.path.exists(self.path) else None
        self.done = 0.
        if cuda:
            torch.backends.cudnn.allow_tf32 = False                       # tokens are those of fp32
            torch.backends.cudnn.benchmark = True
        self.step, self.seen, self.elapsed = (self.saved[k] for k in ('step', 'seen', 'elapsed')) if self.saved else (0, 0, 0.)
        self.sums, self.averaged, self.clock = {}, None, time.time if cuda else time.process_time

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
        start, clock = self.clock() - self.elapsed, torch.zeros(1, device=self.device)
        self.shown, first = self.elapsed, self.elapsed
        while True:
            clock[0] = self.clock() - start
            self.average(clock)
            self.elapsed, self.done = clock.item(), min(1., clock.item() / (60 * self.a.minutes))
            self.last = self.done >= 1 or 0 < 60 * self.a.stop < self.elapsed - first
            yield self.done
            self.step += 1
            self.seen += self.a.batch * self.a.accumulate * self.processes
            if self.last:
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
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(model.parameters(), clip)):
            return self.say(f'step {self.step} has no finite gradient: left out')
        for g in optimiser.param_groups:
            g['lr'] = self.learning_rate() * g.get('scale', 1)
        optimiser.step()
        if self.averaged and self.step % 4 == 0:
            of, average = self.averaged
            keep = min(.9985 ** 4, (1 + self.step) / (30 + self.step))
            with torch.no_grad():
                torch._foreach_mul_(average, keep)
                torch._foreach_add_(average, list(of), alpha=1 - keep)

    def average_of(self, model):
        """From now on keeps a moving average of the weights, which `load` prefers; the run's own model where it is saved."""
        of = [p for p in model.parameters()]
        average = [p.detach().clone() for p in of]
        if self.saved and self.saved.get('average'):
            for a, n in zip(average, (n for n, _ in model.named_parameters())):
                a.copy_(self.saved['average'][n])
        self.averaged = of, average

    @contextmanager
    def as_averaged(self):
        """Within it the model has its averaged weights."""
        of, average = self.averaged or ([], [])
        kept = [p.detach().clone() for p in of]
        with torch.no_grad():
            for p, a in zip(of, average):
                p.copy_(a)
        yield
        with torch.no_grad():
            for p, k in zip(of, kept):
                p.copy_(k)

    def report(self, model, optimiser, validate):
        """Now and then, and at the end: validates, shows progress and saves, in the first process."""
        if not self.last and self.elapsed - self.shown < self.a.every:
            return
        if self.rank == 0:
            model.eval()
            with torch.no_grad(), self.as_averaged():
                metrics = validate(self.done >= 1)
                average = {k: v.clone() for k, v in model.state_dict().items()} if self.averaged else None
            model.train()
            rate = (self.seen - (self.saved['seen'] if self.saved else 0)) / (self.elapsed - (self.saved['elapsed'] if self.saved else 0) + 1e-9)
            shown = {k: t / n for k, (t, n) in self.sums.items()}
            line = ' '.join(f'{k} {v:.4g}' for k, v in {**shown, **metrics}.items())
            self.say(f'{time.strftime("%H:%M")} {self.elapsed / 60:.1f} of {self.a.minutes:g} min, step {self.step}, {self.seen} samples, {rate:.0f}/s | {line}')
            path = f'{self.a.folder}/{self.stage}' + ('.safetensors' if self.stage in SHARED else '.pt')
            write(path + '.new', model, optimiser, dict(config=model.config, step=self.step, seen=self.seen, elapsed=self.elapsed,
                                                        metrics=metrics, **shown), average)
            os.replace(path + '.new', path)
        self.shown, self.sums = self.elapsed, {}

    def say(self, line):
        if self.rank == 0:
            print(line, flush=True)


class Stream(torch.utils.data.IterableDataset):
    def __init__(self, make, run, progress):
        self.make, self.seed, self.progress = make, run.seed(), progress

    def __iter__(self):
        torch.set_num_threads(1)
        batch = self.make(hash((self.seed, torch.utils.data.get_worker_info().id)))
        small = shutil.disk_usage('/dev/shm').total < 8 << 30             # then arrays go through pipes
        while True:
            sample = batch(self.progress.value)
            yield [t.numpy() for t in sample] if small else sample


def batches(run, make):
    """Endless batches: `make(seed)` gives a function of the part of the time that is over. With `--workers` they are made ahead, by other
    processes."""
    if not run.a.workers:
        batch = make(run.seed())
        while True:
            yield batch(run.done)
    progress = mp.get_context('fork').Value('d', run.done, lock=False)
    loader = torch.utils.data.DataLoader(Stream(make, run, progress), batch_size=None, num_workers=run.a.workers, prefetch_factor=4,
                                         pin_memory=run.device.type == 'cuda', multiprocessing_context='fork', collate_fn=list)
    for batch in loader:
        progress.value = run.done
        yield [torch.as_tensor(t).to(run.device, non_blocking=True) for t in batch]


# Stages that Dalle.ML.Training has too. It reads and writes the same files: model.*, exp_avg.* and exp_avg_sq.* by the names of parameters,
# average.* where it averages weights, state.* for the codebook's averages, figures in the metadata. It knows neither Muon, whose are
# momentum.*, nor embeddings shared through the codebook.
SHARED = ('dvae', 'transformer', 'clip')


def checkpoint(folder, stage):
    """The file of a stage. Runs that were begun before the formats became one have .pt."""
    path = f'{folder}/{stage}'
    shared = stage in SHARED and (os.path.exists(path + '.safetensors') or not os.path.exists(path + '.pt'))
    return path + ('.safetensors' if shared else '.pt')


def parts(optimiser):
    return getattr(optimiser, 'parts', [optimiser])


def write(path, model, optimiser, figures, average=None):
    if '.safetensors' not in path:
        return torch.save(dict(model=model.state_dict(), optimiser=optimiser.state_dict(), average=average, **figures), path)
    tensors = {f'model.{k}': p for k, p in model.state_dict().items()}
    states = {p: s for o in parts(optimiser) for p, s in o.state.items()}
    for k, p in model.named_parameters():
        state = states.get(p, {})
        for moment in ('momentum',) if 'momentum' in state else ('exp_avg', 'exp_avg_sq'):
            tensors[f'{moment}.{k}'] = state.get(moment, torch.zeros_like(p))
    tensors.update({f'average.{k}': t for k, t in (average or {}).items()})
    tensors.update({f'state.{k}': t for k, t in getattr(model, 'state', {}).items()})
    arrays = {k: t.detach().cpu().contiguous().numpy() for k, t in tensors.items()}
    safetensors_io.save(path, arrays, {k: json.dumps(v) for k, v in figures.items()})


def read(path):
    if not path.endswith('.safetensors'):
        return torch.load(path, map_location='cpu')
    arrays, metadata = safetensors_io.load(path)
    saved = {k: json.loads(v) for k, v in metadata.items()}
    saved['tensors'] = {k: torch.from_numpy(v) for k, v in arrays.items()}
    saved['model'], saved['average'] = part(saved, 'model.'), part(saved, 'average.')
    return saved


def part(saved, prefix):
    """The tensors of a checkpoint under a prefix."""
    return {k[len(prefix):]: t for k, t in saved.get('tensors', {}).items() if k.startswith(prefix)}


def restore_moments(model, optimiser, saved):
    """The state of AdamW and Muon by the names of parameters."""
    names, step = {p: k for k, p in model.named_parameters()}, torch.tensor(float(saved['step']))
    moments = {m: part(saved, m + '.') for m in ('exp_avg', 'exp_avg_sq', 'momentum')}
    for o in parts(optimiser):
        for p in (p for group in o.param_groups for p in group['params']):
            state = {m: torch.zeros_like(p).copy_(of[names[p]]) for m, of in moments.items() if names[p] in of}
            if state:
                o.state[p] = dict(step=step.clone(), **state)


def weights(saved):
    """Of the result of a stage: averages where there are any."""
    return {k: v.float() if v.is_floating_point() else v for k, v in {**saved['model'], **(saved.get('average') or {})}.items()}


def figures(saved):
    """What a checkpoint tells beside tensors."""
    return {k: v for k, v in saved.items() if k not in ('model', 'average', 'optimiser', 'tensors')}


def load(model_class, folder, device='cpu'):
    """A trained model, ready to be used."""
    saved = read(checkpoint(folder, model_class.__name__.lower()))
    model = model_class(**saved['config'])
    model.load_state_dict(weights(saved))
    model.info = figures(saved)
    return model.to(device).eval()


def images(array, device='cpu'):
    """uint8 [N, H, W, 3] -> float [N, 3, H, W] in 0..1."""
    x = torch.as_tensor(array).to(device).permute(0, 3, 1, 2).float().div_(255)
    return x.contiguous(memory_format=torch.channels_last)
