"""Sampling: how fast and how good, at few steps and many, beside the pipelines of `diffusers` with the same weights.

    python -m benchmarks.sampling [--samples 256] [--threads 2] [--device cpu]

The network that comes with Inkdrop draws by `sampler.sample`, with eta 1 and 0, and by `diffusers`' DDPMPipeline and
DDIMPipeline, from the same noise over the same levels: the pictures agree, or the script stops. So what differs is the
time around the network. DPM-Solver++ shows what a solver of higher order makes of as many steps. All take turns,
several times over, and the medians count. Writes sampling.json beside itself and prints a table.
"""

import datetime
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import diffusers
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, DPMSolverMultistepScheduler
from torch import nn

from benchmarks import command
from benchmarks.targets import percent, verdict
from helpers import sampler, schedule
from helpers.storage import weights
from helpers.world import sprites

OUT = Path(__file__).with_suffix(".json")
STEPS = (50, 20, 10, 5)
SEED = 0
AGREE = 1e-4  # the most by which a value in [-1, 1] may differ between ours and a pipeline
SCHED = schedule.cosine()
PAIRS = {"ours, eta 1": "DDPMPipeline", "ours, eta 0": "DDIMPipeline"}
LIKE_OURS = {  # for the schedulers of diffusers: our levels, and a network that guesses the sprite
    "num_train_timesteps": SCHED.T,
    "trained_betas": SCHED.beta[1:].tolist(),
    "prediction_type": "sample",
    "timestep_spacing": "trailing",
}


class AsUNet2D(nn.Module):
    """Our network, answering as the pipelines expect of a UNet2DModel."""

    config = SimpleNamespace(sample_size=16, in_channels=3)
    dtype = torch.float32

    def __init__(self, net, clip):
        super().__init__()
        self.net, self.clip = net, clip

    @property
    def device(self):
        return next(self.parameters()).device

    def forward(self, xt, t):
        guess = self.net(xt, t + 1)  # they count levels from 0
        return SimpleNamespace(sample=guess.clamp(-1, 1) if self.clip else guess)


class Clocked(nn.Module):
    """A network that adds up the seconds spent in it. To tell them, a GPU is waited for; all ways do so alike."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seconds = net, 0.0

    def forward(self, xt, t):
        guess, took = timed(self.net, xt, t)
        self.seconds += took
        return guess


def timed(work, *args):
    """(what work(*args) answers, the seconds it took)."""
    wait()
    start = time.perf_counter()
    answer = work(*args)
    wait()
    return answer, time.perf_counter() - start


def wait():
    """For a GPU, which is still at work when the call has returned."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def ours(net, eta):
    """How sampler.sample draws: a function (steps, n) -> n pictures, (n, 3, 16, 16)."""

    def draw(steps, n):
        for step in sampler.sample(net, SCHED, n=n, steps=steps, eta=eta, generator=seeded()):
            pictures = step.xt  # of the last step, in the end; not kept of the others
        return pictures

    return draw


def peer(net, pipeline, scheduler, clip=False, **call):
    """As `ours`, by a pipeline. clip: clamp the guesses in the network, for a scheduler that cannot."""
    pipe = pipeline(unet=AsUNet2D(net, clip), scheduler=scheduler)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler.alphas_cumprod = SCHED.alpha_bar[1:].double()  # multiplied up in float32 it is off by 1e-4

    def draw(steps, n):
        pictures = pipe(batch_size=n, generator=seeded(), num_inference_steps=steps, output_type="pt", **call).images
        return 2 * pictures - 1  # they answer in 0..1

    return draw


def seeded():
    return torch.Generator().manual_seed(SEED)  # on the CPU: the same noise for all, whatever the device


def ways_to_draw(net) -> dict:
    """name -> draw(steps, n)."""
    ddim_call = {"eta": 0.0, "use_clipped_model_output": True}
    return {
        "ours, eta 1": ours(net, 1),
        "DDPMPipeline": peer(net, DDPMPipeline, DDPMScheduler(**LIKE_OURS, clip_sample=True)),
        "ours, eta 0": ours(net, 0),
        "DDIMPipeline": peer(net, DDIMPipeline, DDIMScheduler(**LIKE_OURS, clip_sample=True), **ddim_call),
        "DPM-Solver++": peer(net, DDPMPipeline, DPMSolverMultistepScheduler(**LIKE_OURS), clip=True),
    }


def measure(ways, net, world, steps: int, samples: int, repeats: int) -> dict:
    """All ways at so many steps, in turn, `repeats` times over; then judged."""
    seconds, in_net = {name: [] for name in ways}, {name: [] for name in ways}
    pictures = {}
    for turn in range(repeats):
        for name in list(ways) if turn % 2 else reversed(ways):  # nobody is always first
            net.seconds = 0.0
            pictures[name], took = timed(ways[name], steps, samples)
            seconds[name].append(took)
            in_net[name].append(net.seconds)

    read = {}
    for name in ways:
        took = statistics.median(seconds[name])
        around = [a - b for a, b in zip(seconds[name], in_net[name], strict=True)]
        read[name] = {
            "seconds": took,
            "per_second": samples / took,
            "share_in_network": statistics.median(b / a for a, b in zip(seconds[name], in_net[name], strict=True)),
            "ms_per_step_around_it": 1000 * statistics.median(around) / steps,
            **verdict(pictures[name], world),
        }
    for name, peer_name in PAIRS.items():
        turns = zip(seconds[name], seconds[peer_name], strict=True)  # one just after the other
        read[name]["times_the_pipeline"] = statistics.median(a / b for a, b in turns)
        read[name]["differs_by"] = (pictures[name] - pictures[peer_name]).abs().max().item()
    # Not asked of eta 1, where their formula is another and rounds otherwise: that is told in the file alone.
    apart = read["ours, eta 0"]["differs_by"]
    assert apart <= AGREE, f"not a comparison of equals: at {steps} steps ours and DDIMPipeline differ by {apart:.1e}"
    return read


def table(found: dict) -> str:
    """In Markdown."""
    where = f"{found['threads']} threads" if found["device"] == "cpu" else found["device"]
    lines = [
        f"| {found['date']}, {where} | steps | seconds | sprites per second | valid | new of the valid "
        "| in the network | around it, per step | time, to the pipeline's |",
        "|---" * 9 + "|",
    ]
    for steps, ways in found["steps"].items():
        for name, way in ways.items():
            ratio = f" {way['times_the_pipeline']:.3f} " if name in PAIRS else " "
            lines.append(
                f"| {name} | {steps} | {way['seconds']:.2f} | {way['per_second']:.1f} | {percent(way['valid'])} "
                f"| {percent(way['new_of_valid'])} | {percent(way['share_in_network'])} "
                f"| {way['ms_per_step_around_it']:.2f} ms |{ratio}|"
            )
    return "\n".join(lines)


def read(samples: int = 256, repeats: int = 3, threads: int = 2, device: str = "cpu") -> dict:
    """All figures."""
    torch.set_num_threads(threads)
    world, net = sprites.load_world(), Clocked(weights.load_pretrained(device=device))
    ways = ways_to_draw(net)
    for draw in ways.values():
        draw(2, samples)  # to warm up
    found = {}
    for steps in STEPS:
        print(f"{steps} steps", file=sys.stderr)
        found[str(steps)] = measure(ways, net, world, steps, samples, repeats)
    return {
        "date": datetime.date.today().isoformat(),
        "samples": samples,
        "repeats": repeats,
        "seed": SEED,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": threads,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "steps": found,
    }


if __name__ == "__main__":
    command.run(__doc__, read, table, OUT)
