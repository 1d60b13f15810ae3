"""Each patient of the clinic has the mistake it is said to have, and no other; one step can be exchanged."""

import pytest
import torch

from helpers import sampler, schedule
from helpers.lesson import clinic
from helpers.lesson.clinic import MISTAKES, STEPS

SCHED = schedule.cosine(T=500)
PATIENTS = {MISTAKES[name]: of for name, of in clinic.patients(SCHED).items()}


@pytest.fixture
def case():
    g = torch.Generator().manual_seed(0)
    x0 = torch.rand(4, 3, 16, 16, generator=g) * 2 - 1
    noise = torch.randn(x0.shape, generator=g)
    return x0, noise, SCHED.add_noise(x0, 200, noise)


def healthy(xt, noise, t, s):
    a = SCHED.alpha_bar[t]
    return ((xt - (1 - a).sqrt() * noise) / a.sqrt()).clamp(-1, 1)


def test_missing_root(case):
    x0, noise, xt = case
    guess = PATIENTS["missing root"](xt, noise, 200, 190)
    a = SCHED.alpha_bar[200]
    left = ((1 - a).sqrt() - (1 - a)) / a.sqrt()  # of the noise
    assert torch.allclose(guess, (x0 + left * noise).clamp(-1, 1), atol=1e-5)
    assert left > 0.1


def test_level_off_by_one_step(case):
    x0, noise, xt = case
    patient = PATIENTS["level off by one step"]
    assert torch.allclose(patient(xt, noise, 200, 200), x0, atol=1e-5)  # the same level twice: no mistake is left
    off = (patient(xt, noise, 200, 180) - x0).square().mean().sqrt()
    assert 0.02 < off < 0.2


def test_wrong_range(case):
    x0, noise, xt = case
    assert torch.allclose(PATIENTS["wrong range"](xt, noise, 200, 190), x0.clamp(0, 1), atol=1e-5)


def test_wrong_schedule(case):
    x0, noise, _ = case
    xt = schedule.linear(500).add_noise(x0, 200, noise)  # as that schedule would have it, the line is right
    assert torch.allclose(PATIENTS["wrong schedule"](xt, noise, 200, 190), x0, atol=1e-5)


def net(xt, t):
    return 0.8 * xt.clamp(-1, 1) + t / 5000


@pytest.fixture
def noises():
    g = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 16, 16, generator=g), torch.randn(STEPS, 2, 3, 16, 16, generator=g)


def test_the_healthy_draws_what_the_sampler_draws(noises):
    start, fresh = noises
    given = iter(fresh)
    xt = start
    for t, s in zip(*(sampler.levels(500, STEPS)[k:] for k in (0, 1)), strict=False):
        xt = sampler.step_down(xt, net(xt, t).clamp(-1, 1), t, s, SCHED, 1.0, next(given))
    assert torch.allclose(clinic.draw(net, SCHED, start, healthy, fresh), xt, atol=1e-4)


def test_the_network_can_be_told_another_level(noises):
    start, fresh = noises
    told = []
    clinic.draw(lambda xt, t: told.append(t) or net(xt, t), SCHED, start, healthy, fresh, lambda t: t - 1)
    assert told == [t - 1 for t in sampler.levels(500, STEPS)[:-1]]


@pytest.mark.parametrize("k", [0, 7, STEPS - 1])
def test_one_step_alone_is_by_the_other(noises, k):
    start, fresh = noises
    ill, turn = PATIENTS["missing root"], iter(range(STEPS))

    def mixed(*given):
        return (ill if next(turn) == k else healthy)(*given)

    drawn = clinic.one_step_other(net, SCHED, start, healthy, ill, fresh)
    assert torch.equal(drawn[k], clinic.draw(net, SCHED, start, mixed, fresh))
