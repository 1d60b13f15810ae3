"""Training the network: `run = Run(net, images, sched, generator)`, then `for state in run: ...`

One step takes a few sprites, a noise level for each and some noise, has the network guess the sprites, and moves its
weights a little towards a better guess. storage/resume.py keeps a run in a file, lesson/progress.py shows it.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers import expect, guidance
from helpers.interrupt import uninterrupted
from helpers.schedule import Schedule


class DivergedError(RuntimeError):
    """The loss is no longer a number."""


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Batch:
    """What one step learns from: x0 (N, C, H, W), levels t (N,) in 1..T, noise like x0; what is told of x0, (N, A)."""

    x0: Tensor
    t: Tensor
    noise: Tensor
    context: Tensor | None = None


def batch(
    images: Tensor, sched: Schedule, size: int, generator: torch.Generator, labels: Tensor | None = None
) -> Batch:
    """Draw a batch of `size` from images (M, C, H, W), on their device; with labels (M, A) what is told of each.

    Level 0 is left out: without noise there is nothing to learn. The others are spread evenly, one drawn from each
    of `size` equal parts, so that no step sees mostly easy ones (Kingma et al. 2021, arXiv:2107.00630, appendix I, do
    so with one random offset for all). Numbers are drawn where the generator lives, whatever the device of the images.
    """
    on = generator.device
    which = torch.randint(len(images), (size,), generator=generator, device=on)
    part = torch.arange(size, device=on) + torch.rand(size, generator=generator, device=on)  # 0..size
    t = (part * sched.T / size).ceil().long().clamp(1, sched.T)
    noise = torch.randn((size, *images.shape[1:]), generator=generator, device=on)
    which = which.to(images.device)
    context = None if labels is None else guidance.tell_some(labels[which], generator)
    return Batch(images[which], t.to(images.device), noise.to(images.device), context)


def step_loss(net: Callable, batch: Batch, sched: Schedule) -> Tensor:
    """The loss that is minimised, a scalar: the squared error of each guess, weighted by its level.

    The weight is the signal-to-noise ratio, at most 5: "min-SNR" (Hang et al. 2023, arXiv:2303.09556). And at least
    0.05, which is ours: without it the very last level is learned less well, with an error of 0.40, not 0.33, after
    1,000 steps, though as many samples are valid (benchmarks/README.md, Targets).
    """
    xt, told = sched.add_noise(batch.x0, batch.t, batch.noise), () if batch.context is None else (batch.context,)
    guess = net(xt, batch.t, *told)
    error = (guess - batch.x0).square().mean(dim=(1, 2, 3))  # (N,)
    return (sched.snr(batch.t).clamp(0.05, 5) * error).mean()


def learning_rate(step: int, steps: int, peak: float) -> float:
    """The learning rate of step 1..steps: straight up to the peak, then straight down, nearly to zero (Defazio et al.
    2023, arXiv:2310.07831, found that hard to beat)."""
    warm_up = max(1, min(100, steps // 10))
    return peak * min(step / warm_up, (steps + 1 - step) / (steps + 1 - warm_up))


@torch.no_grad()
def update_ema(ema: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the weights of `ema` towards those of `net`: ema = decay * ema + (1 - decay) * net."""
    for mean, weights in zip(ema.parameters(), net.parameters(), strict=True):
        mean.lerp_(weights, 1 - decay)


@dataclass(frozen=True, eq=False)
class State:
    """Where a run stands after `step` of its `steps`.

    loss  the loss of the last batch; nan before the first step
    ema   the running mean of the weights of `net`, ready for use. Like `net` it is the same object at every step, which
          the next step changes: copy.deepcopy it to keep it
    """

    step: int
    steps: int
    loss: float
    net: nn.Module
    ema: nn.Module


class Run:
    """A training run, in place: each `for state in run` goes on where the last one stopped, until all steps are done.

    net         (xt, t) -> guess of x0. On CUDA it computes in bfloat16, its weights stay float32
    images      (M, C, H, W) float in [-1, 1], M >= 1; on the device of net and sched
    generator   decides on images, levels and noise, so the same one gives the same weights on the same machine
    lr          the highest learning rate, reached after a tenth of the steps or 100 of them
    ema_decay   share that the running mean of the weights keeps at each step; less at first
    loss        another loss with the arguments and results of `step_loss`
    labels      (M, A) int64, an option of each attribute of each image, for a network that can be asked; told in part

    However a loop is left, by `break` or the stop button, each step is done wholly or not at all; `state` and `losses`
    have what was done. Raises TypeError or ValueError for bad input, DivergedError if a loss is not finite.
    """

    def __init__(
        self,
        net: nn.Module,
        images: Tensor,
        sched: Schedule,
        generator: torch.Generator,
        *,
        steps: int = 1750,
        batch_size: int = 64,
        lr: float = 4e-3,
        ema_decay: float = 0.995,
        loss: Callable[..., Tensor] = step_loss,
        labels: Tensor | None = None,
    ):
        expect.images("images", images, limit=1.001)
        self.net, self.images, self.sched, self.generator = net.train(), images.float(), sched, generator
        self.steps, self.batch_size = expect.count("steps", steps), expect.count("batch_size", batch_size)
        self.lr, self.ema_decay, self.loss, self.labels = lr, ema_decay, loss, labels
        self.ema = copy.deepcopy(net).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.95), weight_decay=0.01, fused=True)
        self.losses: list[float] = []

    @property
    def state(self) -> State:
        """Where the run stands."""
        loss = self.losses[-1] if self.losses else float("nan")
        return State(len(self.losses), self.steps, loss, self.net, self.ema)

    def __iter__(self) -> Iterator[State]:
        while len(self.losses) < self.steps:
            with uninterrupted():
                self._step()
            yield self.state

    def _step(self) -> None:
        step = len(self.losses) + 1
        drawn = batch(self.images, self.sched, self.batch_size, self.generator, self.labels)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.images.is_cuda):
            loss = self.loss(self.net, drawn, self.sched)
        self.optimiser.zero_grad()
        loss.backward()
        length = nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        if not (loss.isfinite() and length.isfinite()):
            raise DivergedError(
                f"at step {step} the loss became {loss.item():.3g}, its gradient {length.item():.3g}. The weights are "
                "those before it. Try a lower lr"
            )
        self.optimiser.param_groups[0]["lr"] = learning_rate(step, self.steps, self.lr)
        self.optimiser.step()
        update_ema(self.ema, self.net, min(self.ema_decay, step / (step + 9)))
        self.losses.append(loss.item())
