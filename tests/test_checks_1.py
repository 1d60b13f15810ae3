"""Each check takes right answers in many forms, refuses wrong ones with a fitting hint, and lets an empty one be."""

import math

import numpy as np
import pytest
import torch

from helpers import schedule
from helpers.lesson import checks_1 as checks
from helpers.lesson import noisings

SCHED = schedule.cosine(T=500)
FAULTS = noisings.FAULTS


def one_step(keep):
    return checks.one_step(keep, SCHED)


def random(n=20_000, seed=0):
    return torch.rand(n, generator=torch.Generator().manual_seed(seed))


def uniform(n=20_000, seed=0):
    return (random(n, seed) * 2 - 1) * 3**0.5


def normal(n=20_000, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed))


def standardised(x):
    return (x - x.mean()) / x.std()


def with_the_kurtosis_of_a_bell(n=20_000):
    """-sqrt 3, 0, sqrt 3 with probabilities 1/6, 2/3, 1/6: mean 0, variance 1, skew 0, excess kurtosis 0."""
    u = random(n)
    return 3**0.5 * ((u > 5 / 6).float() - (u < 1 / 6).float())


def in_place(beta):
    return beta.mul_(-1).add_(1).sqrt_()


def summed(p, images):
    total = torch.zeros_like(images[0])
    for weight, image in zip(p, images, strict=True):
        total += weight * image
    return total


def weighed_in_place(p, images):
    images *= p[:, None, None, None]
    return images.sum(0)


RIGHT = [
    (one_step, lambda beta: (1 - beta).sqrt()),
    (one_step, lambda beta: (1 - beta) ** 0.5),
    (one_step, lambda beta: math.sqrt(1 - beta)),
    (one_step, lambda beta: np.sqrt(1 - beta.numpy())),
    (one_step, lambda beta: np.float32((1 - float(beta)) ** 0.5)),
    (one_step, lambda beta: torch.sqrt((1 - beta).double())),
    (one_step, in_place),
    (one_step, lambda beta: ((1 - beta).log() / 2).exp()),
    (checks.three_noisings, FAULTS),
    (checks.three_noisings, {name: fault.upper() for name, fault in FAULTS.items()}),
    (checks.three_noisings, {name.lower(): f" {fault.title()}. " for name, fault in FAULTS.items()}),
    (checks.three_noisings, {name: fault.replace(" ", "_") for name, fault in FAULTS.items()}),
    (checks.three_noisings, {name: np.str_(fault) for name, fault in FAULTS.items()}),
    (checks.three_noisings, dict(reversed(FAULTS.items()))),
    (checks.three_noisings, list(FAULTS.values())),
    (checks.three_noisings, tuple(FAULTS.values())),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images).sum(0)),
    (checks.best_answer, lambda p, images: torch.einsum("m,mchw->chw", p, images)),
    (checks.best_answer, lambda p, images: (p @ images.flatten(1)).view(images.shape[1:])),
    (checks.best_answer, lambda p, images: torch.tensordot(p, images, dims=1)),
    (checks.best_answer, lambda p, images: np.tensordot(p.numpy(), images.numpy(), 1)),
    (checks.best_answer, summed),
    (checks.best_answer, weighed_in_place),
    (checks.best_answer, lambda p, images: sum(w * x for w, x in zip(p, images, strict=True))),
    (checks.best_answer, lambda p, images: (p.double()[:, None, None, None] * images.double()).sum(0).tolist()),
    (checks.impostor, uniform()),
    (checks.impostor, uniform(10_000)),
    (checks.impostor, uniform().numpy()),
    (checks.impostor, uniform().tolist()),
    (checks.impostor, uniform().view(2, 100, 100)),
    (checks.impostor, normal().sign()),
    (checks.impostor, standardised(normal() ** 2)),
    (checks.impostor, normal(seed=1) * normal(seed=2)),
    (checks.impostor, -(random(10_000) + 1e-9).log() - 1),
    (checks.impostor, with_the_kurtosis_of_a_bell()),
    (checks.impostor, standardised(normal() + 4 * normal(seed=1).sign())),
    (checks.impostor, uniform().double().requires_grad_()),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass(check, answer):
    result = check(answer)
    assert result.passed is True, result
    assert repr(result).startswith("✓ Right.")


