"""The exercises of notebook 6: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable
from itertools import pairwise

import torch

from helpers import flow, sampler
from helpers.lesson import checks
from helpers.lesson.charts_6 import Answers
from helpers.lesson.checks import EMPTY, Result, right, wrong
from helpers.schedule import Schedule


def by_squares(spread: Callable, sched: Schedule) -> Result:
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
    return right("Long strides first, short ones at the end.")


def _but_for_rounding(levels: list, others: list) -> bool:
    """Are they the same, rounded up or down?"""
    return len(levels) == len(others) and all(abs(a - b) < 1 for a, b in zip(levels, others, strict=True))


def velocity(answer: Callable) -> Result:
    """Check `answer(z, x0_guess, tau)`: noise - x0, where z = (1 - tau) * x0 + tau * noise (Lipman et al. 2023)."""

    def mistakes(z, x0_guess, tau):
        noise = (z - (1 - tau) * x0_guess) / tau
        return {
            "That leads from the noise to the sprite. The velocity says what happens as tau grows.": x0_guess - noise,
            "That is the way from the sprite to z. It took only tau to get there.": z - x0_guess,
            "That is the noise. The velocity is the noise less the sprite.": noise,
            "That is the way from z to the noise. It takes what is left of tau: divide by that.": noise - z,
            "z is not the noise: it still holds some of the sprite.": z - (1 - tau) * x0_guess - x0_guess,
            "You divide by what is left of the way. From the sprite to z it was tau.": (z - x0_guess) / (1 - tau),
            "Multiplied where it should be divided: the shorter the way was, the less z tells of it.": (
                (z - x0_guess) * tau
            ),
        }

    inputs = [(*checks.samples(n, seed), tau) for n, seed, tau in ((3, 11, 0.3), (2, 12, 0.55), (4, 13, 0.9))]
    praise = "From the sprite to here in the time tau: the way, divided by the time."
    return checks.function(answer, flow.velocity, mistakes, inputs, praise)


def better_than_even(levels, try_out: Callable[[list[int]], Answers], even: Answers, sched: Schedule) -> Result:
    """Check six levels of a learner's own: with five calls, fewer faults than even strides have, and also a mix that is
    less off, or more often the sprite of the long road.

    levels   six whole numbers, falling from T to 0; a list, a tuple, an array, a tensor
    try_out  draws with such levels and answers the three questions
    even     what it answered for even strides
    """
    if levels is ...:
        return EMPTY
    try:
        found = [float(t) for t in torch.as_tensor([float(t) for t in levels])]
    except (TypeError, ValueError, RuntimeError):
        return wrong(f"A list of six numbers is wanted; this is {levels!r}.")
    if len(found) != 6:
        return wrong(f"Five calls have six levels, with both ends; these are {len(found)}.")
    if any(t % 1 != 0 for t in found):  # also of NaN and of what has no end
        return wrong("A level is a whole number.")
    found = [int(t) for t in found]
    if found == sorted(found) and found[0] == 0:
        return wrong(f"Sampling goes down: begin at {sched.T}, end at 0.")
    if found[0] != sched.T or found[-1] != 0:
        return wrong(f"Begin at {sched.T}, where all is noise, and end at 0; you go from {found[0]} to {found[-1]}.")
    if any(t <= s for t, s in pairwise(found)):
        return wrong("Each level must be lower than the one before.")
    yours = try_out(found)
    said = f"Valid {yours.valid:.1%} (even strides {even.valid:.1%}), same {yours.same:.1%} ({even.same:.1%})"
    said += f", mix {yours.mix:.1%} off ({even.mix:.1%})." if yours.mix is not None else "."
    other = yours.same > even.same or (yours.mix is not None and yours.mix < even.mix)
    if yours.valid > even.valid and other:
        return right(f"{said} Fewer faults, and not by leading elsewhere.")
    if yours.valid > even.valid:
        return wrong(f"{said} Fewer faults. But now neither the mix nor the sprite is nearer to the long road's.")
    if other:
        return wrong(f"{said} Nearer to the long road, but not fewer faults.")
    return wrong(f"{said} None is better than with even strides.")
