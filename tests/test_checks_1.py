"""Each exercise's check accepts a right answer, refuses wrong ones with a hint that fits, and lets an empty one be."""

import numpy as np
import pytest
import torch

from helpers import schedule
from helpers.lesson import checks_1 as checks

SCHED = schedule.cosine(T=500)


def uniform(n=20_000):
    return (torch.rand(n, generator=torch.Generator().manual_seed(0)) * 2 - 1) * 3**0.5


def normal(n=20_000):
    return torch.randn(n, generator=torch.Generator().manual_seed(0))


RIGHT = {
    "one_step": lambda: checks.one_step(lambda x, beta, noise: (1 - beta) ** 0.5 * x + beta**0.5 * noise, SCHED),
    "add_noise": lambda: checks.add_noise(lambda x0, a, noise: a**0.5 * x0 + (1 - a) ** 0.5 * noise, SCHED),
    "half_way": lambda: checks.half_way(int((SCHED.snr(torch.arange(501)) < 1).nonzero()[0]), SCHED),
    "half_way as numpy has it": lambda: checks.half_way(np.int64((SCHED.alpha_bar < 0.5).nonzero()[0]), SCHED),
    "one_step, in place": lambda: checks.one_step(lambda x, b, e: x.mul_((1 - b) ** 0.5).add_(e.mul_(b**0.5)), SCHED),
    "half_way as a tensor": lambda: checks.half_way((SCHED.alpha_bar < 0.5).nonzero()[0], SCHED),
    "best_answer": lambda: checks.best_answer(lambda p, images: (p.view(-1, 1, 1, 1) * images).sum(0)),
    "impostor, flat": lambda: checks.impostor(uniform()),
    "impostor, two-valued": lambda: checks.impostor(normal().sign()),
    "impostor, squared": lambda: checks.impostor((normal() ** 2 - 1) / 2**0.5 / (normal() ** 2).std() * 2**0.5),
}


@pytest.mark.parametrize("check", RIGHT.values(), ids=RIGHT.keys())
def test_right_answers_pass(check):
    result = check()
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


def one_step(f):
    return checks.one_step(f, SCHED)


def add_noise(f):
    return checks.add_noise(f, SCHED)


def half_way(t):
    return checks.half_way(t, SCHED)


WRONG = [
    (one_step, lambda x, b, e: x + b**0.5 * e, "nothing pulls"),
    (one_step, lambda x, b, e: (1 - b) * x + b**0.5 * e, "lacks a square root"),
    (one_step, lambda x, b, e: (1 - b) ** 0.5 * x + b * e, "too weak"),
    (one_step, lambda x, b, e: (1 - b) * x + b * e, "square root"),
    (one_step, lambda x, b, e: b**0.5 * x + (1 - b) ** 0.5 * e, "changed places"),
    (one_step, lambda x, b, e: x, "numbers are not"),
    (one_step, lambda x, b, e: x[0], "shape should be"),
    (one_step, lambda x, b, e: 3.0, "shape should be"),
    (one_step, lambda x, b, e: "noise", "Return numbers"),
    (one_step, lambda x, b, e: None, "end with return"),
    (one_step, lambda x, b, e: (1 - SCHED.beta[250]) ** 0.5 * x + SCHED.beta[250] ** 0.5 * e, "numbers are not"),
    (one_step, lambda x, b, e: x @ torch.zeros(5, 5), "RuntimeError"),
    (add_noise, lambda x0, a, e: a**0.5 * x0 + (1 - a) * e, "weight of noise"),
    (add_noise, lambda x0, a, e: a * x0 + (1 - a) ** 0.5 * e, "weight of x0"),
    (add_noise, lambda x0, a, e: a * x0 + (1 - a) * e, "both"),
    (add_noise, lambda x0, a, e: a**0.5 * x0 + (1 - a) ** 0.5 * e * e, "Use it once"),
    (add_noise, lambda x0, a, e: (1 - a) ** 0.5 * x0 + a**0.5 * e, "changed places"),
    (add_noise, lambda x0, a, e: x0 + (1 - a) ** 0.5 * e, "numbers are not"),
    (half_way, 0, "still stronger"),
    (half_way, 250 + 30, "weaker"),
    (half_way, 501, "from 0 to 500"),
    (half_way, -1, "from 0 to 500"),
    (half_way, 0.5, "whole number"),
    (half_way, "half", "One number"),
    (checks.best_answer, lambda p, images: images[p.argmax()], "likeliest"),
    (checks.best_answer, lambda p, images: images.mean(0), "plain average"),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images).mean(0), "do not divide"),
    (checks.best_answer, lambda p, images: p.view(-1, 1, 1, 1) * images, "add them up"),
    (checks.best_answer, lambda p, images: p * images, "RuntimeError"),
    (checks.impostor, normal(), "bell curve"),
    (checks.impostor, 2 * uniform(), "variance"),
    (checks.impostor, uniform() + 1, "mean"),
    (checks.impostor, uniform(100), "10,000"),
    (checks.impostor, torch.zeros(20_000), "variance"),
    (checks.impostor, uniform() / 0, "infinite"),
    (checks.impostor, [1, 2, 3], "10,000"),
    (checks.impostor, "noise", "Numbers are wanted"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_are_refused_with_a_fitting_hint(check, answer, hint):
    result = check(answer)
    assert result.passed is False
    assert hint in result.message
    assert repr(result).startswith("✗ Not yet.")


def test_one_level_early_or_late_is_refused():
    right = int((SCHED.alpha_bar < 0.5).nonzero()[0])
    assert [half_way(right + step).passed for step in (-1, 0, 1)] == [False, True, False]


@pytest.mark.parametrize("check", [one_step, add_noise, checks.best_answer])
def test_an_empty_function_is_let_be(check):
    assert check(lambda *_: ...).passed is None


@pytest.mark.parametrize("check", [half_way, checks.impostor])
def test_an_empty_answer_is_let_be(check):
    assert check(...).passed is None
    assert repr(check(...)).startswith("… Your turn.")
