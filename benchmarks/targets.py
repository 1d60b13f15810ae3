"""What is best asked of the network: the sprite, the noise or v? The same network trained four ways.

    python -m benchmarks.targets [--steps 1000] [--samples 256]

All four start from the same weights and see the same sprites, levels and noise in the same order, at the same learning
rate. Each then draws sprites in 50 steps from the same noise, which are judged, and guesses held-out sprites at a row
of levels, beside the best possible guess (ideal.denoise). Writes targets.json beside itself and prints two tables.
"""

import datetime
import sys
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import command
from helpers import sampler, schedule, training
from helpers.targets import Denoiser, plain_loss
from helpers.unet import UNet
from helpers.world import ideal, judge, sprites

WAYS = {  # name: what is asked, and the loss
    "sprite, min-SNR": ("sprite", training.step_loss),
    "sprite": ("sprite", plain_loss),
    "noise": ("noise", plain_loss),
    "v": ("v", plain_loss),
}
LEVELS = (10, 25, 50, 100, 150, 200, 250, 300, 400, 500)
SAMPLING_STEPS = 50


def train(target: str, loss, images, sched, steps: int, batch: int, lr: float, seed: int):
    """The running mean of the weights after all steps."""
    net = Denoiser(UNet(generator=torch.Generator().manual_seed(seed)), sched, target)
    g = torch.Generator().manual_seed(seed)
    for state in training.Run(net, images, sched, g, steps=steps, batch_size=batch, lr=lr, loss=loss):
        if state.step % 100 == 0:
            print(f"  step {state.step:,} of {steps:,}, loss {state.loss:.4f}", file=sys.stderr)
    return state.ema


def verdict(pictures, world) -> dict:
    """The judge's findings on some pictures, as shares; of the valid ones None where there are none."""
    report = judge.judge(pictures, world, world.split()[0])
    valid = int(report.valid.sum())
    return {
        "valid": float(report.valid.mean()),
        "new_of_valid": float(report.new.sum() / valid) if valid else None,
        "distinct_of_valid": report.distinct / valid if valid else None,
        "close": float(report.close.mean()),
        "median_distance": float(np.median(report.distance)),
    }


def sample_held_out(world, n: int, seed: int):
    """n sprites that are not in the training set, (n, 3, 16, 16), drawn at random."""
    _, held_out_idx = world.split()
    return sprites.to_tensor(world.images[np.random.default_rng(seed).choice(held_out_idx, n, replace=False)])


@torch.no_grad()
def errors(guess, x0, sched, seed: int) -> list[float]:
    """Mean squared error of guess(xt, t) at each of the levels, for the same noise whoever guesses."""
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed))
    return [(guess(sched.add_noise(x0, t, noise), t) - x0).square().mean().item() for t in LEVELS]


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def tables(found: dict) -> str:
    """Both tables in Markdown."""
    lines = [
        f"| {found['date']}, {found['steps']:,} steps | valid | new of the valid | within 0.1 RMS |",
        "|---|---|---|---|",
    ]
    for name, way in found["ways"].items():
        lines.append(f"| {name} | {percent(way['valid'])} | {percent(way['new_of_valid'])} | {percent(way['close'])} |")
    lines += ["", f"| error at level | {' | '.join(map(str, found['levels']))} |", "|---" * (len(LEVELS) + 1) + "|"]
    rows = {name: way["error"] for name, way in found["ways"].items()} | {"the best possible": found["floor"]}
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{error:.4f}' for error in row)} |")
    return "\n".join(lines)


def read(steps: int = 1000, batch: int = 64, lr: float = 4e-3, seed: int = 0, samples: int = 256) -> dict:
    """All figures. `samples` sprites are drawn, and as many held-out ones guessed."""
    world, sched = sprites.load_world(), schedule.cosine()
    images = sprites.to_tensor(world.images[world.split()[0]])
    held_out = sample_held_out(world, samples, seed)
    ways = {}
    for name, (target, loss) in WAYS.items():
        print(name, file=sys.stderr)
        start = time.perf_counter()
        net = train(target, loss, images, sched, steps, batch, lr, seed)
        seconds = time.perf_counter() - start
        g = torch.Generator().manual_seed(seed + 1)
        *_, last = sampler.sample(net, sched, n=samples, steps=SAMPLING_STEPS, generator=g)
        found = {**verdict(last.xt, world), "error": errors(net, held_out, sched, seed)}
        ways[name] = {"seconds": round(seconds, 1), **found}
    return {
        "date": datetime.date.today().isoformat(),
        "steps": steps,
        "batch": batch,
        "lr": lr,
        "seed": seed,
        "samples": samples,
        "sampling_steps": SAMPLING_STEPS,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "levels": LEVELS,
        "ways": ways,
        "floor": errors(lambda xt, t: ideal.denoise(xt, t, world.images, sched), held_out, sched, seed),
    }


if __name__ == "__main__":
    command.run(__doc__, read, tables, Path(__file__).with_suffix(".json"))
