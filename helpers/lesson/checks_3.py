"""The exercises of notebook 3: each function takes a learner's answer and says whether it is right, or hints."""

import math
from collections.abc import Callable

from torch import Tensor

from helpers.lesson import checks
from helpers.lesson.checks import Result, right, same, wrong
from helpers.schedule import Schedule

BROKEN = 0.12  # so far off is no fair mix of 128: chance alone gives 0.04 to 0.08, the network from a bell curve 0.09


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
            "You took the guess out of xt whole. In xt it has a weight: take out only that much.": (
                keep + add * (xt - x0_guess) / (1 - a_t).sqrt()
            ),
            "The noise is right. The weights of the mix lack their square roots.": a_s * x0_guess + (1 - a_s) * noise,
            "That is the noise in xt. Now mix it with the guess, at the proportions of level s.": noise,
            "That is the guess alone, so one jump. Go down only to level s: some noise must stay.": x0_guess,
        }

    praise = "Take apart at level t, put together at level s: the same noise, only less of it."
    inputs = [(*_pictures(n), *_at(sched, *of_500)) for n, of_500 in ((3, (300, 250)), (2, (450, 100)), (1, (25, 0)))]
    return checks.function(step, reference, mistakes, inputs, praise)


def culprit(level, ladder: list[int]) -> Result:
    """Check the level of the one step that makes all alike if it alone forgets: the first.

    ladder: the levels from the last one down to 0.
    """
    level = checks.number(level)
    if isinstance(level, Result):
        return level
    if level == ladder[0]:
        return right(
            "This step forgets, and all become one. Any other single step forgets, and hardly anybody is lost."
        )
    if level == ladder[-1]:
        return wrong(f"No step begins at level {level:g}: there the picture is finished.")
    if level not in ladder:
        return wrong(f"No step begins at level {level:g}. The levels are in the list called ladder.")
    return wrong(f"Let the step from level {level:g} alone forget, and count: are they all the same?")


def no_grain(step: Callable, sched: Schedule) -> Result:
    """Check a repaired `step(xt, x0_guess, a_t, a_s, fresh)` that used to put noise on the finished picture.

    Right is: at a_s == 1 the guess, untouched; at any other level as given, the step of Ho et al. 2020 with the larger
    of their two variances, or the same with the smaller, which goes to 0 by itself.
    """
    way = [(450, 400), (250, 200), (100, 50), (20, 10), (2, 1)]
    end = [(50, 0), (20, 0), (250, 0), (5, 0)]
    answers, givens = [], []
    for n, of_500 in enumerate(way + end, start=1):
        given = (*_pictures(n), *_at(sched, *of_500), checks.samples(n, seed=8)[1])
        got = checks.call(step, given)
        if isinstance(got, Result):
            return got
        if got.shape != given[0].shape:
            return wrong(f"The shape should be {tuple(given[0].shape)}; yours is {tuple(got.shape)}.")
        answers.append(got)
        givens.append(given)
    as_given = [same(got, ho_step(*given)) for got, given in zip(answers, givens, strict=True)]
    if all(as_given):
        return Result(None, "It still leaves grain. Find the step that does it, then come back here.")
    last = [same(got, given[1]) for got, given in zip(answers[len(way) :], givens[len(way) :], strict=True)]
    if not any(last):
        return wrong("The finished picture is still not clean: it should be the guess, untouched.")
    if not all(last):
        return wrong("For some numbers of steps the finished picture is clean, for others not.")
    on_the_way = list(zip(answers, givens, strict=True))[: len(way)]
    if all(ok or same(got, ho_step(*g, small=True)) for ok, (got, g) in zip(as_given, on_the_way, strict=False)):
        return right("Noise on the way, none on the finished picture.")
    if all(same(got, ho_step(*given[:4], 0 * given[4])) for got, given in on_the_way):
        return wrong(
            "The finished picture is clean, but no step puts fresh noise on any more: this sampler forgets it."
        )
    return wrong("The finished picture is clean. On the way, the numbers have changed: leave those steps as they were.")


def ho_step(xt: Tensor, x0_guess: Tensor, a_t: Tensor, a_s: Tensor, fresh: Tensor, small: bool = False) -> Tensor:
    """The step of Ho et al. 2020: the mean of their eq. 7, and fresh noise of either variance of section 3.2."""
    beta = 1 - a_t / a_s
    mean = a_s.sqrt() * beta / (1 - a_t) * x0_guess + (a_t / a_s).sqrt() * (1 - a_s) / (1 - a_t) * xt
    return mean + (beta * (1 - a_s) / (1 - a_t) if small else beta).sqrt() * fresh


def spoilt(spoil: Callable, mix_off: Callable[[Tensor], float]) -> Result:
    """Check `spoil(bell)`: it turns noise (N, 3, 16, 16) into a start whose values, one by one, have mean 0 and
    variance 1, and from which the network draws another mix of sprites.

    mix_off  takes starts (N, 3, 16, 16) and says how far the mix drawn from them is off the world's, 0 to 1; NaN where
             nobody can say
    """
    for n, seed in ((5, 11), (128, 12)):
        bell = checks.samples(n, seed)[1]
        x = checks.call(spoil, (bell,))
        if isinstance(x, Result):
            return x
        if x.shape != bell.shape:
            return wrong(f"The shape should be {tuple(bell.shape)}; yours is {tuple(x.shape)}.")
        if not x.isfinite().all():
            return wrong("Some values are not finite.")
    mean, variance = x.mean(0).square().mean().sqrt().item(), x.var(0).mean().item()
    if not 0.6 < variance < 1.4:  # of 128: 0.12 is one standard error where all values are the same
        return wrong(f"Over many pictures a value should have variance 1; yours have {variance:.2f}.")
    if mean > 0.35:  # of 128: 0.09 by chance, and 0.3 is rare where all values are the same
        return wrong(f"Over many pictures a value should have mean 0; yours are {mean:.2f} away from it.")
    off = mix_off(x.float())
    if math.isnan(off):
        return Result(None, "How far a mix is off can be told in Inkdrop's own world only.")
    if off < BROKEN:
        return wrong(
            f"Variance 1, but the mix is only {off:.0%} off. Chance alone makes up to 8 %: go beyond {BROKEN:.0%}."
        )
    return right(f"Every value has variance 1, and the mix is {off:.0%} off.")


def _pictures(n: int) -> tuple[Tensor, Tensor]:
    """xt and x0_guess, each (n, 3, 16, 16)."""
    return checks.samples(n)[::-1]


def _at(sched: Schedule, *levels: int) -> list[Tensor]:
    """alpha_bar at these levels of 500, in float64: differences of numbers near 1 are taken of them."""
    return [sched.alpha_bar[level * sched.T // 500].double() for level in levels]
