"""The ink drop: the random walk against the equation, and both against what must be conserved."""

import io
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import chi2

from helpers.lesson import ink

TIMES = [0.0, 0.001, 0.01, 0.05, 0.2, 1.0]
SHAPE = (25, 20)


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


def p_value(counts, expected):
    """Of a chi-square test, with the cells that expect fewer than 5 particles put together."""
    counts, expected = counts.flatten().double().numpy(), expected.flatten().numpy()
    rare = expected < 5
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    return chi2.sf(((counts - expected) ** 2 / expected).sum(), len(counts) - 1)


def test_mean_squared_displacement_is_2_d_D_t(g):
    """In two dimensions <r^2> = 4 D t (Einstein 1905), as long as no wall is near."""
    n, D, sea = 100_000, 0.3, ink.Glass(width=1000, height=1000, x=500, y=500, sigma=1e-3, D=0.3)
    times = np.linspace(0, 2, 21)
    states = list(ink.walk(n, times, g, sea))
    assert [s.time for s in states] == list(times)
    for state in states[1:]:
        squared = (state.xy - states[0].xy).double().square().sum(1)
        expected = 4 * D * state.time
        # r^2 is exponential: its standard deviation equals its mean. 0.1 % for float32 positions near 500.
        assert float(squared.mean()) == pytest.approx(expected, rel=4 / math.sqrt(n) + 1e-3)


def test_steps_are_independent_and_normal(g):
    """Else the drop would drift, or spread with the square of time."""
    n, sea = 100_000, ink.Glass(width=1000, height=1000, x=500, y=500, sigma=1e-3)
    a, b, c = (s.xy.double() for s in ink.walk(n, [0, 1, 2], g, sea))
    first, second = (b - a) / math.sqrt(2), (c - b) / math.sqrt(2)
    limit = 4 / math.sqrt(n)
    assert first.mean(0).abs().max() < limit and (first * second).mean(0).abs().max() < limit
    assert abs(float((first[:, 0] * first[:, 1]).mean())) < limit
    assert float((first**4).mean()) == pytest.approx(3, abs=limit * math.sqrt(96))


@pytest.mark.parametrize("shape", [SHAPE, (1, 1), (7, 1), (180, 144)])
@pytest.mark.parametrize("time", [*TIMES, 100.0])
def test_the_field_conserves_ink(time, shape):
    share = ink.field(time, shape)
    assert share.shape == shape and share.dtype == torch.float64
    assert float(share.sum()) == pytest.approx(1, abs=1e-6)
    assert share.min() > -1e-12


def test_the_walk_conserves_ink(g):
    n, corner = 20_000, ink.Glass(x=0, y=1.25, sigma=0.1)  # where the walls are met most
    for state in ink.walk(n, TIMES, g, corner):
        assert state.xy.shape == (n, 2) and state.xy.dtype == torch.float32
        counts = ink.histogram(state.xy, SHAPE, corner)
        assert counts.shape == SHAPE and counts.sum() == n


@pytest.mark.parametrize("glass", [ink.GLASS, ink.Glass(width=0.7, height=0.5, x=0.05, y=0.4, sigma=0.1, D=0.2)])
def test_the_walk_agrees_with_the_equation(glass, g):
    n = 200_000
    for state in ink.walk(n, TIMES, g, glass):
        counts = ink.histogram(state.xy, SHAPE, glass)
        assert p_value(counts, n * ink.field(state.time, SHAPE, glass)) > 0.001


def test_small_steps_lead_where_large_ones_do(g):
    n = 200_000
    *_, state = ink.walk(n, np.linspace(0, 0.05, 101), g)
    assert p_value(ink.histogram(state.xy, SHAPE), n * ink.field(0.05, SHAPE)) > 0.001


def test_a_wrong_diffusivity_is_noticed(g):
    """The two tests above would be worth little if they let an error of 5 % pass."""
    n = 200_000
    for wrong in (0.95, 1.05):
        for state in ink.walk(n, [0.01, 0.05], g, ink.Glass(D=wrong)):
            assert p_value(ink.histogram(state.xy, SHAPE), n * ink.field(state.time, SHAPE)) < 1e-4


