"""The exercises of notebook 3: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch

from helpers import sampler
from helpers.lesson import checks
from helpers.lesson.checks import Result, right, same, wrong
from helpers.schedule import Schedule


def ddim_step(step: Callable, sched: Schedule) -> Result:
    """Check `step(xt, x0_guess, a_t, a_s)`: one step down without fresh noise (Song et al. 2021, eq. 12, sigma = 0)."""

    def reference(xt, x0_guess, a_t, a_s):
        noise = (xt - a_t.sqrt() * x0_guess) / (1 - a_t).sqrt()
        return a_s.sqrt() * x0_guess + (1 - a_s).sqrt() * noise

    def mistakes(xt, x0_guess, a_t, a_s):
        noise = (xt - a_t.sqrt() * x0_guess) / (1 - a_t).sqrt()
        keep, add = a_s.sqrt() * x0_guess, (1 - a_s).sqrt()
        return {
            "The noise is still as strong as at level t. To which level do you go?": keep + (1 - a_t).sqrt() * noise,
            "That is xt again: taken apart and put together at the same level. Put it together at level s.": xt,
            "You mixed in xt itself. Take the sprite out of it: what is left is the noise.": keep + add * xt,
            "Your noise is too weak: it has a weight in xt. Divide by that.": keep + add * (1 - a_t).sqrt() * noise,
            "The noise is right. The weights of the mix lack their square roots.": a_s * x0_guess + (1 - a_s) * noise,
            "That is the noise in xt. Now mix it with the guess, at the proportions of level s.": noise,
            "That is the guess alone, so one jump. Go down only to level s: some noise must stay.": x0_guess,
        }

    praise = "Take apart at level t, put together at level s: the same noise, only less of it."
    return checks.function(step, reference, mistakes, [(*x, *_levels(sched)[0]) for x in _pictures()], praise)


def no_grain(step: Callable, sched: Schedule) -> Result:
    """Check a repaired `step(xt, x0_guess, a_t, a_s, noise)` that used to put noise on the finished picture.

    Right is: at a_s == 1 the guess, untouched; at any other level fresh noise as before, with the variance
    1 - a_t / a_s that was given, or with the one of Song et al. 2021, eq. 16, which goes to 0 by itself.
    """
    [(xt, x0_guess), *_], way, end = _pictures(), *_levels(sched)
    noise = checks.samples(len(xt), seed=8)[1]
    answers = []
    for a_t, a_s in (end, way):
        got = checks.call(step, (xt, x0_guess, a_t, a_s, noise))
        if isinstance(got, Result):
            return got
        answers.append(got)
    last, on_the_way = answers
    if all(same(a, _grainy(xt, x0_guess, *at, noise)) for a, at in zip(answers, (end, way), strict=True)):
        return Result(None, "It still leaves grain: look at what is added when a_s is 1, where no noise should be.")
    if not same(last, x0_guess):
        return wrong("On the last step, where a_s is 1, the finished picture should be x0_guess, untouched.")
    if same(on_the_way, _grainy(xt, x0_guess, *way, torch.zeros_like(noise))):
        return wrong("No grain, but no fresh noise on the way either: that sampler collapses, as you have seen.")
    a_t, a_s = way
    smaller = ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)).sqrt()
    if any(same(on_the_way, _grainy(xt, x0_guess, *way, noise, sigma)) for sigma in (None, smaller)):
        return right("Noise on the way, none on the finished picture.")
    return wrong("The last step is clean. On the way, the numbers have changed: leave those steps as they were.")


def _pictures() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Two pairs (xt, x0_guess) of different sizes."""
    return [checks.samples(n)[::-1] for n in (3, 2)]


