"""The ink drop: the random walk against the equation, and both against what must be conserved."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from helpers import schedule
from helpers.lesson import ink

TIMES = [0.0, 0.001, 0.01, 0.05, 0.2, 1.0]


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


def p_value(counts, expected):
    """Of a chi-square test, over blocks of 9 by 9 cells; those that expect fewer than 5 particles are put together."""
    counts, expected = (
        x.double().view(20, 9, 16, 9).sum((1, 3)).flatten().numpy() for x in (counts, torch.as_tensor(expected))
    )
    rare = expected < 5
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    return chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)


def field(time: float) -> torch.Tensor:
    """The exact solution of the diffusion equation: the share of the ink in each cell, float64 (180, 144).

    What `count(...) / n` tends to for many particles. It is integrated over each cell, so the shares sum to 1.
    """
    variance = ink.SIGMA**2 + 2 * time
    across, down = (
        _share(at, wall, cells, variance) for at, wall, cells in zip(ink.DROP, ink.WALLS, ink.CELLS[::-1], strict=True)
    )
    return down[:, None] * across  # in a rectangle x and y spread independently


def _share(start: float, length: float, cells: int, variance: float) -> torch.Tensor:
    """The same in one dimension, (cells,): a point of ink at start, spread by the variance between two walls.

    density(x) = 1/L + 2/L * sum over k of cos(w start) cos(w x) exp(-w^2 variance / 2), where w = k pi / L: the cosines
    are level at both walls, so nothing flows there, and each decays at its own pace (Fourier 1822).
    """
    terms = math.ceil(9 * length / (math.pi * math.sqrt(variance)))  # those after it are below exp(-40)
    w = torch.arange(1, terms + 1, dtype=torch.float64)[:, None] * math.pi / length  # (K, 1)
    edges = torch.linspace(0, length, cells + 1, dtype=torch.float64)
    decay = torch.exp(-(w**2) * variance / 2)
    below = edges / length + 2 / length * (torch.cos(w * start) * decay * torch.sin(w * edges) / w).sum(0)
    return below.diff()  # below: the share of the ink between 0 and each edge


def test_mean_squared_displacement_is_2_d_t(g):
    """In two dimensions <r^2> = 4 t (Einstein 1905), as long as no wall is near."""
    n, times = 100_000, [0, 0.0002, 0.0005, 0.001]
    start, *later = (xy.double() for xy in ink.particles(n, times, g))
    for time, xy in zip(times[1:], later, strict=True):
        squared = (xy - start).square().sum(1)  # exponential: its standard deviation equals its mean
        assert float(squared.mean()) == pytest.approx(4 * time, rel=4 / math.sqrt(n) + 1e-3)


def test_steps_are_independent_and_normal(g):
    """Else the drop would drift, or spread with the square of time."""
    n, dt = 100_000, 0.0004
    a, b, c = (xy.double() for xy in ink.particles(n, [0, dt, 2 * dt], g))
    first, second = (b - a) / math.sqrt(2 * dt), (c - b) / math.sqrt(2 * dt)
    limit = 4 / math.sqrt(n)
    assert first.mean(0).abs().max() < limit and (first * second).mean(0).abs().max() < limit
    assert float((first**4).mean()) == pytest.approx(3, abs=limit * math.sqrt(96))


@pytest.mark.parametrize("time", [*TIMES, 100.0])
def test_no_ink_is_lost(time, g):
    share = field(time)
    assert share.shape == ink.CELLS and share.dtype == torch.float64
    assert float(share.sum()) == pytest.approx(1, abs=1e-6) and share.min() > -1e-12
    (xy,) = ink.particles(20_000, [time], g)
    assert xy.shape == (20_000, 2) and (xy >= 0).all() and (xy <= torch.tensor(ink.WALLS)).all()
    assert ink.count(xy).shape == ink.CELLS and ink.count(xy).sum() == 20_000


def test_the_walk_agrees_with_the_equation(g):
    n = 200_000
    for time, xy in zip(TIMES, ink.particles(n, TIMES, g), strict=True):
        assert p_value(ink.count(xy), n * field(time)) > 0.001


def test_small_steps_lead_where_large_ones_do(g):
    n = 200_000
    *_, xy = ink.particles(n, np.linspace(0, 0.05, 101), g)
    assert p_value(ink.count(xy), n * field(0.05)) > 0.001
    assert p_value(ink.count(xy), n * field(0.0525)) < 1e-4  # or the test would be worth little


def test_the_field_solves_the_diffusion_equation():
    """By finite differences, in the open water and at the walls."""
    dt, h = 1e-5, ink.WALLS[0] / ink.CELLS[1]
    before, now, after = (field(0.02 + k * dt) for k in (-1, 0, 1))
    padded = torch.nn.functional.pad(now[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]  # no flux through a wall
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * now
    rate = (after - before) / (2 * dt)
    assert (rate - laplacian / h**2).abs().max() < 2e-3 * rate.abs().max()


def test_the_drop_starts_as_a_gaussian_and_ends_even():
    y, x = torch.meshgrid((torch.arange(180) + 0.5) / 144, (torch.arange(144) + 0.5) / 144, indexing="ij")
    squared = (x - 0.5) ** 2 + (y - 0.2) ** 2
    density = torch.exp(-squared / (2 * 0.03**2)) / (2 * math.pi * 0.03**2)
    start = field(0) * 144**2
    assert (start - density).abs().max() < 0.02 * density.max()  # averaged over cells, against at their middle
    distance = [(field(t) * 180 * 144 - 1).abs().max() for t in [*TIMES, 3.0]]
    assert all(later < earlier for earlier, later in pairwise(distance))
    assert distance[-1] < 1e-6


def test_the_same_generator_gives_the_same_walk():
    a, b = (torch.stack(list(ink.particles(100, TIMES, torch.Generator().manual_seed(3)))) for _ in range(2))
    assert torch.equal(a, b)


def test_animation(g):
    frames = ink.animate(g, frames=20, n=50_000)
    assert frames.shape == (20, *ink.FRAME, 3) and frames.dtype == np.uint8
    top, left, (rows, columns) = ink.TOP, ink.LEFT, ink.CELLS
    water = frames[:, top + 4 : top + rows - 8, left + 24 : left + columns - 12].astype(float)
    first, last = water[0], water[-1]
    drop = first[int(0.2 * 144) - 4, columns // 2 - 24]
    assert drop.max() < 10  # dense ink is black ...
    assert first[-40:].min() > 225  # ... in clear water
    red, _, blue = last.mean((0, 1))
    assert blue > red + 50 and blue > 190  # in the end pale blue
    assert np.abs(last[:80].mean() - last[-80:].mean()) < 4  # and even
    glass_only = frames.copy()
    glass_only[:, top - 1 : top + rows + 1, left - 1 : left + columns + 1] = 0
    assert (glass_only == glass_only[0]).all()  # no ink outside the water


def test_one_colour_scale():
    """Beer-Lambert: the colour depends on the density in that cell alone, and twice the ink squares the light."""
    even = torch.full(ink.CELLS, 1 / (180 * 144))
    none, once, twice = (ink.picture(k * even)[120, 100].astype(float) / 255 for k in (0, 1, 2))
    assert np.allclose(once / none, np.exp(-ink.ABSORBS), atol=0.01)
    assert np.allclose(twice / none, (once / none) ** 2, atol=0.01)
    half = even.clone()
    half[90:] = 0
    assert (ink.picture(half)[ink.TOP : ink.TOP + 90] == ink.picture(even)[ink.TOP : ink.TOP + 90]).all()


@pytest.mark.parametrize("times", [[-1], [0, 1, 1], [0, math.nan]])
def test_times_that_do_not_increase_are_refused(times, g):
    with pytest.raises(ValueError, match="increase"):
        list(ink.particles(5, times, g))


def test_the_walk_of_a_sprite_ends_where_the_jump_does(g):
    sched, x0 = schedule.cosine(T=100), torch.full((20_000,), 0.7)
    for t, x in enumerate(ink.walk(x0, sched, g), start=1):
        keep, add = sched.alpha_bar[t].sqrt(), (1 - sched.alpha_bar[t]).sqrt()
        assert x.mean() == pytest.approx(0.7 * keep.item(), abs=0.04) and x.std() == pytest.approx(add.item(), rel=0.03)
    assert t == 100


def test_without_the_pull_it_widens_without_end(g):
    *_, x = ink.walk(torch.zeros(20_000), schedule.cosine(T=400), g, pull=False)
    assert x.std() == pytest.approx(2, rel=0.03)  # the root of 400 times 0.1
