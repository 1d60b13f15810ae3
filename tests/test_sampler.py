"""Sampling, held against `diffusers`, closed forms, and the exact denoiser."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from helpers import sampler, schedule
from helpers.world import ideal, sprites

SCHED = schedule.cosine()
T = SCHED.T


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Net(torch.nn.Module):
    """Small, random and dependent on the level; its guesses leave [-1, 1], so that clamping matters. The weights
    are small, or rounding would grow from step to step."""

    def __init__(self):
        super().__init__()
        g = generator()
        self.weight = torch.nn.Parameter(torch.randn(3, 3, 3, 3, generator=g) / 8)
        self.bias = torch.nn.Parameter(torch.randn(3, generator=g))

    def forward(self, xt, t):
        level = (t.to(xt.dtype) / T).view(-1, 1, 1, 1)
        return 1.5 * torch.sin(torch.nn.functional.conv2d(xt, self.weight, self.bias, padding=1) + level)


def walk(steps=50, eta=1.0, net=None, seed=0, n=4, **kwargs):
    return list(sampler.sample(net or Net(), SCHED, n=n, steps=steps, eta=eta, generator=generator(seed), **kwargs))


def pair():
    """Two unlike sprites, uint8 (2, 16, 16, 3), and the exact denoiser of that set."""
    world = sprites.load_world()
    images = world.images[[world.cast["Bob"], world.cast["Nancy"]]]
    return images, lambda xt, t: ideal.denoise(xt, t, images, SCHED)


# ---- against diffusers ----


def peer(kind, alpha_bar, clip):
    """A scheduler of `diffusers` with these alpha_bar, float64 (K,), for its levels 0..K-1."""
    scheduler = kind(
        num_train_timesteps=len(alpha_bar),
        prediction_type="sample",
        timestep_spacing="trailing",
        clip_sample=clip,
        **({"variance_type": "fixed_small"} if kind is DDPMScheduler else {"set_alpha_to_one": True}),
    )
    scheduler.alphas_cumprod = alpha_bar  # not multiplied up in float32, which alone is off by 1e-4 at the first step
    return scheduler


def assert_agrees(ours, scheduler, clip, seed=0, start_noise=True, **kwargs):
    """Runs the scheduler from the same noise and compares level, noisy image and guess at every step."""
    g, net = generator(seed), Net()
    xt = torch.randn(ours[0].xt.shape, generator=g) if start_noise else ours[0].xt
    for step, i in zip(ours[:-1], scheduler.timesteps, strict=True):
        assert (step.xt - xt).abs().max() < 1e-5
        with torch.no_grad():
            answer = net(xt, torch.full((len(xt),), step.t))
        their = scheduler.step(answer, i, xt, generator=g, **kwargs)
        assert (step.x0_guess - their.pred_original_sample).abs().max() < 1e-5
        xt = their.prev_sample
    assert ours[-1].t == 0 and (ours[-1].xt - xt).abs().max() < 1e-5


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 7, 50, 333, 500])
def test_ddpm_agrees_with_diffusers(steps, clip):
    scheduler = peer(DDPMScheduler, SCHED.alpha_bar[1:].double(), clip)
    scheduler.set_timesteps(steps)
    ours = walk(steps, eta=1.0, clip=clip)
    assert [step.t - 1 for step in ours[:-1]] == scheduler.timesteps.tolist()  # they count from 0
    assert_agrees(ours, scheduler, clip)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 50, 500])
def test_ddim_agrees_with_diffusers(steps, eta):
    scheduler = peer(DDIMScheduler, SCHED.alpha_bar[1:].double(), clip=True)
    scheduler.set_timesteps(steps)
    ours = walk(steps, eta)
    assert [step.t - 1 for step in ours[:-1]] == scheduler.timesteps.tolist()
    assert_agrees(ours, scheduler, True, eta=eta, use_clipped_model_output=True)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [7, 49, 333])
def test_ddim_agrees_with_diffusers_where_steps_do_not_divide_T(steps, eta):
    """Their DDIM goes down by T // steps whatever its own list of levels says. A schedule of only the levels that are
    visited is the same walk, and there it goes down by 1 (Nichol & Dhariwal 2021, section 4)."""
    ours = walk(steps, eta)
    visited = [step.t for step in reversed(ours[:-1])]
    scheduler = peer(DDIMScheduler, SCHED.alpha_bar[visited].double(), clip=True)
    scheduler.set_timesteps(steps)
    assert_agrees(ours, scheduler, True, eta=eta, use_clipped_model_output=True)


@pytest.mark.parametrize("steps", [1, 7, 50, 200])
def test_starting_halfway_agrees_with_diffusers(steps):
    images, _ = pair()
    g = generator(1)
    xt = SCHED.add_noise(sprites.to_tensor(images), 200, torch.randn(2, 3, 16, 16, generator=g))
    ours = walk(steps, seed=2, start=200, xt=xt)
    scheduler = peer(DDPMScheduler, SCHED.alpha_bar[1:].double(), clip=True)
    scheduler.set_timesteps(timesteps=[step.t - 1 for step in ours[:-1]])
    assert ours[0].t == 200 and torch.equal(ours[0].xt, xt)
    assert_agrees(ours, scheduler, True, seed=2, start_noise=False)


# ---- the walk through the levels ----


@pytest.mark.parametrize("start", [1, 2, 10, 137, 500])
def test_levels_fall_strictly_from_start_to_0(start):
    for steps in range(1, start + 1):
        path = np.array(sampler.levels(start, steps))
        assert len(path) == steps + 1 and path[0] == start and path[-1] == 0
        gaps = -np.diff(path)
        assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 2  # spread evenly


def test_each_step_is_named_and_shows_what_the_network_saw():
    asked = []

    def net(xt, t):
        asked.append((xt, t))
        return xt / 2

    seen = walk(steps=7, net=net)
    assert [step.t for step in seen] == sampler.levels(T, 7)
    assert len(asked) == 7
    for step, (xt, t) in zip(seen, asked, strict=False):
        assert step.xt is xt and t.dtype == torch.int64 and t.tolist() == [step.t] * 4
        assert torch.equal(step.x0_guess, (xt / 2).clamp(-1, 1))
    assert torch.equal(seen[-1].x0_guess, seen[-1].xt)
    assert not any(step.xt.requires_grad or step.x0_guess.requires_grad for step in walk(steps=3))


def test_gradients_stay_on_for_the_caller():
    for _ in sampler.sample(Net(), SCHED, steps=2, generator=generator()):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("steps", [1, 5, 500])
def test_no_noise_on_the_last_step(steps, eta):
    *_, before, last = walk(steps, eta)
    assert last.t == 0 and torch.equal(last.xt, before.x0_guess)
    # Nor does any slip in when it is offered:
    noise = torch.full_like(last.xt, 1e3)
    assert torch.equal(sampler.step_down(before.xt, before.x0_guess, before.t, 0, SCHED, eta, noise), last.xt)


def test_ddim_draws_no_noise_at_all():
    g = generator()
    xt = torch.randn(2, 3, 16, 16, generator=g)
    state = g.get_state()
    list(sampler.sample(Net(), SCHED, steps=5, eta=0, generator=g, xt=xt))
    assert torch.equal(g.get_state(), state)
    *_, last = sampler.sample(Net(), SCHED, steps=5, eta=0, xt=xt)  # so none is needed
    assert torch.isfinite(last.xt).all()


def test_same_generator_same_pictures():
    for a, b in zip(walk(), walk(), strict=True):
        assert torch.equal(a.xt, b.xt) and torch.equal(a.x0_guess, b.x0_guess)
    assert not torch.allclose(walk()[-1].xt, walk(seed=1)[-1].xt)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    walk()
    assert torch.equal(torch.get_rng_state(), before)  # the global generator is left alone


def test_the_step_is_the_one_that_a_notebook_shows():
    xt, x0_guess, noise = torch.randn(3, 2, 3, 16, 16, generator=generator()).unbind()
    t, s, eta = 300, 290, 0.5
    a_t, a_s = SCHED.alpha_bar[t].item(), SCHED.alpha_bar[s].item()

    noise_guess = (xt - math.sqrt(a_t) * x0_guess) / math.sqrt(1 - a_t)
    sigma = eta * math.sqrt((1 - a_s) / (1 - a_t) * (1 - a_t / a_s))
    xs = math.sqrt(a_s) * x0_guess + math.sqrt(1 - a_s - sigma**2) * noise_guess + sigma * noise

    assert torch.allclose(sampler.step_down(xt, x0_guess, t, s, SCHED, eta, noise), xs, atol=1e-6)


def test_a_step_with_the_truth_keeps_the_distribution():
    """With the right guess, x_s has the mean and the variance of sched.add_noise(x0, s, noise), for any eta."""
    n, g = 200_000, generator()
    x0 = torch.full((1, 1, 1, n), 0.7)
    for eta in (0.0, 0.5, 1.0):
        xt = SCHED.add_noise(x0, 400, torch.randn(x0.shape, generator=g))
        xs = sampler.step_down(xt, x0, 400, 150, SCHED, eta, torch.randn(x0.shape, generator=g))
        mean, variance = 0.7 * SCHED.alpha_bar[150].item() ** 0.5, 1 - SCHED.alpha_bar[150].item()
        assert xs.mean().item() == pytest.approx(mean, abs=5 * (variance / n) ** 0.5)
        assert xs.var().item() == pytest.approx(variance, rel=5 * (2 / n) ** 0.5)


# ---- with exact denoisers ----


@pytest.mark.parametrize(("steps", "eta"), [(10, 1.0), (50, 1.0), (50, 0.0)])
def test_two_members_are_drawn_equally_often(steps, eta):
    images, denoise = pair()
    n = 1000
    *_, last = sampler.sample(denoise, SCHED, n=n, steps=steps, eta=eta, generator=generator())
    distance = (last.xt[:, None] - sprites.to_tensor(images)).flatten(2).abs().amax(2)  # (n, 2)
    assert distance.amin(1).max() < 1e-3  # every sample is one of the two
    heads = int((distance[:, 0] < 1e-3).sum())
    assert abs(heads - n / 2) < 4 * (n / 4) ** 0.5  # four standard deviations of a fair coin: 1 in 16,000


def test_one_jump_from_no_idea_gives_the_average():
    images, denoise = pair()
    *_, last = sampler.sample(denoise, SCHED, n=8, steps=1, generator=generator())
    average = sprites.to_tensor(images).mean(0)
    assert (last.xt - average).abs().mean() < 0.02


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 5, 50, 500])
@pytest.mark.parametrize("s2", [0.05, 1.0])
def test_gaussian_data_keep_their_variance(steps, eta, s2):
    """For x0 ~ N(0, s2), E[x0 | xt] = k xt with k = sqrt(a) s2 / (a s2 + 1 - a): each step scales xt and adds noise,
    so the variance of what comes out is known. It tends to s2 as the steps get smaller."""

    def k(t):
        a = SCHED.alpha_bar[t].item()
        return a**0.5 * s2 / (a * s2 + 1 - a)

    path, variance = sampler.levels(T, steps), 1.0
    for t, s in pairwise(path):
        a, b = SCHED.alpha_bar[t].item(), SCHED.alpha_bar[s].item()
        fresh = eta**2 * (1 - b) / (1 - a) * (1 - a / b)
        kept = (max(0, 1 - b - fresh) / (1 - a)) ** 0.5
        variance = (b**0.5 * k(t) + kept * (1 - a**0.5 * k(t))) ** 2 * variance + fresh
    if steps == 500:
        assert variance == pytest.approx(s2, rel=0.05)

    xt = torch.randn(64, 3, 16, 16, generator=generator())
    net = lambda xt, t: k(int(t[0])) * xt  # noqa: E731
    *_, last = sampler.sample(net, SCHED, steps=steps, eta=eta, generator=generator(1), xt=xt, clip=False)
    assert last.xt.var().item() == pytest.approx(variance, rel=5 * (2 / xt.numel()) ** 0.5)


# ---- what goes in ----


def test_other_sizes_and_kinds_of_number():
    xt = torch.randn(3, 1, 32, 32, generator=generator(), dtype=torch.float64)
    *_, last = sampler.sample(lambda xt, t: xt.to(torch.bfloat16) / 2, SCHED, steps=np.int64(3), eta=0, xt=xt)
    assert last.xt.shape == xt.shape and last.xt.dtype == torch.float64
    assert len(walk(n=np.int64(2), steps=2)[-1].xt) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_same_noise_and_nearly_the_same_pictures_on_cuda():
    on_cpu, on_cuda = walk(net=Net()), walk(net=Net().cuda())
    assert on_cuda[0].xt.is_cuda
    for a, b in zip(on_cpu, on_cuda, strict=True):
        assert (a.xt - b.xt.cpu()).abs().max() < 1e-3
    xt = torch.randn(2, 3, 16, 16, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    *_, last = sampler.sample(lambda xt, t: xt / 2, SCHED, eta=0, xt=xt)
    assert last.xt.is_cuda


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        ({"steps": 0}, ValueError, r"in 1\.\.500"),
        ({"steps": 501}, ValueError, r"1\.\.500"),
        ({"steps": 50.0}, TypeError, "steps .* must be a whole number"),
        ({"start": 501}, ValueError, r"1\.\.500"),
        ({"start": 0}, ValueError, r"start.* in 1\.\.500"),
        ({"start": 20, "xt": torch.zeros(1, 3, 16, 16)}, ValueError, r"steps down from level 20 must be in 1\.\.20"),
        ({"start": 200}, ValueError, "add_noise"),
        ({"eta": 1.5}, ValueError, r"0\.\.1"),
        ({"eta": math.nan}, ValueError, r"0\.\.1"),
        ({"generator": None}, TypeError, "manual_seed"),
        ({"generator": None, "xt": torch.zeros(1, 3, 16, 16)}, TypeError, "manual_seed"),
        ({"n": 0}, ValueError, "at least 1"),
        ({"n": 2.5}, TypeError, "n must be a whole number"),
        ({"xt": torch.zeros(3, 16, 16)}, ValueError, "batch axis"),
        ({"xt": torch.full((1, 3, 16, 16), math.nan)}, ValueError, "NaN"),
        ({"xt": torch.zeros(1, 3, 16, 16, dtype=torch.uint8)}, TypeError, "float"),
        ({"net": lambda xt, t: xt.mean()}, ValueError, "shape"),
    ],
)
def test_bad_input_is_refused_with_advice(bad, error, says):
    good = {"net": Net(), "sched": SCHED, "n": 2, "generator": generator()}
    with pytest.raises(error, match=says):
        next(sampler.sample(**{**good, **bad}))
