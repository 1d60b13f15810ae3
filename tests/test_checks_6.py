"""Each check of notebook 6 accepts right answers, refuses wrong ones with a fitting hint, lets an empty one be."""

import numpy as np
import pytest
import torch

from helpers import sampler, schedule
from helpers.lesson import checks_6 as checks
from helpers.lesson.charts_6 import Answers

SCHED = schedule.cosine(T=500)


# ---- the rule behind the squares ----


def quadratic(f):
    return checks.by_squares(f, SCHED)


def exact_squares(n):
    return [500 * (k / n) ** 2 for k in range(n, -1, -1)]


def squares(n):
    return [round(t) for t in exact_squares(n)]


def appended(n):
    levels = []
    for k in range(n + 1):
        levels.insert(0, int(500 * k**2 / n**2 + 0.5))
    return levels


RIGHT = {
    "rounded": squares,
    "rounded down": lambda n: [int(t) for t in exact_squares(n)],
    "rounded up": lambda n: [int(np.ceil(t)) for t in exact_squares(n)],
    "a tensor": lambda n: torch.tensor(squares(n)),
    "a tuple": lambda n: tuple(squares(n)),
    "floats that are whole": lambda n: [float(t) for t in squares(n)],
    "numpy": lambda n: np.round(500 * np.linspace(1, 0, n + 1) ** 2).astype(int),
    "a list of numpy's": lambda n: list(np.round(500 * np.linspace(1, 0, n + 1) ** 2)),
    "torch, in place": lambda n: torch.linspace(1, 0, n + 1, dtype=torch.float64).pow_(2).mul_(500).round_(),
    "a loop": appended,
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT.keys())
def test_right_rules_pass(answer):
    result = quadratic(answer)
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


WRONG = [
    (lambda n: squares(n)[::-1], "goes down"),
    (lambda n: sampler.levels(500, n), "evenly spread"),
    (lambda n: [500 - t for t in squares(n)[::-1]], "at the top"),
    (lambda n: [t / 500 for t in exact_squares(n)], "500 times the square"),
    (lambda n: squares(n)[:-1], "with both ends"),
    (lambda n: [], "with both ends"),
    (lambda n: [round(500 * (k / n) ** 3) for k in range(n, -1, -1)], "the square of k / n"),
    (lambda n: [500, 320, 180, 80, 20, 0], "with both ends"),
    (exact_squares, "round it"),
    (lambda n: 500, "with both ends"),
    (lambda n: [1 / 0], "ZeroDivisionError"),
    (lambda n: None, "returns nothing"),
]


@pytest.mark.parametrize(("answer", "hint"), WRONG)
def test_wrong_rules_are_refused_with_a_fitting_hint(answer, hint):
    result = quadratic(answer)
    assert result.passed is False, result
    assert hint in result.message


# ---- the velocity of a flow ----


def noise_in(z, x0, tau):
    return (z - (1 - tau) * x0) / tau


def in_place(z, x0, tau):
    z -= x0
    z /= tau
    return z


VELOCITIES = {
    "the way by the time": lambda z, x0, tau: (z - x0) / tau,
    "noise less sprite": lambda z, x0, tau: noise_in(z, x0, tau) - x0,
    "multiplied by the inverse": lambda z, x0, tau: (1 / tau) * (z - x0),
    "divided one by one": lambda z, x0, tau: z / tau - x0 / tau,
    "in place": in_place,
    "numpy": lambda z, x0, tau: (z.numpy() - x0.numpy()) / tau,
    "double": lambda z, x0, tau: (z.double() - x0.double()) / tau,
    "torch.div": lambda z, x0, tau: torch.div(torch.sub(z, x0), tau),
    "one by one": lambda z, x0, tau: [(a - b) / tau for a, b in zip(z, x0, strict=True)],
    "with gradients": lambda z, x0, tau: (z.requires_grad_() - x0) / tau,
}


