"""Training in the time that a learner will wait, beside a peer: our network and loop, and those of `diffusers`.

    python -m benchmarks.training [--seconds 150] [--samples 256]

Each trains for the same time on the same sprites and threads, one after another, and then draws in 50 steps what is
judged. The peer is `diffusers`' UNet2DModel of as many parameters, in the loop that its tutorial teaches: noise as the
target, mean squared error, AdamW, clipped gradients, a cosine learning rate with warm-up, EMA. It is given what is good
for it: the best of five learning rates, searched beforehand and not counted in its time; a cosine noise schedule; the
spacing of sampling steps that does not leave out the last level. It runs once more with the sprite as the target, to
tell what that alone changes. Writes training.json beside itself and prints a table.
"""

import argparse
import datetime
import json
import math
import sys
import time
from pathlib import Path

import diffusers
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from torch import nn

from benchmarks.targets import percent, sample_held_out, verdict
from helpers import sampler, schedule, sprites, training
from helpers.unet import UNet

BATCH, SEED, SAMPLING_STEPS = 64, 0, 50
OUR_LR = 4e-3  # as in notebook 2
PEER_LRS = (1e-4, 5e-4, 1e-3, 2e-3, 4e-3)
SEARCH = 1 / 5  # of the time, for each of them
PEER_NETWORK = {  # 1.27 million parameters; ours has 1.25
    "sample_size": 16,
    "block_out_channels": (32, 64, 72),
    "down_block_types": ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),  # attention at 4x4, as ours
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 8,
}


class Ours:
    """The network and loop of notebook 2."""

    sched = schedule.cosine()

    def train(self, images, steps, lr):
        """Yields the network after every step; the last one is what has been trained."""
        net = UNet(generator=seeded())
        for state in training.train(net, images, self.sched, generator=seeded(), steps=steps, batch=BATCH, lr=lr):
            yield state.ema

    def draw(self, net, n):
        """n pictures, (n, 3, 16, 16)."""
        *_, last = sampler.sample(net, self.sched, n=n, steps=SAMPLING_STEPS, generator=seeded(1))
        return last.xt


class Peer:
    """diffusers' network, scheduler and loop; the target is "epsilon" (the noise) or "sample" (the sprite)."""

    def __init__(self, target):
        self.target = target
        self.scheduler = DDPMScheduler(
            beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing", prediction_type=target
        )

    def train(self, images, steps, lr):
        """As `Ours.train`."""
        g = seeded()
        torch.manual_seed(SEED)  # its first weights come from the global generator
        net = UNet2DModel(**PEER_NETWORK)
        optimiser = torch.optim.AdamW(net.parameters(), lr=lr, fused=True)
        rate = get_cosine_schedule_with_warmup(optimiser, max(1, min(100, steps // 10)), steps)
        ema = EMAModel(net.parameters(), decay=0.995)  # warms up much as ours does
        for step in range(1, steps + 1):
            x0 = images[torch.randint(len(images), (BATCH,), generator=g)]
            loss = self.loss(net, x0, g)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            rate.step()
            ema.step(net.parameters())
            if step == steps:
                ema.copy_to(net.parameters())
            yield net

    def loss(self, net, x0, generator):
        noise = torch.randn(x0.shape, generator=generator)
        t = torch.randint(self.scheduler.config.num_train_timesteps, (len(x0),), generator=generator)
        answer = net(self.scheduler.add_noise(x0, noise, t), t).sample
        return F.mse_loss(answer, noise if self.target == "epsilon" else x0)

    @torch.no_grad()
    def draw(self, net, n):
        """As `Ours.draw`."""
        g = seeded(1)
        xt = torch.randn((n, *sampler.SHAPE), generator=g)
        self.scheduler.set_timesteps(SAMPLING_STEPS)
        for t in self.scheduler.timesteps:
            xt = self.scheduler.step(net(xt, t).sample, t, xt, generator=g).prev_sample
        return xt.nan_to_num()  # a network that has diverged draws nothing

    def best_lr(self, images, held_out, steps):
        """(the learning rate with the least loss on held-out sprites after so many steps, the loss of each)."""
        losses = {}
        for lr in PEER_LRS:
            *_, net = self.train(images, steps, lr)
            with torch.no_grad():
                loss = self.loss(net.eval(), held_out, seeded(2)).item()
            losses[lr] = loss if math.isfinite(loss) else math.inf
            say(f"  lr {lr}: {losses[lr]:.4f} after {steps} steps")
        return min(losses, key=losses.get), losses


def seeded(more=0):
    return torch.Generator().manual_seed(SEED + more)


def say(text):
    print(text, file=sys.stderr, flush=True)


def step_time(way, images, lr) -> float:
    """Seconds that a step takes: the mean of 20, after 3 to warm up."""
    run = way.train(images, 1000, lr)
    for _ in range(3):
        next(run)
    start = time.perf_counter()
    for _ in range(20):
        next(run)
    return (time.perf_counter() - start) / 20


def measure(way, images, held_out, world, seconds: float, samples: int) -> dict:
    """Train for so many seconds, draw, judge."""
    found, lr = {}, OUR_LR
    each = step_time(way, images, lr)
    if isinstance(way, Peer):
        lr, losses = way.best_lr(images, held_out, max(2, round(SEARCH * seconds / each)))
        found["lr_search"] = {str(rate): loss if math.isfinite(loss) else None for rate, loss in losses.items()}
    steps = max(2, round(seconds / each))  # set beforehand, since the learning rate falls over all of them
    run = way.train(images, steps, lr)
    start = time.perf_counter()
    for step in range(1, steps + 1):
        net = next(run)
        if step % 100 == 0:
            say(f"  step {step:,} after {time.perf_counter() - start:.0f} s")
    took = time.perf_counter() - start
    net.eval()
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "lr": lr,
        **found,
        "steps": steps,
        "seconds": round(took, 1),
        **verdict(way.draw(net, samples), world),
    }


def table(read: dict) -> str:
    """In Markdown; the last column is how many times the peer's share of valid sprites ours is."""
    lines = [
        f"| {read['date']}, {read['threads']} threads | seconds | steps | lr | valid | new of the valid | ours is |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, way in read["ways"].items():
        times = "–" if way["times_as_many_valid"] is None else f"{way['times_as_many_valid']:.1f} times that"
        lines.append(
            f"| {name} | {way['seconds']:.0f} | {way['steps']:,} | {way['lr']:g} | {percent(way['valid'])} "
            f"| {percent(way['new_of_valid'])} | {times} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    world = sprites.load_world()
    images, held_out = sprites.to_tensor(world.images[world.split()[0]]), sample_held_out(world, 512, SEED)
    ways = {
        "ours": Ours(),
        "diffusers, noise": Peer("epsilon"),
        "diffusers, sprite": Peer("sample"),
    }
    read = {}
    for name, way in ways.items():
        say(name)
        read[name] = measure(way, images, held_out, world, args.seconds, args.samples)
    for way in read.values():
        way["times_as_many_valid"] = read["ours"]["valid"] / way["valid"] if way["valid"] else None
    read = {
        "date": datetime.date.today().isoformat(),
        "seconds": args.seconds,
        "batch": BATCH,
        "seed": SEED,
        "samples": args.samples,
        "sampling_steps": SAMPLING_STEPS,
        "threads": args.threads,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "ways": read,
    }
    args.out.write_text(json.dumps(read, indent=2) + "\n", encoding="utf-8")
    print(table(read))


if __name__ == "__main__":
    main()
