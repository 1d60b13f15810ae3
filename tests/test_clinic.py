"""Each patient of the clinic has the mistake it is said to have, and no other."""

import pytest
import torch

from helpers import schedule
from helpers.lesson import clinic

SCHED = schedule.cosine(T=500)


@pytest.fixture
def case():
    g = torch.Generator().manual_seed(0)
    x0 = torch.rand(4, 3, 16, 16, generator=g) * 2 - 1
    noise = torch.randn(x0.shape, generator=g)
    return x0, noise, SCHED.add_noise(x0, 200, noise)


def test_missing_root(case):
    x0, noise, xt = case
    guess = clinic.patients(SCHED)["A"](xt, noise, 200, 190)
    a = SCHED.alpha_bar[200]
    left = ((1 - a).sqrt() - (1 - a)) / a.sqrt()  # of the noise
    assert torch.allclose(guess, (x0 + left * noise).clamp(-1, 1), atol=1e-5)
    assert left > 0.1


def test_level_off_by_one_step(case):
    x0, noise, xt = case
    guess = clinic.patients(SCHED)["B"](xt, noise, 200, 200)  # the same level twice: no mistake is left
    assert torch.allclose(guess, x0, atol=1e-5)
    off = (clinic.patients(SCHED)["B"](xt, noise, 200, 180) - x0).square().mean().sqrt()
    assert 0.02 < off < 0.2


def test_wrong_range(case):
    x0, noise, xt = case
    assert torch.allclose(clinic.patients(SCHED)["C"](xt, noise, 200, 190), x0.clamp(0, 1), atol=1e-5)
