"""Exercises that check themselves: each function takes a learner's answer and says whether it is right, or hints.

An answer left at `...` is nobody's mistake: the notebook goes on. A function that raises is told so in one line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy import stats

from helpers.schedule import Schedule


@dataclass(frozen=True)
class Result:
    """What a check found. `passed` is True (right), False (not yet) or None (nothing to check yet)."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        return f"{ {True: '✓ Right.', False: '✗ Not yet.', None: '… Your turn.'}[self.passed] } {self.message}"


EMPTY = Result(None, "Replace the ... by your answer and run the cell again. You can also go on and come back later.")


def one_step(step: Callable, sched: Schedule) -> Result:
    """Check `step(x, beta, noise)`: one step of the walk with its pull to zero (Ho et al. 2020, eq. 2)."""
    x, noise = _two_samples()
    beta = sched.beta[sched.T // 2]
    pull, push = (1 - beta).sqrt(), beta.sqrt()
    hints = [
        (x + push * noise, "The noise is right, but nothing pulls x to zero: multiply x by sqrt(1 - beta)."),
        ((1 - beta) * x + push * noise, "The noise is right. The pull lacks a square root: sqrt(1 - beta) * x."),
        (pull * x + beta * noise, "The pull is right. The noise is too weak: it wants sqrt(beta), not beta."),
        (
            (1 - beta) * x + beta * noise,
            "Those are weights of variances. What multiplies a value is their square root.",
        ),
        (push * x + pull * noise, "The two weights have changed places: x keeps nearly all of itself in one step."),
    ]
    right = "A little pull, a little push: 500 such steps turn any sprite into noise, and the spread stays bounded."
    return _function(step, (x, beta, noise), pull * x + push * noise, hints, right)


def add_noise(noising: Callable, sched: Schedule) -> Result:
    """Check `noising(x0, alpha_bar, noise)`: the jump to a level in closed form (Ho et al. 2020, eq. 4)."""
    x0, noise = _two_samples()
    alpha_bar = sched.alpha_bar[sched.T // 2]
    keep, add = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    hints = [
        (
            keep * x0 + (1 - alpha_bar) * noise,
            "The noise is too weak in the middle levels. Look at the weight of noise.",
        ),
        (alpha_bar * x0 + add * noise, "The noise is right, but the sprite fades too soon. Look at the weight of x0."),
        (alpha_bar * x0 + (1 - alpha_bar) * noise, "Now both square roots are missing. Weights of values are roots."),
        (keep * x0 + add * noise * noise, "The noise is multiplied by itself. Use it once."),
        (add * x0 + keep * noise, "The two weights have changed places: at level 0 all of x0 must stay."),
    ]
    right = "The squares of the two weights add up to 1, so the spread of the pixels stays bounded at every level."
    return _function(noising, (x0, alpha_bar, noise), keep * x0 + add * noise, hints, right)


def half_way(level: int, sched: Schedule) -> Result:
    """Check the first level at which the noise is stronger than the sprite: SNR < 1 (Kingma et al. 2021)."""
    if level is ...:
        return EMPTY
    if isinstance(level, torch.Tensor) and level.numel() == 1:
        level = level.item()
    if isinstance(level, bool) or not isinstance(level, int):
        return Result(False, f"A level is a whole number from 0 to {sched.T}; this is {level!r}.")
    answer = int((sched.alpha_bar < 0.5).nonzero()[0])
    if level == answer:
        return Result(True, f"At level {answer} alpha_bar falls below one half, and the signal-to-noise ratio below 1.")
    if not 0 <= level <= sched.T:
        return Result(False, f"Levels run from 0 to {sched.T}.")
    share = sched.alpha_bar[level].item()
    side = "still stronger than" if level < answer else "weaker than"
    close = " You are within a few levels: which is the very first?" if abs(level - answer) <= 3 else ""
    return Result(False, f"At level {level}, alpha_bar is {share:.3f}: the sprite is {side} the noise.{close}")


def best_answer(answer: Callable) -> Result:
    """Check `answer(p, images)`: the average of the sprites, each weighted by its probability, E[x0 | xt]."""
    images = _two_samples()[0]
    p = torch.tensor([0.7, 0.2, 0.1])
    weighted = torch.einsum("m,mchw->chw", p, images)
    hints = [
        (images[0], "That is the likeliest sprite. The best answer on average weighs in the others too."),
        (images.mean(dim=0), "That is the plain average. Some sprites are likelier than others: use p."),
        (weighted / 3, "The weights already add up to 1: do not divide by the number of sprites."),
        (p.view(-1, 1, 1, 1) * images, "Good: each sprite has its weight. Now add them up over the first dimension."),
    ]
    right = "The average of all sprites, each weighted by its probability: no other answer has a smaller squared error."
    return _function(answer, (p, images), weighted, hints, right)


def impostor(values: torch.Tensor) -> Result:
    """Check noise of mean 0 and variance 1 that is not from a normal distribution (at least 10,000 values)."""
    if values is ...:
        return EMPTY
    if not isinstance(values, torch.Tensor):
        return Result(False, f"Make it a torch tensor; this is a {type(values).__name__}.")
    values = values.detach().flatten().double()
    if len(values) < 10_000:
        return Result(
            False, f"Make at least 10,000 values, so that the test has something to go on; here are {len(values)}."
        )
    if not values.isfinite().all():
        return Result(False, "Some values are infinite or not a number.")
    mean, variance = values.mean().item(), values.var().item()
    if abs(mean) > 0.05:
        return Result(False, f"The mean is {mean:.2f} and should be 0. Subtract it.")
    if abs(variance - 1) > 0.05:
        return Result(False, f"The variance is {variance:.2f} and should be 1. Divide by the standard deviation.")
    if variance > 0 and stats.normaltest(values.numpy()).pvalue > 1e-3:
        return Result(
            False, "The test takes it for a bell curve. Try a distribution of another shape: flat, or two-humped."
        )
    skewness, kurtosis = stats.skew(values.numpy()), stats.kurtosis(values.numpy())
    return Result(
        True,
        "Mean 0 and variance 1, yet the test is not fooled: its skewness and excess kurtosis are "
        f"{skewness:.1f} and {kurtosis:.1f}; those of a bell curve are 0 and 0.",
    )


def _two_samples() -> tuple[torch.Tensor, torch.Tensor]:
    """Two fixed tensors (3, 3, 16, 16) to try a learner's function on."""
    g = torch.Generator().manual_seed(7)
    x = torch.rand(3, 3, 16, 16, generator=g) * 2 - 1
    return x, torch.randn(x.shape, generator=g)


def _function(function: Callable, inputs: tuple, expected: torch.Tensor, hints: list, right: str) -> Result:
    """Call a learner's function and compare; `hints` are (what a known mistake returns, what to say of it)."""
    try:
        answer = function(*inputs)
    except Exception as error:  # whatever a learner's code raises, the notebook must go on
        return _stopped(error)
    if answer is ... or answer is None:
        return EMPTY
    if not isinstance(answer, torch.Tensor):
        return Result(False, f"Return a tensor; this is a {type(answer).__name__}.")
    if _same(answer, expected):
        return Result(True, right)
    for mistake, hint in hints:
        if _same(answer, mistake):
            return Result(False, hint)
    if answer.shape != expected.shape:
        return Result(False, f"The shape should be {tuple(expected.shape)}; yours is {tuple(answer.shape)}.")
    return Result(False, "The shape is right, the numbers are not. Compare your line with the formula, term by term.")


def _stopped(error: Exception) -> Result:
    return Result(False, f"Your function stopped with {type(error).__name__}: {error}")


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), atol=1e-5)
