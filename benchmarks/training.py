"""Training in the time that a learner will wait, beside a peer: our network and loop, and those of `diffusers`.

    python -m benchmarks.training [--seconds 150] [--patience 6] [--samples 256]

Each trains for the same time on the same sprites and threads, one after another, and then draws in 50 steps what is
judged. Whoever has not reached 95 % valid by then trains once more, from the start, for `patience` times as long, and
is judged ten times on the way: that gives the time to 95 %. The peer is `diffusers`' UNet2DModel of as many parameters,
in the loop that its tutorial teaches: noise as the target, mean squared error, AdamW, clipped gradients, a cosine
learning rate with warm-up, EMA. It is given what is good for it: its best learning rate; a cosine noise schedule; the
spacing of sampling steps that does not leave out the last level. Its network runs once more in our loop, so with our
target, weighting of levels and learning rate: what is left is the network. Writes training.json and prints a table.
"""

import copy
import datetime
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

from benchmarks import command
from benchmarks.targets import percent, verdict
from helpers import sampler, schedule, training
from helpers.unet import UNet
from helpers.world import sprites

OUT = Path(__file__).with_suffix(".json")
BATCH, SEED, SAMPLING_STEPS = 64, 0, 50
OUR_LR = 4e-3  # as in notebook 2
PEER_LR = 2e-3  # the best of 1e-4, 5e-4, 1e-3, 2e-3 and 4e-3 by the loss on held-out sprites after 30 s, either target
GOAL, LOOKS = 0.95, 10  # share valid to be reached; how often a run is judged on its way there
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

    lr = OUR_LR
    sched = schedule.cosine()

    @staticmethod
    def network():
        return UNet(generator=seeded())

    def train(self, images, steps):
        """Yields what draws, the running mean of the weights, after every step."""
        net = self.network()
        for state in training.Run(net, images, self.sched, seeded(), steps=steps, batch_size=BATCH, lr=self.lr):
            yield state.ema

    def draw(self, net, n):
        """n pictures, (n, 3, 16, 16)."""
        *_, last = sampler.sample(net, self.sched, n=n, steps=SAMPLING_STEPS, generator=seeded(1))
        return last.xt