@pytest.mark.parametrize("answer", VELOCITIES.values(), ids=VELOCITIES.keys())
def test_right_velocities_pass(answer):
    result = checks.velocity(answer)
    assert result.passed is True, result


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda z, x0, tau: (x0 - z) / tau, "as tau grows"),
        (lambda z, x0, tau: z - x0, "only tau"),
        (noise_in, "That is the noise."),
        (lambda z, x0, tau: noise_in(z, x0, tau) - z, "what is left of tau"),
        (lambda z, x0, tau: (z - x0) / (1 - tau), "From the sprite to z it was tau"),
        (lambda z, x0, tau: (z - x0) * tau, "should be divided"),
        (lambda z, x0, tau: z - (1 - tau) * x0 - x0, "still holds some"),
        (lambda z, x0, tau: (z - x0) / 0.3, "numbers are not"),
        (lambda z, x0, tau: ((z - x0) / tau)[:2], "shape"),
        (lambda z, x0, tau: None, "returns nothing"),
        (lambda z, x0, tau: z / 0 + nothing, "NameError"),  # noqa: F821
    ],
)
def test_wrong_velocities_are_refused_with_a_fitting_hint(answer, hint):
    result = checks.velocity(answer)
    assert result.passed is False and hint in result.message, result


# ---- six levels of one's own ----

EVEN = Answers(valid=0.86, mix=0.09, same=0.38, n=256)
BETTER = Answers(valid=0.88, mix=0.10, same=0.43, n=256)
MINE = [500, 420, 300, 160, 50, 0]


def six(levels, found=BETTER, tried=None):
    def try_out(levels):
        assert levels == MINE and all(type(t) is int for t in levels)
        return found

    return checks.better_than_even(levels, try_out, EVEN, SCHED)


KINDS = {
    "a list": MINE,
    "a tuple": tuple(MINE),
    "numpy": np.array(MINE),
    "small integers": np.array(MINE, dtype=np.int16),
    "a tensor": torch.tensor(MINE),
    "floats": [float(t) for t in MINE],
    "numpy's numbers": [np.int64(t) for t in MINE],
    "tensors": [torch.tensor(t) for t in MINE],
}


@pytest.mark.parametrize("levels", KINDS.values(), ids=KINDS.keys())
def test_six_levels_of_any_kind_are_tried_out(levels):
    assert six(levels).passed is True


@pytest.mark.parametrize(
    ("found", "passed", "says"),
    [
        (BETTER, True, "Valid 88.0% (even strides 86.0%), same 43.0% (38.0%), mix 10.0% off (9.0%). Fewer faults"),
        (Answers(0.88, 0.08, 0.38, 256), True, "Fewer faults"),
        (Answers(0.88, 0.08, 0.48, 256), True, "Fewer faults"),
        (Answers(0.88, None, 0.43, 256), True, "same 43.0% (38.0%). Fewer faults"),
        (Answers(0.93, 0.17, 0.14, 256), False, "neither the mix nor the sprite"),
        (Answers(0.93, None, 0.14, 256), False, "neither the mix nor the sprite"),
        (Answers(0.73, 0.07, 0.55, 256), False, "not fewer faults"),
        (Answers(0.73, 0.17, 0.55, 256), False, "not fewer faults"),
        (Answers(0.73, 0.17, 0.14, 256), False, "None is better"),
        (EVEN, False, "None is better"),
    ],
)
def test_what_came_of_them_decides(found, passed, says):
    result = six(MINE, found)
    assert result.passed is passed and says in result.message, result


@pytest.mark.parametrize(
    ("levels", "hint"),
    [
        (MINE[:-1], "six levels, with both ends; these are 5"),
        ([500, 450, 400, 300, 200, 100, 0], "these are 7"),
        ([], "these are 0"),
        (MINE[::-1], "goes down"),
        ([499, 430, 310, 180, 60, 0], "Begin at 500"),
        ([500, 430, 310, 180, 60, 1], "end at 0"),
        ([500, 430, 430, 180, 60, 0], "lower than the one before"),
        ([500, 310, 430, 180, 60, 0], "lower than the one before"),
        ([500, 430.5, 310, 180, 60, 0], "whole number"),
        ([500, float("nan"), 310, 180, 60, 0], "whole number"),
        ([500, float("inf"), 310, 180, 60, 0], "whole number"),
        ("500 430 310 180 60 0", "list of six numbers"),
        (500, "list of six numbers"),
        (None, "list of six numbers"),
        (lambda n: MINE, "list of six numbers"),
    ],
)
def test_what_are_no_six_levels_is_told_so_before_anything_is_drawn(levels, hint):
    result = six(levels, found=None)
    assert result.passed is False and hint in result.message, result


def test_an_empty_answer_is_let_be():
    assert quadratic(lambda n: ...).passed is None
    assert six(...).passed is None
    assert checks.velocity(lambda *_: ...).passed is None
