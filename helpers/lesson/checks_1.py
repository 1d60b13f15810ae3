"""The exercises of notebook 1: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch
from scipy import stats

from helpers.lesson import checks
from helpers.lesson.checks import Result, right, wrong
from helpers.schedule import Schedule


def one_step(step: Callable, sched: Schedule) -> Result:
    """Check `step(x, beta, noise)`: one step of the walk with its pull to zero (Ho et al. 2020, eq. 2)."""

    def reference(x, beta, noise):
        return (1 - beta).sqrt() * x + beta.sqrt() * noise

    def mistakes(x, beta, noise):
        pull, push = (1 - beta).sqrt(), beta.sqrt()
        return {
            "The noise is right, but nothing pulls x to zero: multiply x by sqrt(1 - beta).": x + push * noise,
            "The noise is right. The pull lacks a square root: sqrt(1 - beta) * x.": (1 - beta) * x + push * noise,
            "The pull is right. The noise is too weak: it wants sqrt(beta), not beta.": pull * x + beta * noise,
            "Those are weights of variances. Values take their square root.": (1 - beta) * x + beta * noise,
            "The two weights have changed places: x keeps nearly all of itself in one step.": push * x + pull * noise,
        }

    inputs = [(x, sched.beta[t], noise) for t in (sched.T // 2, sched.T // 5) for x, noise in [checks.samples()]]
    praise = "A little pull, a little push: 500 such steps turn any sprite into noise, and the spread stays bounded."
    return checks.function(step, reference, mistakes, inputs, praise)


def add_noise(noising: Callable, sched: Schedule) -> Result:
    """Check `noising(x0, alpha_bar, noise)`: the jump to a level in closed form (Ho et al. 2020, eq. 4)."""

    def reference(x0, alpha_bar, noise):
        return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise

    def mistakes(x0, alpha_bar, noise):
        keep, add = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        return {
            "The noise is too weak half-way. Look at the weight of noise.": keep * x0 + (1 - alpha_bar) * noise,
            "The sprite fades too soon. Look at the weight of x0.": alpha_bar * x0 + add * noise,
            "Now both square roots are missing. Weights of values are roots.": alpha_bar * x0 + (1 - alpha_bar) * noise,
            "The noise is multiplied by itself. Use it once.": keep * x0 + add * noise * noise,
            "The two weights have changed places: at level 0 all of x0 must stay.": add * x0 + keep * noise,
        }

    inputs = [(x, sched.alpha_bar[t], noise) for t in (sched.T // 2, sched.T // 5) for x, noise in [checks.samples()]]
    praise = "The squares of the two weights add up to 1, so the spread of the pixels stays bounded at every level."
    return checks.function(noising, reference, mistakes, inputs, praise)


def half_way(level: int, sched: Schedule) -> Result:
    """Check the first level at which the noise is stronger than the sprite: SNR < 1 (Kingma et al. 2021)."""
    level = checks.number(level)
    if isinstance(level, Result):
        return level
    if level != int(level) or not 0 <= level <= sched.T:
        return wrong(f"A level is a whole number from 0 to {sched.T}; this is {level:g}.")
    answer, level = int((sched.alpha_bar < 0.5).nonzero()[0]), int(level)
    if level == answer:
        return right(f"At level {answer} alpha_bar falls below one half, and the signal-to-noise ratio below 1.")
    side = "still stronger than" if level < answer else "weaker than"
    close = " You are within a few levels: which is the very first?" if abs(level - answer) <= 3 else ""
    share = sched.alpha_bar[level].item()
    return wrong(f"At level {level}, alpha_bar is {share:.3f}: the sprite is {side} the noise.{close}")


def best_answer(answer: Callable) -> Result:
    """Check `answer(p, images)`: the average of the sprites, each weighted by its probability, E[x0 | xt]."""

    def reference(p, images):
        return torch.einsum("m,mchw->chw", p, images)

    def mistakes(p, images):
        mean = reference(p, images)
        return {
            "That is the likeliest sprite. The best answer on average weighs in the others too.": images[p.argmax()],
            "That is the plain average. Some sprites are likelier than others: use p.": images.mean(dim=0),
            "The weights already add up to 1: do not divide by the number of sprites.": mean / len(p),
            "Good: each sprite has its weight. Now add them up over the first dimension.": p.view(-1, 1, 1, 1) * images,
        }

    inputs = [(torch.tensor(p), checks.samples(len(p))[0]) for p in ([0.7, 0.2, 0.1], [0.1, 0.1, 0.3, 0.25, 0.25])]
    praise = "The average of all sprites, each weighted by its probability: nothing has a smaller squared error."
    return checks.function(answer, reference, mistakes, inputs, praise)


def impostor(values: torch.Tensor) -> Result:
    """Check noise of mean 0 and variance 1 that is not from a normal distribution (at least 10,000 values)."""
    if values is ...:
        return checks.EMPTY
    try:
        values = torch.as_tensor(values).detach().flatten().double()
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"Numbers are wanted, as a tensor; this is {type(values).__name__}.")
    n = len(values)
    if n < 10_000:
        return wrong(f"Make at least 10,000 values, so that the test has something to go on; here are {n:,}.")
    if not values.isfinite().all():
        return wrong("Some values are infinite or not a number.")
    mean, variance = values.mean().item(), values.var().item()
    if abs(mean) > 0.05:
        return wrong(f"The mean is {mean:.2f} and should be 0. Subtract it.")
    if abs(variance - 1) > 0.05:
        return wrong(f"The variance is {variance:.2f} and should be 1. Divide by the standard deviation.")
    if stats.normaltest(values.numpy()).pvalue > 1e-3:
        return wrong("The test takes it for a bell curve. Try a distribution of another shape: flat, or two-humped.")
    skewness, kurtosis = stats.skew(values.numpy()), stats.kurtosis(values.numpy())
    return right(
        "Mean 0 and variance 1, yet the test is not fooled: its skewness and excess kurtosis are "
        f"{skewness:.1f} and {kurtosis:.1f}; those of a bell curve are 0 and 0."
    )