def _levels(sched: Schedule) -> tuple[tuple, tuple]:
    """Two pairs (a_t, a_s): a step on the way, and the last one."""
    at = sched.alpha_bar
    return (at[sched.T * 3 // 5], at[sched.T // 2]), (at[max(1, sched.T // 20)], at[0])


def _grainy(xt, x0_guess, a_t, a_s, noise, sigma=None):
    """The step as the exercise gives it: fresh noise of variance 1 - a_t / a_s, on the last step as well."""
    sigma = (1 - a_t / a_s).sqrt() if sigma is None else sigma
    noise_guess = (xt - a_t.sqrt() * x0_guess) / (1 - a_t).sqrt()
    return a_s.sqrt() * x0_guess + (1 - a_s - sigma**2).clamp(min=0).sqrt() * noise_guess + sigma * noise


def quadratic(spread: Callable, sched: Schedule) -> Result:
    """Check `spread(n_steps)`: the n_steps + 1 levels T (k / n_steps)^2, rounded, from T down to 0 (Song et al. 2021,
    appendix D.2)."""
    for n_steps in (5, 7, 10):
        answer = checks.call(spread, (n_steps,))
        if isinstance(answer, Result):
            return answer
        answer = answer.flatten().tolist()
        expected = [sched.T * (k / n_steps) ** 2 for k in range(n_steps, -1, -1)]
        hints = [
            (expected[::-1], f"The right levels, in the wrong order: sampling begins at {sched.T} and goes down."),
            (sampler.levels(sched.T, n_steps), "These are evenly spread. Take the square of k / n."),
            ([sched.T - t for t in expected[::-1]], "These lie close together at the top. They should at the bottom."),
        ]
        where = f"For {n_steps} steps you return {', '.join(f'{t:g}' for t in answer) or 'no levels'}."
        for mistake, hint in hints:
            if _but_for_rounding(answer, mistake):
                return wrong(f"{where} {hint}")
        if len(answer) != n_steps + 1:
            return wrong(f"{where} That makes {len(answer)}: it should be {n_steps + 1}, with both ends.")
        if not _but_for_rounding(answer, expected):
            return wrong(f"{where} Level k, from the bottom, is at {sched.T} times the square of k / n.")
        if any(t != int(t) for t in answer):
            return wrong(f"{where} A level is a whole number: round it.")
    return right("Long strides through the fog, short ones where the details are decided.")


def _but_for_rounding(levels: list, others: list) -> bool:
    """Are they the same, rounded up or down?"""
    return len(levels) == len(others) and all(abs(a - b) < 1 for a, b in zip(levels, others, strict=True))


def by_chance(share: float, n_train: int, n_world: int) -> Result:
    """Check the share of training sprites among sprites drawn fairly from the whole world."""
    share, expected = checks.number(share), n_train / n_world
    if isinstance(share, Result):
        return share
    if checks.near(share, expected):
        return right(f"{expected:.1%} of fair draws are in the training set. That is no copying, that is chance.")
    if checks.near(share, 100 * expected):
        return wrong("That is in per cent. As a share, from 0 to 1, divide it by 100.")
    if checks.near(share, 1 - expected):
        return wrong("That is the share of those that are not in the training set.")
    if share == 0:
        return wrong("Not none: the training sprites belong to the world, and a fair draw can meet them.")
    return wrong("How many sprites are in the training set, and how many are there in all?")


def between(walk: Callable) -> Result:
    """Check `walk(a, b, u)`: spherical interpolation from a (u = 0) to b (u = 1) (Shoemake 1985)."""

    def weights(a, b, u):
        angle = torch.acos((a * b).sum() / (a.norm() * b.norm()))
        return torch.sin((1 - u) * angle), torch.sin(u * angle), torch.sin(angle)

    def reference(a, b, u):
        from_a, from_b, whole = weights(a, b, u)
        return (from_a * a + from_b * b) / whole

    def mistakes(a, b, u):
        from_a, from_b, whole = weights(a, b, u)
        return {
            "That is the straight line. Half way, its noise is too weak: use the sines.": (1 - u) * a + u * b,
            "The ends have changed places: at u = 0 you should be at a.": (from_b * a + from_a * b) / whole,
            "Nearly: divide by the sine of the whole angle, to begin just at a.": from_a * a + from_b * b,
            "Good variance! But go at an even pace: use the sines.": (1 - u) ** 0.5 * a + u**0.5 * b,
        }

    inputs = [(*checks.samples(2, seed)[1], u) for seed, u in ((9, 0.3), (10, 0.8))]
    praise = "The walk keeps its distance from the middle, so that every stop on it is noise of full strength."
    return checks.function(walk, reference, mistakes, inputs, praise)
