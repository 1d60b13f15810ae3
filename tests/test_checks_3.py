"""Each check of notebook 3 accepts a right answer, refuses wrong ones with a fitting hint, lets an empty one be."""

import numpy as np
import pytest
import torch

from helpers import sampler, schedule
from helpers.lesson import checks_3 as checks

SCHED = schedule.cosine(T=500)


def ddim_step(f):
    return checks.ddim_step(f, SCHED)


def no_grain(f):
    return checks.no_grain(f, SCHED)


def quadratic(f):
    return checks.quadratic(f, SCHED)


def by_chance(share):
    return checks.by_chance(share, n_train=10_000, n_world=168_640)


def ddim(xt, x0, a_t, a_s):
    return a_s**0.5 * x0 + (1 - a_s) ** 0.5 * noise_in(xt, x0, a_t)


def noise_in(xt, x0, a_t):
    return (xt - a_t**0.5 * x0) / (1 - a_t) ** 0.5


def given(xt, x0, a_t, a_s, noise, sigma=None):
    """The step with grain, as the notebook hands it out; with another sigma, one that learners may write."""
    sigma = (1 - a_t / a_s) ** 0.5 if sigma is None else sigma
    return a_s**0.5 * x0 + (1 - a_s - sigma**2).clamp(min=0) ** 0.5 * noise_in(xt, x0, a_t) + sigma * noise


def repaired(xt, x0, a_t, a_s, noise):
    return x0 if a_s == 1 else given(xt, x0, a_t, a_s, noise)


def smaller_sigma(xt, x0, a_t, a_s, noise):
    return given(xt, x0, a_t, a_s, noise, sigma=((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)) ** 0.5)


def arc(a, b, u):
    angle = torch.acos((a * b).sum() / a.norm() / b.norm())
    return (torch.sin((1 - u) * angle) * a + torch.sin(u * angle) * b) / torch.sin(angle)


def exact_squares(n):
    return [500 * (k / n) ** 2 for k in range(n, -1, -1)]


def squares(n):
    return [round(t) for t in exact_squares(n)]


RIGHT = {
    "ddim_step": lambda: ddim_step(ddim),
    "no_grain, by asking for the last step": lambda: no_grain(repaired),
    "no_grain, by the other sigma": lambda: no_grain(smaller_sigma),
    "no_grain, by no noise at the end": lambda: no_grain(
        lambda xt, x0, a_t, a_s, noise: given(xt, x0, a_t, a_s, noise * (a_s < 1)) if a_s < 1 else x0
    ),
    "quadratic": lambda: quadratic(squares),
    "quadratic, rounded down": lambda: quadratic(lambda n: [int(t) for t in exact_squares(n)]),
    "quadratic, as a tensor": lambda: quadratic(lambda n: torch.tensor(squares(n))),
    "by_chance": lambda: by_chance(10_000 / 168_640),
    "by_chance as a tensor": lambda: by_chance(torch.tensor(10_000 / 168_640)),
    "by_chance, rounded": lambda: by_chance(0.059),
    "by_chance as numpy has it": lambda: by_chance(np.float32(10_000 / 168_640)),
    "no_grain, in place": lambda: no_grain(lambda xt, x0, a_t, a_s, e: repaired(xt, x0, a_t, a_s, e.mul_(1)).mul_(1)),
    "between": lambda: checks.between(arc),
}


@pytest.mark.parametrize("check", RIGHT.values(), ids=RIGHT.keys())
def test_right_answers_pass(check):
    result = check()
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


