"""What is best asked of the network: the sprite, the noise or v? Each with the same weights of the loss as the others.

    python -m benchmarks.targets [--steps 1000] [--samples 256]

An error of the noise is SNR times that of the sprite, an error of v SNR + 1 times. So a weighting, said as what an
error of the *sprite* counts at each level, can be given to all three targets, and then they differ in nothing but what
the network says. Four weightings: "min-SNR" (Hang et al. 2023, arXiv:2303.09556), and the three that plain mean squared
errors amount to. In a fifth the sprite is asked for as `training.step_loss` does.

All start from the same first weights and see the same sprites, levels and noise in the same order, at the same learning
rate, which was chosen for the sprite. Each then draws sprites in 50 steps from the same noise, which are judged, and
guesses held-out sprites at a row of levels, beside the best possible guess (ideal.denoise). Writes targets.json beside
itself and prints two tables. What is done is kept in .cache/targets, so that a run that was stopped goes on.
"""

import datetime
import json
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import torch

from benchmarks import command
from helpers import sampler, schedule, training
from helpers.storage import files
from helpers.targets import TARGETS, Denoiser
from helpers.unet import UNet
from helpers.world import ideal, judge, sprites

WEIGHTINGS = {  # name: what an error of the sprite counts, given the signal-to-noise ratio
    "min-SNR": lambda snr: snr.clamp(max=5),
    "plain, of the sprite": torch.ones_like,
    "plain, of the noise": lambda snr: snr,
    "plain, of v": lambda snr: snr + 1,
    "ours": lambda snr: snr.clamp(0.05, 5),
}
# how many times the error of the sprite the error of each is
UNITS = {"sprite": torch.ones_like, "noise": lambda snr: snr, "v": lambda snr: snr + 1}
WAYS = [("ours", "sprite"), *product(["min-SNR"], TARGETS)]
WAYS += [("plain, of the sprite", "sprite"), ("plain, of the noise", "noise"), ("plain, of v", "v")]
LEVELS = (10, 25, 50, 100, 150, 200, 250, 300, 400, 500)
SAMPLING_STEPS = 50


def weighted_loss(weighting: str):
    """The mean squared error of the answer, so weighted that an error of the sprite counts what `weighting` says."""

    def loss(net: Denoiser, batch: training.Batch, sched) -> torch.Tensor:
        answer = net.net(sched.add_noise(batch.x0, batch.t, batch.noise), batch.t)
        off = answer - net.right_answer(batch.x0, batch.noise, batch.t)
        snr = sched.snr(batch.t)
        weight = WEIGHTINGS[weighting](snr) / UNITS[net.target](snr)
        return (weight * off.square().mean(dim=(1, 2, 3))).mean()

    return loss


def train(target: str, weighting: str, images, sched, steps: int, batch: int, lr: float, seed: int):
    """The running mean of the weights after all steps."""
    net = Denoiser(UNet(generator=torch.Generator().manual_seed(seed)), sched, target)
    g = torch.Generator().manual_seed(seed)
    run = training.Run(net, images, sched, g, steps=steps, batch_size=batch, lr=lr, loss=weighted_loss(weighting))
    for state in run:
        if state.step % 100 == 0:
            print(f"  step {state.step:,} of {steps:,}, loss {state.loss:.4f}", file=sys.stderr, flush=True)
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
    lines = [f"| valid, {found['date']}, {found['steps']:,} steps | {' | '.join(TARGETS)} |", "|---|---|---|---|"]
    for weighting, ways in found["ways"].items():
        row = (percent(ways[target]["valid"] if target in ways else None) for target in TARGETS)
        lines.append(f"| {weighting} | {' | '.join(row)} |")
    lines += ["", f"| error at level | {' | '.join(map(str, found['levels']))} |", "|---" * (len(LEVELS) + 1) + "|"]
    ways = found["ways"].items()
    rows = {f"{target}; {name}": way["error"] for name, group in ways for target, way in group.items()}
    for name, row in (rows | {"the best possible": found["floor"]}).items():
        lines.append(f"| {name} | {' | '.join(f'{error:.4f}' for error in row)} |")
    return "\n".join(lines)


def read(steps: int = 1000, batch: int = 64, lr: float = 4e-3, seed: int = 0, samples: int = 256) -> dict:
    """All figures. `samples` sprites are drawn, and as many held-out ones guessed."""
    world, sched = sprites.load_world(), schedule.cosine()
    images = sprites.to_tensor(world.images[world.split()[0]])
    held_out = sample_held_out(world, samples, seed)
    kept = files.cache() / "targets"
    kept.mkdir(parents=True, exist_ok=True)
    ways = {}
    for weighting, target in WAYS:
        done = kept / f"{weighting} {target} {steps} {batch} {lr} {seed} {samples}.json"
        if not done.exists():
            print(f"{target}; {weighting}", file=sys.stderr, flush=True)
            start = time.perf_counter()
            net = train(target, weighting, images, sched, steps, batch, lr, seed)
            seconds = time.perf_counter() - start
            g = torch.Generator().manual_seed(seed + 1)
            *_, last = sampler.sample(net, sched, n=samples, steps=SAMPLING_STEPS, generator=g)
            found = {**verdict(last.xt, world), "error": errors(net, held_out, sched, seed)}
            done.write_text(json.dumps({"seconds": round(seconds, 1), **found}), encoding="utf-8")
        ways.setdefault(weighting, {})[target] = json.loads(done.read_text(encoding="utf-8"))
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
