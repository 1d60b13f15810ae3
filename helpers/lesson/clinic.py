"""Four patients for the clinic of notebook 2: what turns noise into a guess of the sprite, with one mistake in each.

Learners who read on here see the answers.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from helpers import sampler, schedule
from helpers.schedule import Schedule

MISTAKES = {"A": "wrong range", "B": "wrong schedule", "C": "missing root", "D": "level off by one step"}
STEPS = 25


def patients(sched: Schedule) -> dict[str, Callable]:
    """name -> f(xt, noise, t, s), a guess of x0 (N, C, H, W) in a step from level t down to level s; each is wrong."""

    def guess(xt, noise, signal, spread):
        return (xt - spread * noise) / signal.sqrt()

    def wrong_range(xt, noise, t, s):
        a = sched.alpha_bar[t]
        return guess(xt, noise, a, (1 - a).sqrt()).clamp(0, 1)

    other = schedule.linear(sched.T).to(sched.alpha_bar.device)

    def wrong_schedule(xt, noise, t, s):
        a = other.alpha_bar[t]
        return guess(xt, noise, a, (1 - a).sqrt()).clamp(-1, 1)

    def missing_root(xt, noise, t, s):
        a = sched.alpha_bar[t]
        return guess(xt, noise, a, 1 - a).clamp(-1, 1)

    def off_by_one_step(xt, noise, t, s):
        a = sched.alpha_bar[s]
        return guess(xt, noise, a, (1 - a).sqrt()).clamp(-1, 1)

    return dict(zip(MISTAKES, (wrong_range, wrong_schedule, missing_root, off_by_one_step), strict=True))


@torch.no_grad()
def draw(net: Callable, sched: Schedule, start: Tensor, guess_of: Callable, fresh: Tensor, told=lambda t: t) -> Tensor:
    """Draw from the noise `start` (N, C, H, W) in 25 steps of DDPM, with a network that is made to answer the noise.

    guess_of  (xt, noise, t, s) -> guess of x0: the line that turns the network's answer into a guess
    fresh     (25, N, C, H, W) the fresh noise of each step, so that whoever draws has the same
    told      level -> the level that the network is told instead
    """
    xt = start
    for k in range(STEPS):
        xt = _step(net, sched, xt, k, guess_of, fresh[k], told)
    return xt


@torch.no_grad()
def one_step_other(net, sched: Schedule, start: Tensor, usual: Callable, other: Callable, fresh: Tensor) -> Tensor:
    """(25, N, C, H, W): what `draw` draws where step k alone is by `other`, and all the others are by `usual`."""
    drawn, before = [], start
    for k in range(STEPS):
        xt = _step(net, sched, before, k, other, fresh[k])
        for later in range(k + 1, STEPS):
            xt = _step(net, sched, xt, later, usual, fresh[later])
        drawn.append(xt)
        before = _step(net, sched, before, k, usual, fresh[k])
    return torch.stack(drawn)


def _step(net, sched, xt, k, guess_of, noise, told=lambda t: t):
    """The k-th of 25 steps."""
    t, s = list(pairwise(sampler.levels(sched.T, STEPS)))[k]
    a = sched.alpha_bar[t]
    answer = (xt - a.sqrt() * net(xt, told(t))) / (1 - a).sqrt()  # the noise that the network's guess implies
    return sampler.step_down(xt, guess_of(xt, answer, t, s), t, s, sched, eta=1.0, noise=noise)