WRONG = [
    (ddim_step, lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_t) ** 0.5 * noise_in(xt, x0, a_t), "still as strong"),
    (ddim_step, lambda xt, x0, a_t, a_s: xt, "same level"),
    (ddim_step, lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_s) ** 0.5 * xt, "xt itself"),
    (
        ddim_step,
        lambda xt, x0, a_t, a_s: a_s**0.5 * x0 + (1 - a_s) ** 0.5 * (xt - a_t**0.5 * x0),
        "Divide by that",
    ),
    (ddim_step, lambda xt, x0, a_t, a_s: a_s * x0 + (1 - a_s) * noise_in(xt, x0, a_t), "square roots"),
    (ddim_step, lambda xt, x0, a_t, a_s: noise_in(xt, x0, a_t), "Now mix it"),
    (ddim_step, lambda xt, x0, a_t, a_s: x0, "one jump"),
    (ddim_step, lambda xt, x0, a_t, a_s: 2 * x0, "numbers are not"),
    (ddim_step, lambda xt, x0, a_t, a_s: x0[0], "shape should be"),
    (ddim_step, lambda xt, x0, a_t, a_s: xt.nothing, "AttributeError"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: given(xt, x0, a_t, a_s, noise / 2), "untouched"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: given(xt, x0, a_t, a_s, noise) if a_s < 1 else xt, "untouched"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: given(xt, x0, a_t, a_s, 0 * noise) if a_s < 1 else x0, "collapses"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: x0, "numbers have changed"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: 1.0, "untouched"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: x0 if a_s == 1 else None, "returns nothing"),
    (no_grain, lambda xt, x0, a_t, a_s, noise: xt @ torch.zeros(5, 5), "RuntimeError"),
    (quadratic, lambda n: squares(n)[::-1], "goes down"),
    (quadratic, lambda n: sampler.levels(500, n), "evenly spread"),
    (quadratic, lambda n: [500 - t for t in squares(n)[::-1]], "at the top"),
    (quadratic, lambda n: [t / 500 for t in exact_squares(n)], "500 times the square"),
    (quadratic, lambda n: squares(n)[:-1], "with both ends"),
    (quadratic, lambda n: [], "with both ends"),
    (quadratic, lambda n: [round(500 * (k / n) ** 3) for k in range(n, -1, -1)], "the square of k / n"),
    (quadratic, lambda n: [500, 320, 180, 80, 20, 0], "with both ends"),
    (quadratic, exact_squares, "round it"),
    (quadratic, lambda n: 500, "with both ends"),
    (quadratic, lambda n: [1 / 0], "ZeroDivisionError"),
    (by_chance, 5.93, "per cent"),
    (by_chance, 1 - 10_000 / 168_640, "not in the training set"),
    (by_chance, 0, "Not none"),
    (by_chance, 0.5, "how many are there in all"),
    (by_chance, "6 %", "One number"),
    (checks.between, lambda a, b, u: (1 - u) * a + u * b, "straight line"),
    (checks.between, lambda a, b, u: arc(a, b, 1 - u), "changed places"),
    (checks.between, lambda a, b, u: arc(a, b, u) * torch.sin(torch.acos((a * b).sum() / a.norm() / b.norm())), "sine"),
    (checks.between, lambda a, b, u: (1 - u) ** 0.5 * a + u**0.5 * b, "even pace"),
    (checks.between, lambda a, b, u: a, "numbers are not"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_are_refused_with_a_fitting_hint(check, answer, hint):
    result = check(answer)
    assert result.passed is False, result
    assert hint in result.message
    assert repr(result).startswith("✗ Not yet.")


FUNCTIONS = [ddim_step, no_grain, quadratic, checks.between]


@pytest.mark.parametrize("check", FUNCTIONS)
def test_an_empty_function_is_let_be(check):
    assert check(lambda *_: ...).passed is None


def test_an_empty_answer_is_let_be():
    assert by_chance(...).passed is None


def test_the_sampler_to_repair_is_told_what_is_wrong_with_it_but_not_off():
    result = no_grain(given)
    assert result.passed is None and "grain" in result.message


def test_the_right_answers_are_the_samplers_own():
    """What the checks accept is what `sampler.step_down` does."""
    g = torch.Generator().manual_seed(0)
    xt, x0, noise = torch.randn(3, 2, 3, 16, 16, generator=g)
    for t, s in ((500, 400), (300, 290), (25, 0)):
        a_t, a_s = SCHED.alpha_bar[t], SCHED.alpha_bar[s]
        assert torch.allclose(ddim(xt, x0, a_t, a_s), sampler.step_down(xt, x0, t, s, SCHED, 0, noise), atol=1e-3)
        ours = smaller_sigma(xt, x0, a_t, a_s, noise)
        assert torch.allclose(ours, sampler.step_down(xt, x0, t, s, SCHED, 1, noise), atol=1e-3)


def test_a_set_where_all_sprites_are_for_training_has_a_share_of_one():
    assert checks.by_chance(1.0, n_train=4, n_world=4).passed is True
    assert checks.by_chance(0, n_train=4, n_world=4).passed is False
