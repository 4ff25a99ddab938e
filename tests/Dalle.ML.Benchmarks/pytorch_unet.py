"""A step of a UNet with the geometry of Karlo's decoder by PyTorch, as well set up as PyTorch is on a CPU: what `bench diffusion` is compared with.

Run it beside the benchmark, with threads that sleep while they wait and the kernels of OpenBLAS that fit the processor:
env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_WAIT_POLICY=PASSIVE /usr/bin/python3 tests/Dalle.ML.Benchmarks/pytorch_unet.py
"""
import argparse
import os
import statistics
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'onnx', 'training'))
from unclip import UNet                                                    # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--channels-last', action='store_true')
arguments = parser.parse_args()

torch.set_num_threads(os.cpu_count())
text, width = 77, 768
layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
unet = UNet(size=64, channels=320, multiples=(1, 2, 3, 4), blocks=3, head=64, dim=width, text_width=width, context=1536).eval().to(memory_format=layout)
times = {1: [], 2: []}
with torch.no_grad():
    for round_ in range(arguments.rounds + 1):
        for rows in times:
            inputs = (torch.randn(rows, 3, 64, 64).to(memory_format=layout), torch.full((rows,), 10), torch.randn(rows, width), torch.ones(rows, dtype=torch.bool),
                      torch.randn(rows, width), torch.randn(rows, text, width))
            start = time.perf_counter()
            unet(*inputs)
            if round_ > 0:
                times[rows].append(1000 * (time.perf_counter() - start))
print(f'PyTorch {torch.__version__}, {torch.get_num_threads()} threads, OMP_WAIT_POLICY={os.environ.get("OMP_WAIT_POLICY", "unset")}, '
      f'{"channels last" if arguments.channels_last else "channels first"}')
for rows, samples in times.items():
    print(f'  {rows} rows: {statistics.median(samples):.0f} ms ({min(samples):.0f} to {max(samples):.0f})')
