"""The second-order step and the flow: held against `diffusers`, against DDIM, and against closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from helpers import flow, sampler, schedule, solver
from tests.test_sampler import Net, generator, pair

SCHED = schedule.cosine()
LEVELS = [*(sampler.levels(500, n) for n in (1, 4, 10, 25)), [500, 460, 400, 300, 150, 0], [300, 7, 0]]


def noise(n=4):
    return torch.randn(n, 3, 16, 16, generator=generator())


def net(xt, t):
    """Guesses in [-1, 1]: what is clamped must not matter here, since `diffusers` clamps nothing."""
    with torch.no_grad():
        return Net()(xt, t) / 1.5


# ---- DPM-Solver++(2M) ----


@pytest.mark.parametrize("levels", LEVELS, ids=str)
def test_looking_back_agrees_with_diffusers(levels):
    peer = DPMSolverMultistepScheduler(num_train_timesteps=500, prediction_type="sample", final_sigmas_type="zero")
    alpha_bar = SCHED.alpha_bar[levels].double()
    peer.set_timesteps(len(levels) - 1)
    peer.sigmas = ((1 - alpha_bar) / alpha_bar).sqrt()  # of the levels that are passed through; 0 at the end
    peer.timesteps = torch.tensor(levels[:-1])
    xt = noise()
    for step in list(solver.sample(net, SCHED, noise(), levels))[:-1]:
        assert (step.xt - xt).abs().max() < 1e-5
        xt = peer.step(net(xt, torch.full((len(xt),), step.t)), step.t, xt.double()).prev_sample.float()
    *_, last = solver.sample(net, SCHED, noise(), levels)
    assert (last.xt - xt).abs().max() < 1e-5


@pytest.mark.parametrize("levels", [[500, 0], [500, 250, 0]])
def test_with_nothing_to_look_back_at_it_is_ddim(levels):
    *_, ours = solver.sample(net, SCHED, noise(), levels)
    *_, ddim = sampler.sample(net, SCHED, xt=noise(), steps=len(levels) - 1, eta=0.0)
    assert torch.equal(ours.xt, ddim.xt)


def test_guesses_are_clamped_unless_that_is_not_wanted():
    wide = lambda xt, t: 3 * net(xt, t)  # noqa: E731
    clamped, free = (next(solver.sample(wide, SCHED, noise(), [500, 0], clip)).x0_guess for clip in (True, False))
    assert free.abs().max() > 1 and torch.equal(clamped, free.clamp(-1, 1))


def test_it_is_of_second_order():
    """For x0 ~ N(0, s2) the best guess is k(t) xt, and the exact road multiplies xt by a known number."""
    s2 = 0.25

    def k(t):
        a = SCHED.alpha_bar[t].double()
        return (a.sqrt() * s2 / (a * s2 + 1 - a)).view(-1, 1, 1, 1)

    def off(walk, n):
        levels = [round(400 - 360 * j / n) for j in range(n + 1)]
        xt = noise(1).double()
        *_, end = walk(xt, levels)
        a, b = (SCHED.alpha_bar[t].double() for t in (levels[0], 40))
        exact = xt * ((b * s2 + 1 - b) / (a * s2 + 1 - a)).sqrt()
        return (end - exact).abs().max().item()

    def ours(xt, levels):
        for step in solver.sample(lambda x, t: k(t) * x, SCHED, xt, [*levels, 0], clip=False):
            if step.t == 40:
                yield step.xt

    def ddim(xt, levels):
        for t, s in pairwise(levels):
            xt = sampler.step_down(xt, k(torch.tensor([t])) * xt, t, s, SCHED, 0.0, torch.zeros_like(xt))
            yield xt

    assert off(ours, 12) < off(ddim, 12) / 2
    assert off(ours, 48) < off(ours, 12) / 8  # 16 where the order is two; 4 would be the first
    assert off(ddim, 48) > off(ddim, 12) / 6


@pytest.mark.parametrize("levels", [[], [500], [0], [500, 500, 0], [0, 500], [500, 300], [501, 0], [500, 300, 400, 0]])
def test_levels_that_do_not_fall_to_0_are_refused(levels):
    with pytest.raises(ValueError, match="fall"):
        next(solver.sample(net, SCHED, noise(), levels))


# ---- flow matching ----


@pytest.mark.parametrize("levels", LEVELS, ids=str)
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_euler_on_the_flow_is_ddim(levels, dtype, close):
    guess = lambda xt, t: torch.sin(xt / 2 + t.view(-1, 1, 1, 1) / 500)  # noqa: E731
    xt = noise().to(dtype)
    path = flow.euler(guess, SCHED, xt, levels)
    assert len(path) == len(levels)
    for (t, s), z in zip(pairwise(levels), path[1:], strict=True):
        x0_guess = guess(xt, torch.full((len(xt),), t))
        xt = sampler.step_down(xt, x0_guess, t, s, SCHED, 0.0, torch.zeros_like(xt))
        assert z.dtype == dtype and (z * sum(flow.weights(SCHED, s)) - xt).abs().max() < close


def test_the_ruler_goes_from_0_to_1_and_mixes_in_a_straight_line():
    taus = [flow.tau(SCHED, t) for t in range(501)]
    assert taus[0] == 0 and 0.98 < taus[-1] < 1 and taus == sorted(set(taus))
    x0, eps = noise(2).clamp(-1, 1), noise(2).flip(0)
    for t in (1, 100, 499):
        z = SCHED.add_noise(x0, t, eps) / sum(flow.weights(SCHED, t))
        assert torch.allclose(z, (1 - taus[t]) * x0 + taus[t] * eps, atol=1e-5)
        assert torch.allclose(flow.velocity(z, x0, taus[t]), eps - x0, atol=1e-3)


def test_one_exact_step_leads_every_noise_to_the_average():
    _, denoise = pair()
    ends = flow.euler(denoise, SCHED, noise(8), [500, 0])[-1]
    assert ends.std(dim=0).max() < 0.05
    assert math.isclose(flow.tau(SCHED, 0), 0)
