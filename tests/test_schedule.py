"""The noising process, held against `diffusers` and against its own definition."""

import math

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from helpers import schedule

PEERS = {schedule.cosine: "squaredcos_cap_v2", schedule.linear: "linear"}


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


def images(n, g):
    return torch.rand(n, 3, 16, 16, generator=g) * 2 - 1


@pytest.mark.parametrize("T", [1, 10, 500, 1000])
@pytest.mark.parametrize("make", PEERS)
def test_agrees_with_diffusers(make, T, g):
    sched, peer = make(T), DDPMScheduler(num_train_timesteps=T, beta_schedule=PEERS[make])
    assert (sched.alpha_bar[1:] - peer.alphas_cumprod).abs().max() < 1e-6
    assert (sched.beta[1:] - peer.betas).abs().max() < 1e-6

    n = 32
    x0, t = images(n, g), torch.randint(1, T + 1, (n,), generator=g)
    noise = torch.randn(x0.shape, generator=g)
    theirs = peer.add_noise(x0, noise, t - 1)  # they count from 0
    # Rounding of alpha_bar to float32 weighs more in sqrt(1 - alpha_bar) at t = 1, and theirs is multiplied up in
    # float32: from the same alpha_bar the noising agrees to 1e-6, from each one's own to 1e-5.
    same = schedule.Schedule(torch.cat([torch.ones(1), peer.alphas_cumprod]), sched.beta)
    assert (same.add_noise(x0, t, noise) - theirs).abs().max() < 1e-6
    assert (sched.add_noise(x0, t, noise) - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("make", PEERS)
def test_shape_of_a_schedule(make):
    sched = make()
    assert sched.T == 500
    assert sched.alpha_bar.shape == sched.beta.shape == (501,)
    assert sched.alpha_bar.dtype == sched.beta.dtype == torch.float32
    assert sched.alpha_bar[0] == 1 and sched.beta[0] == 0
    assert (sched.alpha_bar.diff() < 0).all() and sched.alpha_bar[-1] > 0
    assert ((sched.beta[1:] > 0) & (sched.beta[1:] < 1)).all()
    assert torch.allclose(sched.alpha_bar, (1 - sched.beta.double()).cumprod(0).float(), atol=1e-6)


def test_so_many_levels_that_float32_runs_out():
    sched = schedule.linear(20_000)
    assert (sched.alpha_bar.diff() <= 0).all() and sched.alpha_bar[-1] == 0


def test_what_is_left_at_the_last_level():
    assert schedule.cosine().alpha_bar[-1].sqrt() < 1e-3
    assert schedule.linear().alpha_bar[-1].sqrt() == pytest.approx(0.08, abs=0.001)


def test_snr():
    sched = schedule.cosine()
    assert sched.snr(0) == math.inf
    assert sched.snr(100) == pytest.approx(sched.alpha_bar[100] / (1 - sched.alpha_bar[100]))
    snr = sched.snr(torch.arange(501))
    assert snr.shape == (501,) and (snr.diff() < 0).all()
    assert sched.snr(torch.tensor([[1, 2]])).shape == (1, 2)


def test_level_0_is_the_image_itself(g):
    x0 = images(4, g)
    assert torch.equal(schedule.cosine().add_noise(x0, 0, torch.randn(x0.shape, generator=g)), x0)


def test_a_level_for_each_image(g):
    sched, x0, t = schedule.cosine(), images(3, g), torch.tensor([0, 7, 500], dtype=torch.int32)
    noise = torch.randn(x0.shape, generator=g)
    xt = sched.add_noise(x0, t, noise)
    for i in range(3):
        for level in (int(t[i]), np.int64(t[i]), t[i]):  # every kind of whole number
            assert torch.equal(sched.add_noise(x0[i : i + 1], level, noise[i : i + 1]), xt[i : i + 1])


@pytest.mark.parametrize("make", PEERS)
def test_one_jump_has_the_distribution_of_many_small_steps(make, g):
    """x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) noise, repeated: same mean, variance and kurtosis as the jump."""
    sched, n = make(50), 200_000
    x = torch.full((n,), 0.8)
    for beta in sched.beta[1:31]:
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn(n, generator=g)
    mean, variance = 0.8 * float(sched.alpha_bar[30]) ** 0.5, 1 - float(sched.alpha_bar[30])
    assert float(x.mean()) == pytest.approx(mean, abs=4 * (variance / n) ** 0.5)
    assert float(x.var()) == pytest.approx(variance, rel=4 * (2 / n) ** 0.5)
    # noise multiplied by noise would pass the two above with a kurtosis of 9
    kurtosis = ((x - x.mean()) ** 4).mean() / x.var() ** 2
    assert float(kurtosis) == pytest.approx(3, abs=4 * (24 / n) ** 0.5)


def test_frozen_and_movable():
    sched = schedule.cosine(10)
    with pytest.raises(AttributeError):
        sched.alpha_bar = torch.ones(11)
    moved = sched.to("meta")
    assert moved.alpha_bar.device.type == moved.beta.device.type == "meta" and moved.T == 10
    assert torch.equal(sched.to("cpu").alpha_bar, sched.alpha_bar)


X = torch.zeros(2, 3, 16, 16)


@pytest.mark.parametrize(
    ("x0", "t", "noise", "error", "says"),
    [
        (X, -1, X, ValueError, r"0\.\.500"),
        (X, 501, X, ValueError, r"0\.\.500"),
        (X, torch.tensor([3, 501]), X, ValueError, "3..501"),
        (X, 3.0, X, TypeError, "whole numbers"),
        (X, torch.tensor([0.5, 1.0]), X, TypeError, r"t\.long\(\)"),
        (X, torch.tensor([1, 2, 3]), X, ValueError, r"shape \(2,\)"),
        (X, torch.tensor([[1], [2]]), X, ValueError, r"shape \(2,\)"),
        (X[0], 3, X[0], ValueError, r"image\[None\]"),
        (X, 3, X[:1], ValueError, "its own sample"),
        (X, 3, X[0], ValueError, "noise must have shape"),
        (X * math.nan, 3, X, ValueError, "x0 holds NaN"),
        (X, 3, X + math.inf, ValueError, "noise holds NaN or inf"),
        (X + 255, 3, X, ValueError, "looks like 0..255.*sprites.to_tensor"),
        (X - 3, 3, X, ValueError, r"\[-1, 1\]"),
        (X.byte(), 3, X, TypeError, "divide by 127.5"),
        (X, 3, X.long(), TypeError, "noise must be a float tensor.*int64"),
        (X.numpy(), 3, X, TypeError, "sprites.to_tensor"),
    ],
)
def test_bad_input_is_refused_with_advice(x0, t, noise, error, says):
    with pytest.raises(error, match=says):
        schedule.cosine().add_noise(x0, t, noise)


@pytest.mark.parametrize("make", PEERS)
@pytest.mark.parametrize(("T", "error"), [(0, ValueError), (-5, ValueError), (500.0, TypeError)])
def test_bad_number_of_levels(make, T, error):
    with pytest.raises(error, match="T must be"):
        make(T)


def test_snr_refuses_bad_levels():
    with pytest.raises(ValueError, match=r"0\.\.500"):
        schedule.cosine().snr(501)
    with pytest.raises(TypeError, match="whole numbers"):
        schedule.cosine().snr(1.5)