def test_the_field_solves_the_diffusion_equation():
    """By finite differences, in the open water and at the walls."""
    rows, columns, dt, glass = 250, 200, 1e-5, ink.GLASS
    h = glass.width / columns
    before, now, after = (ink.field(0.02 + k * dt, (rows, columns)) for k in (-1, 0, 1))
    padded = torch.nn.functional.pad(now[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]  # no flux through a wall
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * now
    rate = (after - before) / (2 * dt)
    assert (rate - glass.D * laplacian / h**2).abs().max() < 1e-3 * rate.abs().max()


def test_the_drop_starts_as_a_gaussian_and_ends_even():
    rows, columns = 250, 200
    y, x = torch.meshgrid((torch.arange(250) + 0.5) / 200, (torch.arange(200) + 0.5) / 200, indexing="ij")
    squared = (x - 0.5) ** 2 + (y - 0.2) ** 2
    density = torch.exp(-squared / (2 * 0.03**2)) / (2 * math.pi * 0.03**2)
    start = ink.field(0, (rows, columns)) * 200**2
    assert (start - density).abs().max() < 0.01 * density.max()  # averaged over cells, against at their middle
    distance = [(ink.field(t, SHAPE) * 500 - 1).abs().max() for t in [*TIMES, 3.0]]
    assert all(later < earlier for earlier, later in pairwise(distance))
    assert distance[-1] < 1e-6


def test_the_same_generator_gives_the_same_walk():
    a, b = (torch.stack([s.xy for s in ink.walk(100, TIMES, torch.Generator().manual_seed(seed))]) for seed in (3, 3))
    assert torch.equal(a, b)
    state = torch.get_rng_state()
    ink.animate(torch.Generator().manual_seed(0), frames=2, n=10)
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's randomness is touched


def test_animation(g):
    frames = ink.animate(g, frames=20, n=50_000)
    assert frames.shape == (20, *ink.FRAME, 3) and frames.dtype == np.uint8
    top, left, (rows, columns) = ink.TOP, ink.LEFT, ink.WATER
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


def test_animation_is_small_enough_for_a_notebook(g):
    """The notebook holds it as one sheet of lossy WebP: a grain too fine would not compress."""
    frames = ink.animate(g)
    rows, columns = ink.FRAME
    sheet = frames.reshape(10, 10, rows, columns, 3).transpose(0, 2, 1, 3, 4).reshape(10 * rows, 10 * columns, 3)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "WEBP", quality=80)
    assert file.tell() < 400_000


def test_one_colour_scale():
    """Beer-Lambert: the colour depends on the density in that cell alone, and twice the ink squares the light."""
    even = torch.full(ink.WATER, 1 / (180 * 144))
    none, once, twice = (ink.picture(k * even)[120, 100].astype(float) / 255 for k in (0, 1, 2))
    assert np.allclose(once / none, np.exp(-ink.ABSORBS), atol=0.01)
    assert np.allclose(twice / none, (once / none) ** 2, atol=0.01)
    half = even.clone()
    half[90:] = 0
    assert (ink.picture(half)[ink.TOP : ink.TOP + 90] == ink.picture(even)[ink.TOP : ink.TOP + 90]).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ink.Glass(D=0), "must be positive"),
        (lambda: ink.Glass(sigma=math.nan), "must be positive"),
        (lambda: ink.Glass(x=2), "misses the glass"),
        (lambda: ink.walk(0, [0, 1], torch.Generator()), "at least 1 particle"),
        (lambda: ink.walk(5, [0, -1], torch.Generator()), "not negative"),
        (lambda: ink.walk(5, [0, math.nan], torch.Generator()), "finite"),
        (lambda: ink.walk(5, [0, 1, 1], torch.Generator()), "must increase"),
        (lambda: ink.field(-1, SHAPE), "not negative"),
        (lambda: ink.field(math.nan, SHAPE), "finite"),
        (lambda: ink.field(1, (0, 5)), "at least one row"),
        (lambda: ink.histogram(torch.tensor([[0.5, 2.0]]), SHAPE), "outside the glass"),
        (lambda: ink.histogram(torch.tensor([[math.nan, 0.5]]), SHAPE), "outside the glass"),
        (lambda: ink.animate(torch.Generator(), frames=1), "at least 2 frames"),
        (lambda: ink.picture(torch.zeros(5, 5)), "180 x 144"),
    ],
)
def test_bad_input_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()
