"""The exercises of notebook 3: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch

from helpers import sampler
from helpers.lesson.checks_1 import EMPTY, Result, _function, _same, _stopped, _two_samples
from helpers.schedule import Schedule


def ddim_step(step: Callable, sched: Schedule) -> Result:
    """Check `step(xt, x0_guess, a_t, a_s)`: one step down without fresh noise (Song et al. 2021, eq. 12, sigma = 0)."""
    x0_guess, xt = _two_samples()
    a_t, a_s = sched.alpha_bar[sched.T * 3 // 5], sched.alpha_bar[sched.T // 2]
    noise = (xt - a_t.sqrt() * x0_guess) / (1 - a_t).sqrt()
    hints = [
        (
            a_s.sqrt() * x0_guess + (1 - a_t).sqrt() * noise,
            "The noise is still as strong as at level t. Which of the two levels do you go to?",
        ),
        (
            a_t.sqrt() * x0_guess + (1 - a_t).sqrt() * noise,
            "That is xt again: taken apart and put together at the same level. Put it together at level s.",
        ),
        (
            a_s.sqrt() * x0_guess + (1 - a_s).sqrt() * xt,
            "You mixed in xt itself. First take the sprite out of it: what is left is the noise.",
        ),
        (
            a_s.sqrt() * x0_guess + (1 - a_s).sqrt() * (xt - a_t.sqrt() * x0_guess),
            "Your noise is too weak: in xt it has the weight sqrt(1 - a_t). Divide by that.",
        ),
        (
            a_s * x0_guess + (1 - a_s) * noise,
            "The noise is right. The weights of the mix lack their square roots.",
        ),
        (noise, "That is the noise in xt. Now mix it with the guess, at the proportions of level s."),
        (x0_guess, "That is the guess alone, so one jump. Go down only to level s: some noise must stay."),
    ]
    right = "Take apart at level t, put together at level s: the same noise, only less of it."
    return _function(step, (xt, x0_guess, a_t, a_s), a_s.sqrt() * x0_guess + (1 - a_s).sqrt() * noise, hints, right)


def no_grain(step: Callable, sched: Schedule) -> Result:
    """Check a repaired `step(xt, x0_guess, a_t, a_s, noise)` that used to put noise on the finished picture.

    Right is: at a_s == 1 the guess, untouched; at any other level fresh noise as before, with the variance
    1 - a_t / a_s that was given, or with the one of Song et al. 2021, eq. 16, which goes to 0 by itself.
    """
    x0_guess, xt = _two_samples()
    noise = torch.randn(xt.shape, generator=torch.Generator().manual_seed(8))
    a_t, a_s = sched.alpha_bar[sched.T * 3 // 5], sched.alpha_bar[sched.T // 2]
    one, low = sched.alpha_bar[0], sched.alpha_bar[max(1, sched.T // 20)]
    given = _grainy(xt, x0_guess, low, one, noise)
    try:
        last = step(xt, x0_guess, low, one, noise)
        on_the_way = step(xt, x0_guess, a_t, a_s, noise)
    except Exception as error:  # whatever a learner's code raises, the notebook must go on
        return _stopped(error)
    if last is ... or last is None:
        return EMPTY
    if not (isinstance(last, torch.Tensor) and isinstance(on_the_way, torch.Tensor)):
        return Result(False, f"Return a tensor at every level; this is a {type(last).__name__}.")
    if _same(last, given) and _same(on_the_way, _grainy(xt, x0_guess, a_t, a_s, noise)):
        return Result(None, "It still leaves grain: look at what is added when a_s is 1, where no noise should be.")
    if not _same(last, x0_guess):
        return Result(False, "On the last step, where a_s is 1, the finished picture should be x0_guess, untouched.")
    if _same(on_the_way, _grainy(xt, x0_guess, a_t, a_s, torch.zeros_like(noise))):
        return Result(
            False, "No grain, but no fresh noise on the way either: that sampler collapses, as you have seen."
        )
    smaller = ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)).sqrt()
    if any(_same(on_the_way, _grainy(xt, x0_guess, a_t, a_s, noise, sigma)) for sigma in (None, smaller)):
        return Result(True, "Noise on the way, none on the finished picture.")
    return Result(
        False, "The last step is clean. On the way, the numbers have changed: leave those steps as they were."
    )


def _grainy(xt, x0_guess, a_t, a_s, noise, sigma=None):
    """The step as the exercise gives it: fresh noise of variance 1 - a_t / a_s, on the last step as well."""
    sigma = (1 - a_t / a_s).sqrt() if sigma is None else sigma
    noise_guess = (xt - a_t.sqrt() * x0_guess) / (1 - a_t).sqrt()
    return a_s.sqrt() * x0_guess + (1 - a_s - sigma**2).clamp(min=0).sqrt() * noise_guess + sigma * noise


def quadratic(spread: Callable, sched: Schedule) -> Result:
    """Check `spread(n_steps)`: the n_steps + 1 levels T (k / n_steps)^2, rounded, from T down to 0 (Song et al. 2021,
    appendix D.2)."""
    for n_steps in (5, 7, 10):
        try:
            answer = spread(n_steps)
            if answer is ... or answer is None:
                return EMPTY
            answer = [float(t) for t in answer]
        except Exception as error:  # whatever a learner's code raises, the notebook must go on
            return _stopped(error)
        right = [sched.T * (k / n_steps) ** 2 for k in range(n_steps, -1, -1)]
        hints = [
            (right[::-1], f"The right levels, in the wrong order: sampling begins at {sched.T} and goes down."),
            (sampler.levels(sched.T, n_steps), "These are evenly spread. Take the square of k / n."),
            ([sched.T - t for t in right[::-1]], "These lie close together at the top. They should at the bottom."),
        ]
        where = f"For {n_steps} steps you return {', '.join(f'{t:g}' for t in answer) or 'no levels'}."
        for wrong, hint in hints:
            if _near(answer, wrong):
                return Result(False, f"{where} {hint}")
        if len(answer) != n_steps + 1:
            return Result(False, f"{where} That makes {len(answer)}: it should be {n_steps + 1}, with both ends.")
        if not _near(answer, right):
            return Result(False, f"{where} Level k, from the bottom, is at {sched.T} times the square of k / n.")
        if any(t != int(t) for t in answer):
            return Result(False, f"{where} A level is a whole number: round it.")
    return Result(True, "Long strides through the fog, short ones where the details are decided.")


def _near(levels, others) -> bool:
    """Are they the same, but for rounding, up or down?"""
    return len(levels) == len(others) and all(abs(a - b) < 1 for a, b in zip(levels, others, strict=True))


def by_chance(share: float, n_train: int, n_world: int) -> Result:
    """Check the share of training sprites among sprites drawn fairly from the whole world."""
    if share is ...:
        return EMPTY
    if isinstance(share, torch.Tensor) and share.numel() == 1:
        share = share.item()
    if isinstance(share, bool) or not isinstance(share, int | float):
        return Result(False, f"A share is a number from 0 to 1; this is {share!r}.")
    right = n_train / n_world
    if abs(share - right) <= 0.01 * right:
        return Result(True, f"{right:.1%} of fair draws are in the training set. That is no copying, that is chance.")
    if abs(share - 100 * right) <= right:
        return Result(False, "That is in per cent. As a share, from 0 to 1, divide it by 100.")
    if right < 1 and abs(share - (1 - right)) <= 0.01 * (1 - right):
        return Result(False, "That is the share of those that are not in the training set.")
    if share == 0:
        return Result(False, "Not none: the training sprites belong to the world, and a fair draw can meet them.")
    return Result(False, "How many sprites are in the training set, and how many are there in all?")


def between(walk: Callable) -> Result:
    """Check `walk(a, b, u)`: spherical interpolation from a (u = 0) to b (u = 1) (Shoemake 1985)."""
    g = torch.Generator().manual_seed(9)
    a, b = torch.randn(2, 3, 16, 16, generator=g)
    u = 0.3
    angle = torch.acos((a * b).sum() / (a.norm() * b.norm()))
    weight_a, weight_b = torch.sin((1 - u) * angle) / torch.sin(angle), torch.sin(u * angle) / torch.sin(angle)
    hints = [
        (
            (1 - u) * a + u * b,
            "That is the straight line. Half way, its noise is too weak: use the sines of the angle.",
        ),
        (weight_b * a + weight_a * b, "The ends have changed places: at u = 0 you should be at a."),
        (
            torch.sin((1 - u) * angle) * a + torch.sin(u * angle) * b,
            "Nearly: divide by the sine of the whole angle, or else at u = 0 you are not quite at a.",
        ),
        ((1 - u) ** 0.5 * a + u**0.5 * b, "Good variance! But the walk is meant to go at an even pace: use the sines."),
    ]
    right = "The walk keeps its distance from the middle, so that every stop on it is noise of full strength."
    return _function(walk, (a, b, u), weight_a * a + weight_b * b, hints, right)
