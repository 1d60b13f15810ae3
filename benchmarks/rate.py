"""How well training uses the machine: its rate of arithmetic beside the fastest that large matrix products reach.

    python -m benchmarks.rate [--threads 2]

The operations of a training step, forward and backward, are counted by PyTorch's FlopCounterMode (convolutions and
matrix products; a multiplication and an addition are two). They are divided by the time that the whole step takes,
optimiser and all. The two are timed in turn, so that both meet the same machine. Prints the figures.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import Ours, Peer

OUT = Path(__file__).with_suffix(".json")
SIDE = 2048  # of the matrices
TURNS, STEPS = 7, 10


def product():
    """A function that multiplies two large matrices in float32, and how many operations that takes."""
    a, b = torch.randn(2, SIDE, SIDE)
    return lambda: a @ b, 2 * SIDE**3


def training_step(way, images):
    """A function that does a training step, and how many operations that takes."""
    run = way.train(images, 10_000)
    next(run)
    with FlopCounterMode(display=False) as counter:
        next(run)
    return lambda: next(run), counter.get_total_flops()


def read(threads: int = 2) -> dict:
    """Operations per second, in 1e9: of the matrix product, and of training as a share of that."""
    torch.set_num_threads(threads)
    images = torch.rand(1000, 3, 16, 16) * 2 - 1  # the arithmetic is the same for all pictures
    work = {
        "matrix product": product(),
        "ours": training_step(Ours(), images),
        "diffusers": training_step(Peer(), images),
    }
    rates = {name: [] for name in work}
    for _ in range(TURNS + 1):
        for name, (do, operations) in work.items():
            start = time.perf_counter()
            for _ in range(STEPS):
                do()
            rates[name].append(STEPS * operations / (time.perf_counter() - start) / 1e9)
    rates = {name: found[1:] for name, found in rates.items()}  # the first turn warmed up
    peak = max(rates["matrix product"])
    return {
        name: {
            "GFLOP per call": work[name][1] / 1e9,
            "GFLOP/s": round(statistics.median(found), 1),
            "share of peak": round(statistics.median(found) / peak, 3),
        }
        for name, found in rates.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    print(json.dumps(read(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
