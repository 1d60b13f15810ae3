"""Training the network: `for state in train(net, images, sched, generator=g): ...`

One step takes a few sprites, a noise level for each and some noise, has the network guess the sprites, and moves its
weights a little towards a better guess. The rest of this file sees to it that nothing is lost: checkpoint.py has the
file, progress.py something to look at meanwhile.
"""

import contextlib
import copy
import hashlib
import math
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from helpers.schedule import Schedule, check_images, check_same_device
from helpers.storage import checkpoint as checkpoint_file
from helpers.storage.checkpoint import CheckpointError

BANDS = 10  # of noise levels, for which losses are kept apart


class DivergedError(RuntimeError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class State:
    """Where a training run stands after a step.

    step           steps done, 1..steps
    steps          steps that the run will take
    loss           the loss of this step's batch
    loss_by_level  float32 (10,): mean squared error of the guess, unweighted, in ten equal bands of levels from the
                   least noise to the most; a running mean over some 50 steps; nan for a band not met yet
    lr             learning rate of this step
    net            the network that is being trained
    ema            the running mean of its weights, ready for use: it guesses better than `net`. Like `net` the same
                   object at every step, which the next step changes: copy.deepcopy it to keep it
    """

    step: int
    steps: int
    loss: float
    loss_by_level: torch.Tensor
    lr: float
    net: nn.Module
    ema: nn.Module


# ---- one step ----


def draw(images, sched, batch, generator):
    """What one step learns from: (x0 (batch, C, H, W), t (batch,) in 1..T, noise like x0), on the device of images.

    Level 0 is left out: without noise there is nothing to learn. The others are spread evenly, one drawn from each
    of `batch` equal parts, so that no step sees mostly easy ones (Kingma et al. 2021, arXiv:2107.00630, appendix I).
    The numbers are drawn where the generator lives, so one on the CPU gives the same ones whatever the device of the
    images.
    """
    on = {"generator": generator, "device": generator.device}
    which = torch.randint(len(images), (batch,), **on)
    part = torch.arange(batch, device=generator.device) + torch.rand(batch, **on)  # 0..batch
    t = (part * sched.T / batch).ceil().long().clamp(1, sched.T)
    noise = torch.randn((batch, *images.shape[1:]), **on)
    return images[which.to(images.device)], t.to(images.device), noise.to(images.device)


def step_loss(net, x0, t, noise, sched):
    """The loss that is minimised, and the mean squared error of each guess: (scalar, (N,)).

    Each error is weighted by the signal-to-noise ratio of its level, at most 5: "min-SNR" (Hang et al. 2023,
    arXiv:2303.09556). Unweighted, the high levels, where nobody can guess well, would drown the low ones. And at least
    0.05, which is ours: without it the last levels, where sampling begins, would hardly be learned.
    """
    guess = net(sched.add_noise(x0, t, noise), t)
    error = (guess - x0).square().mean(dim=(1, 2, 3))  # (N,)
    return (sched.snr(t).clamp(0.05, 5) * error).mean(), error


def make_optimiser(net):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101); `train` sets its learning rate at each step."""
    return torch.optim.AdamW(net.parameters(), betas=(0.9, 0.95), weight_decay=0.01, fused=True)


def learning_rate(step, steps, peak):
    """The learning rate of step 1..steps: up in a straight line to the peak, then down in another, nearly to zero.

    What Defazio et al. 2023 (arXiv:2310.07831) found to be hard to beat.
    """
    warm_up = max(1, min(100, steps // 10))
    return peak * min(step / warm_up, (steps + 1 - step) / (steps + 1 - warm_up))


@torch.no_grad()
def update_ema(ema, net, decay):
    """Move the weights of `ema` towards those of `net`: ema = decay * ema + (1 - decay) * net."""
    for mean, weights in zip(ema.parameters(), net.parameters(), strict=True):
        mean.lerp_(weights, 1 - decay)
    for mean, value in zip(ema.buffers(), net.buffers(), strict=True):
        mean.copy_(value)


# ---- all steps ----


def train(
    net,
    images,
    sched: Schedule,
    *,
    generator: torch.Generator,
    steps: int = 1750,
    batch: int = 64,
    lr: float = 3e-3,
    ema_decay: float = 0.995,
    checkpoint: str | Path | None = None,
    save_every: int = 100,
    loss=step_loss,
):
    """Train `net` in place; a generator that yields a `State` after every step.

    net         (xt, t) -> guess of x0. On CUDA it computes in bfloat16, its weights stay float32
    images      (M, C, H, W) float in [-1, 1], M >= 1; on the device of net and sched
    generator   decides on images, levels and noise, so the same one gives the same weights on the same machine
    lr          the highest learning rate, reached after a tenth of the steps or 100 of them
    ema_decay   share that the running mean of the weights keeps at each step; less at first
    checkpoint  a file. Written at the start, every `save_every` steps and whenever training stops, for whatever
                reason. If it is there already, training goes on from it: it overwrites the weights of net and the state
                of generator, the state it stands at is yielded once more, and in the end all is bit for bit as if
                nothing had happened
    loss        another loss with the arguments and results of `step_loss`

    Training that is stopped, by closing the loop or by the stop button, has done each of its steps wholly or not at
    all, and leaves the weights so far in net and state.ema.

    Raises TypeError or ValueError for bad input, CheckpointError if the checkpoint cannot be written or belongs to
    something else, all before the first step; DivergedError if the loss is no longer finite, with the weights as they
    were before that step and the last checkpoint as it was; CheckpointError if the disk fills up meanwhile.
    """
    check_arguments(net, images, sched, generator, {"steps": steps, "batch": batch, "save_every": save_every}, lr)
    images = images.float()
    settings = {
        "steps": steps,
        "batch": batch,
        "lr": lr,
        "ema_decay": ema_decay,
        "loss": getattr(loss, "__name__", type(loss).__name__),
        "fingerprint of images": fingerprint(images),
        "fingerprint of schedule": fingerprint(sched.alpha_bar),
    }
    run = Run(net, generator, settings)
    if checkpoint is not None:
        checkpoint = Path(checkpoint)
        if checkpoint.exists():
            run.load(checkpoint)
        else:
            run.save(checkpoint)  # better to learn now than after 100 steps that it cannot be written
    return _steps(run, images, sched, checkpoint, save_every, loss)


def _steps(run, images, sched, checkpoint, save_every, loss_of):
    net, steps, device = run.net.train(), run.settings["steps"], images.device
    if run.step:
        yield run.state()
    try:
        while run.step < steps:
            x0, t, noise = draw(images, sched, run.settings["batch"], run.generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss, error = loss_of(net, x0, t, noise, sched)
            run.optimiser.zero_grad()
            loss.backward()
            length = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            if not (loss.isfinite() and length.isfinite()):
                checkpoint = None  # the last one is better
                raise DivergedError(
                    f"the loss became {loss.item():.3g} at step {run.step + 1}, its gradient {length.item():.3g}. The "
                    "weights are those before this step, and the last checkpoint is untouched. Try a lower lr, and "
                    "look for NaN in your own changes; start afresh with a new network and another checkpoint file"
                )
            with uninterrupted():
                run.update(loss, error, (t - 1) * BANDS // sched.T)
            yield run.state()
            if checkpoint and run.step % save_every == 0:
                run.save(checkpoint)
    finally:
        if checkpoint:
            run.save(checkpoint)


class Run:
    """All that a training run hands on from step to step, and so all that a checkpoint holds."""

    def __init__(self, net, generator, settings):
        self.net, self.generator, self.settings = net, generator, settings
        self.ema = copy.deepcopy(net).eval().requires_grad_(False)
        self.optimiser = make_optimiser(net)
        for p in net.parameters():  # as AdamW would do itself at the first step
            means = {name: torch.zeros_like(p, memory_format=torch.preserve_format) for name in ADAM}
            self.optimiser.state[p] = {"step": torch.zeros((), device=p.device), **means}
        self.step, self.saved, self.loss = 0, None, None
        self.random = generator.get_state()  # as it was after the last whole step
        self.error = torch.zeros(2, BANDS)  # by band of levels: sum of the errors and their number, fading

    def lr(self):
        """The learning rate of the step done last."""
        return learning_rate(self.step, self.settings["steps"], self.settings["lr"])

    def update(self, loss, error, band):
        """Do the step for which the gradients are there."""
        self.step += 1
        self.loss = loss.item()
        self.optimiser.param_groups[0]["lr"] = self.lr()
        self.optimiser.step()
        update_ema(self.ema, self.net, min(self.settings["ema_decay"], self.step / (self.step + 9)))
        error = error.detach().float().cpu()
        self.error = (0.98 * self.error).index_add(1, band.cpu(), torch.stack([error, torch.ones_like(error)]))
        self.random = self.generator.get_state()

    def state(self) -> State:
        total, number = self.error
        return State(self.step, self.settings["steps"], self.loss, total / number, self.lr(), self.net, self.ema)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every tensor of a checkpoint, by name; not copies."""
        adam = {name: self.optimiser.state[p] for name, p in self.net.named_parameters()}
        return {
            **{f"net.{name}": x for name, x in self.net.state_dict().items()},
            **{f"ema.{name}": x for name, x in self.ema.state_dict().items()},
            **{f"adam.{key}.{name}": state[key] for name, state in adam.items() for key in ("step", *ADAM)},
            "error": self.error,
            "generator": self.random,
        }

    def save(self, path):
        """Write a checkpoint, unless it was tried for this step already."""
        if self.saved == self.step:
            return
        self.saved = self.step
        if not all(p.isfinite().all() for p in self.net.parameters()):
            raise DivergedError(
                f"the weights are no longer finite after step {self.step}: the last checkpoint is left as it was. "
                "Try a lower lr; start afresh with a new network and another checkpoint file"
            )
        with uninterrupted():
            checkpoint_file.save(
                path, self.tensors(), {"step": self.step, "loss": self.loss, "settings": self.settings}
            )

    @torch.no_grad()
    def load(self, path):
        """Go on from a checkpoint. It is checked in full before anything is changed."""
        tensors, info = checkpoint_file.load(path)
        mine, theirs = ({name: (x.dtype, x.shape) for name, x in some.items()} for some in (self.tensors(), tensors))
        for name in [*mine, *theirs]:
            if mine.get(name) != theirs.get(name):
                has, wants = (tuple(some[name][1]) if name in some else "missing" for some in (theirs, mine))
                raise CheckpointError(
                    f"{path}: made with another network (or kind of generator): {name} is {has} there and {wants} "
                    "here. Build the one that it was made with, or name another file to start afresh"
                )
        step, settings = info.get("step"), info.get("settings")
        if not (isinstance(settings, dict) and isinstance(step, int) and step >= 0):
            raise CheckpointError(f"{path}: does not say where its run stands. Name another file to start afresh")
        for name, now in self.settings.items():
            if (then := settings.get(name)) != now:
                raise CheckpointError(
                    f"{path}: belongs to a run with other settings: {name} was {then} and is {now} now. Train with the "
                    "same ones to go on with it, or name another file to start afresh"
                )
        for name, x in self.tensors().items():
            x.copy_(tensors[name])
        self.generator.set_state(self.random)
        self.step = self.saved = step
        self.loss = info.get("loss")


ADAM = ("exp_avg", "exp_avg_sq")  # what AdamW keeps for each weight: running means of the gradient and of its square


@contextlib.contextmanager
def uninterrupted():
    """Hold back the stop button (Ctrl-C) until the end of the block, so that a step is done wholly or not at all."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield  # here signals never arrive, or are not ours to hold back
        return
    held = []
    before = signal.signal(signal.SIGINT, lambda *_: held.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)


def fingerprint(x) -> str:
    """Equal for equal tensors: the SHA-256 of their values, shortened."""
    return hashlib.sha256(x.detach().cpu().contiguous().numpy()).hexdigest()[:16]


def check_arguments(net, images, sched, generator, counts, lr):
    """Refuse what cannot be trained with, before anything is done."""
    check_images("images", images, limit=1.001)
    if len(images) == 0:
        raise ValueError("images is empty: there must be at least one to learn from")
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, as torch.Generator().manual_seed(0); got {generator!r}")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError(f"{name} must be an int, got {count!r}")
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    if not 0 < lr < math.inf:
        raise ValueError(f"lr must be a positive number such as 0.003, got {lr}")
    check_same_device(net=next(net.parameters()), images=images, schedule=sched.alpha_bar)