SHAPES = {
    "flat": lambda seed: uniform(10_000, seed),
    "two values": lambda seed: normal(10_000, seed).sign(),
    "lopsided": lambda seed: -(random(10_000, seed) + 1e-9).log() - 1,
    "long tails": lambda seed: normal(10_000, seed) * normal(10_000, 1000 + seed),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_impostor_of_the_stated_number_of_values_is_refused_by_bad_luck(shape):
    assert [seed for seed in range(50) if not checks.impostor(SHAPES[shape](seed)).passed] == []


def test_a_bell_curve_passes_by_no_luck():
    assert not any(checks.impostor(normal(10_000, seed)).passed for seed in range(100))


WRONG = [
    (one_step, lambda beta: 1 - beta, "square"),
    (one_step, lambda beta: 1, "no pull"),
    (one_step, lambda beta: beta.sqrt(), "weight of the noise"),
    (one_step, lambda beta: beta, "variance of the noise"),
    (one_step, lambda beta: 1 - beta.sqrt(), "Widths do not add up"),
    (one_step, lambda beta: 1 / (1 + beta).sqrt(), "afterwards"),
    (one_step, lambda beta: (1 + beta).sqrt(), "larger"),
    (one_step, lambda beta: 1 - beta / 2, "numbers are not"),
    (one_step, lambda beta: (1 - SCHED.beta[250]) ** 0.5, "numbers are not"),
    (one_step, lambda beta: 0.99, "numbers are not"),
    (one_step, lambda beta: -((1 - beta) ** 0.5), "numbers are not"),
    (one_step, lambda beta: [(1 - beta) ** 0.5] * 2, "shape should be"),
    (one_step, lambda beta: None, "end with return"),
    (one_step, lambda beta: "root", "Return numbers"),
    (one_step, lambda beta: beta.root(), "AttributeError"),
    (checks.three_noisings, FAULTS | {"A": "right"}, "2 of 3"),
    (checks.three_noisings, dict.fromkeys(FAULTS, "right"), "1 of 3"),
    (checks.three_noisings, {"A": "right", "B": "noise too weak", "C": "right"}, "0 of 3"),
    (checks.three_noisings, {"A": "sprite too weak", "B": "right", "C": "noise too weak"}, "1 of 3"),
    (checks.three_noisings, {"A": "right"}, "A, B and C"),
    (checks.three_noisings, FAULTS | {"D": "right"}, "A, B and C"),
    (checks.three_noisings, FAULTS | {"A": "missing root"}, "'missing root' is none of them"),
    (checks.three_noisings, FAULTS | {"B": 1}, "1 is none of them"),
    (checks.three_noisings, "B", "each letter"),
    (checks.three_noisings, ["right"], "each letter"),
    (checks.best_answer, lambda p, images: images[p.argmax()], "likeliest"),
    (checks.best_answer, lambda p, images: images.mean(0), "plain average"),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images).mean(0), "do not divide"),
    (checks.best_answer, lambda p, images: p.view(-1, 1, 1, 1) * images, "add them up"),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images).sum(0, keepdim=True), "dimension too many"),
    (checks.best_answer, lambda p, images: p * images, "RuntimeError"),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images)[:3].sum(0), "numbers are not"),
    (checks.best_answer, lambda p, images: (p.view(1, -1, 1, 1) * images).sum(0), "RuntimeError"),
    (checks.best_answer, lambda p, images: (p**2).view(-1, 1, 1, 1).mul(images).sum(0), "numbers are not"),
    (checks.best_answer, lambda p, images: (p.view(-1, 1, 1, 1) * images).sum(), "shape should be"),
    (checks.best_answer, lambda p, images: print(p.sum()), "end with return"),
    (checks.impostor, normal(), "bell curve"),
    (checks.impostor, standardised(normal()), "bell curve"),
    (checks.impostor, 2 * uniform(), "variance"),
    (checks.impostor, uniform() * 1.06, "variance"),
    (checks.impostor, random() * 2 - 1, "variance"),
    (checks.impostor, uniform() + 1, "mean"),
    (checks.impostor, uniform() + 0.06, "mean"),
    (checks.impostor, uniform(9_999), "10,000"),
    (checks.impostor, torch.zeros(20_000), "variance is 0"),
    (checks.impostor, uniform() / 0, "infinite"),
    (checks.impostor, [1, 2, 3], "10,000"),
    (checks.impostor, "noise", "Numbers are wanted"),
    (checks.impostor, None, "Numbers are wanted"),
]


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_are_refused_with_a_fitting_hint(check, answer, hint):
    result = check(answer)
    assert result.passed is False
    assert hint in result.message
    assert repr(result).startswith("✗ Not yet.")


def test_the_three_noisings_are_what_they_are_said_to_be():
    x0, noise, a = torch.ones(1, 3, 16, 16), torch.ones(1, 3, 16, 16), 0.25
    weights = {
        name: (f(x0, a, 0 * noise).max(), f(0 * x0, a, noise).max())
        for name, f in vars(noisings).items()
        if name in FAULTS
    }
    right = [name for name, (keep, add) in weights.items() if keep == 0.5 and add == 0.75**0.5]
    assert right == [name for name, fault in FAULTS.items() if fault == "right"]
    assert weights["A"] == (0.5, 0.75) and weights["C"] == (0.25, 0.75**0.5)


@pytest.mark.parametrize("check", [one_step, checks.best_answer])
def test_an_empty_function_is_let_be(check):
    assert check(lambda *_: ...).passed is None


@pytest.mark.parametrize("answer", [..., dict.fromkeys(FAULTS, ...), FAULTS | {"C": ...}])
def test_an_empty_diagnosis_is_let_be(answer):
    assert checks.three_noisings(answer).passed is None


def test_an_empty_impostor_is_let_be():
    assert checks.impostor(...).passed is None
    assert repr(checks.impostor(...)).startswith("… Your turn.")
