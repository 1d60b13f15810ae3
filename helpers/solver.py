"""A better driver: a step that looks back at the guess before (DPM-Solver++(2M), Lu et al. 2022, arXiv:2211.01095).

DDIM drives a whole stride by one guess, as if the guess would not change on the way. It does. Measured in

    lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar))

it changes rather evenly, so this step lets it go on as it changed over the stride before, half a stride far:

    better = guess + (guess - guess before) / (2 r)        r = stride before / stride now, both in lambda

and takes DDIM's step with that. A picture costs as many calls of the network as with DDIM.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from helpers import sampler
from helpers.sampler import Step
from helpers.schedule import Schedule


@torch.no_grad()
def sample(
    net: Callable[[Tensor, Tensor], Tensor], sched: Schedule, xt: Tensor, levels: Sequence[int], clip: bool = True
) -> Iterator[Step]:
    """Remove noise with second-order steps: yields a `sampler.Step` at each of the levels, and adds no noise.

    net     as for `sampler.sample`: net(xt, t) -> guess of x0, where xt is (N, C, H, W) and t an int64 tensor (N,)
    xt      (N, C, H, W) float, the noisy images at levels[0], such as pure noise at level T
    levels  whole numbers, falling from 1..T to 0. `sampler.levels(T, n)` spreads them evenly
    clip    clamp each guess to [-1, 1], before it is made better

    The first step has no guess before it, and the last no end in lambda: both are DDIM's, as in `diffusers`.
    Raises ValueError unless the levels fall to 0 from one that the schedule has.
    """
    falls = all(t > s for t, s in pairwise(levels))
    if not (len(levels) > 1 and falls and levels[0] <= sched.T and levels[-1] == 0):
        raise ValueError(f"levels fall from at most {sched.T} to 0; got {list(levels)}")
    alpha_bar = sched.to("cpu").alpha_bar.double()
    lam = (alpha_bar.log() - (-alpha_bar).log1p()) / 2
    before, last = None, 0
    for t, s in pairwise(levels):
        guess = net(xt, torch.full((len(xt),), t, device=xt.device)).to(xt.dtype)
        guess = guess.clamp(-1, 1) if clip else guess
        yield Step(t, xt, guess)
        better = guess
        if before is not None and s > 0:
            r = float((lam[t] - lam[last]) / (lam[s] - lam[t]))
            better = guess + (guess - before) / (2 * r)
        xt = sampler.step_down(xt, better, t, s, sched, 0.0, torch.zeros_like(xt))
        before, last = guess, t
    yield Step(0, xt, xt)