class Peer:
    """diffusers' network, scheduler and loop, with the noise as the target."""

    lr = PEER_LR
    scheduler = DDPMScheduler(beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing")

    def train(self, images, steps):
        """As `Ours.train`."""
        g = seeded()
        net = peer_network()
        mean = copy.deepcopy(net).eval()
        optimiser = torch.optim.AdamW(net.parameters(), lr=self.lr, fused=True)
        rate = get_cosine_schedule_with_warmup(optimiser, max(1, min(100, steps // 10)), steps)
        ema = EMAModel(mean.parameters(), decay=0.995)  # warms up much as ours does
        for _ in range(steps):
            x0 = images[torch.randint(len(images), (BATCH,), generator=g)]
            noise = torch.randn(x0.shape, generator=g)
            t = torch.randint(self.scheduler.config.num_train_timesteps, (BATCH,), generator=g)
            loss = F.mse_loss(net(self.scheduler.add_noise(x0, noise, t), t).sample, noise)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            rate.step()
            ema.step(net.parameters())
            ema.copy_to(mean.parameters())  # takes a thousandth of a step's time
            yield mean

    @torch.no_grad()
    def draw(self, net, n):
        """As `Ours.draw`."""
        g = seeded(1)
        xt = torch.randn((n, *sampler.SHAPE), generator=g)
        self.scheduler.set_timesteps(SAMPLING_STEPS)
        for t in self.scheduler.timesteps:
            xt = self.scheduler.step(net(xt, t).sample, t, xt, generator=g).prev_sample
        return xt.nan_to_num()  # a network that has diverged draws nothing


class PeerInOurLoop(Ours):
    """diffusers' network, asked for the sprite, in our loop and with our sampler; the learning rate is its own best."""

    lr = PEER_LR

    @staticmethod
    def network():
        return Answer(peer_network())


class Answer(nn.Module):
    """diffusers' network as ours is called: (xt, t) -> guess."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, xt, t):
        return self.net(xt, t).sample


def peer_network():
    torch.manual_seed(SEED)  # its first weights come from the global generator
    return UNet2DModel(**PEER_NETWORK)


def seeded(more=0):
    return torch.Generator().manual_seed(SEED + more)


WAYS = {"ours": Ours(), "diffusers": Peer(), "diffusers, our loop": PeerInOurLoop()}


def say(text):
    print(text, file=sys.stderr, flush=True)


def step_time(way, images) -> float:
    """Seconds that a step takes: the mean of 20, after 3 to warm up."""
    run = way.train(images, 1000)
    for _ in range(3):
        next(run)
    start = time.perf_counter()
    for _ in range(20):
        next(run)
    return (time.perf_counter() - start) / 20


def run(way, images, world, steps: int, samples: int) -> list[dict]:
    """Train so many steps; at ten even places draw and judge, while the clock stands still. The last is the end."""
    places = {round(steps * (i + 1) / LOOKS) for i in range(LOOKS)}
    seconds, found, training_run = 0.0, [], way.train(images, steps)
    for step in range(1, steps + 1):
        start = time.perf_counter()
        net = next(training_run)
        seconds += time.perf_counter() - start
        if step in places:
            drawn = way.draw(net, samples // 8)  # a glance, which tells whether more is worth the time
            if step == steps or verdict(drawn, world)["valid"] > GOAL - 0.15:
                drawn = way.draw(net, samples)
            look = {"steps": step, "seconds": round(seconds, 1), "samples": len(drawn), **verdict(drawn, world)}
            say(f"  step {step:,} after {seconds:.0f} s: {percent(look['valid'])} valid")
            found.append(look)
    return found


def measure(way, images, world, seconds: float, patience: float, samples: int) -> dict:
    """After so many seconds; and, where that was not enough for 95 % valid, on the way to `patience` times as many.

    The number of steps is set beforehand, since the learning rate falls over all of them.
    """
    each = step_time(way, images)
    runs = {"equal time": run(way, images, world, max(LOOKS, round(seconds / each)), samples)}
    if not any(look["valid"] >= GOAL for look in runs["equal time"]):
        runs["longer"] = run(way, images, world, max(LOOKS, round(patience * seconds / each)), samples)
    times = [look["seconds"] for looks in runs.values() for look in looks if look["valid"] >= GOAL]
    return {"lr": way.lr, "seconds per step": each, **runs, "seconds to goal": min(times, default=None)}


def to_goal(way) -> str:
    """The time to 95 % valid, in words; of a way that did not get there how far it came, and in what time."""
    if way["seconds to goal"]:
        return f"{way['seconds to goal']:.0f} s"
    last = way["longer"][-1]
    return f"more than {last['seconds']:.0f} s ({percent(last['valid'])} after {last['steps']:,} steps)"


def times_as_long(way, ours) -> str:
    """How many times as long as ours a way takes to 95 % valid; an empty string where that cannot be told."""
    if not ours["seconds to goal"]:
        return ""
    if way["seconds to goal"]:
        return f"{way['seconds to goal'] / ours['seconds to goal']:.1f}"
    times = way["longer"][-1]["seconds"] / ours["seconds to goal"]
    return f"more than {times:.1f}" if times > 1 else ""


def table(found: dict) -> str:
    """In Markdown."""
    lines = [
        f"| {found['date']}, {found['threads']} threads | parameters | seconds | steps | lr | valid | new of the valid "
        f"| to {GOAL:.0%} valid |",
        "|---" * 8 + "|",
    ]
    for name, way in found["ways"].items():
        last = way["equal time"][-1]
        lines.append(
            f"| {name} | {way['parameters']:,} | {last['seconds']:.0f} | {last['steps']:,} | {way['lr']:g} "
            f"| {percent(last['valid'])} | {percent(last['new_of_valid'])} | {to_goal(way)} |"
        )
    return "\n".join(lines)


def read(seconds: float = 150, patience: float = 6, samples: int = 256, threads: int = 2) -> dict:
    """All figures."""
    torch.set_num_threads(threads)
    world = sprites.load_world()
    images = sprites.to_tensor(world.images[world.split()[0]])
    found = {}
    for name, way in WAYS.items():
        say(name)
        parameters = sum(p.numel() for p in next(way.train(images, 1)).parameters())
        found[name] = {"parameters": parameters, **measure(way, images, world, seconds, patience, samples)}
    return {
        "date": datetime.date.today().isoformat(),
        "batch": BATCH,
        "seed": SEED,
        "samples": samples,
        "sampling_steps": SAMPLING_STEPS,
        "threads": threads,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "ways": found,
    }


if __name__ == "__main__":
    command.run(__doc__, read, table, OUT)
