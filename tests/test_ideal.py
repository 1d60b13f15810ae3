"""The exact posterior, held against brute force in float64, closed forms and its limits."""

import math

import numpy as np
import pytest
import torch

from helpers import schedule
from helpers.world import ideal, sprites

SCHED = schedule.cosine()
T = SCHED.T


@pytest.fixture
def g():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def world():
    return sprites.load_world()


def palette_images(n, g, size=16):
    """A set like sprites, uint8 (n, size, size, 3): a few flat colours, much shared, some images nearly the same."""
    palette = torch.randint(0, 256, (6, 3), generator=g, dtype=torch.uint8)
    outline = torch.randint(0, 6, (size, size), generator=g)
    index = outline.repeat(n, 1, 1)
    index[:, 4:12, 4:12] = torch.randint(0, 6, (n, size // 2, size // 2), generator=g)
    images = palette[index]
    images[1] = images[0]
    images[1, 5, 5, 0] ^= 1  # one channel of one pixel, by one step: told from images[0] only when almost clean
    return images.numpy()


def floats(images):
    return sprites.to_tensor(images)


def noisy(images, t, g, sched=SCHED):
    x0 = floats(images)
    return sched.add_noise(x0, t, torch.randn(x0.shape, generator=g))


def brute_force(xt, t, images, sched=SCHED):
    """log p(x0 | xt) by the definition: differences, squares and sums in float64, one item after another."""
    x0 = floats(images).double()
    log_p = []
    for x, level in zip(xt.double(), torch.as_tensor(t).expand(len(xt)), strict=True):
        alpha_bar = sched.alpha_bar[level].double()
        distance = (x - alpha_bar.sqrt() * x0).square().flatten(1).sum(1)
        log_p.append(torch.log_softmax(-distance / (2 * (1 - alpha_bar)), dim=0))
    return torch.stack(log_p)  # (B, M)


def assert_exact(p, log_p):
    p, expected = p.double(), log_p.exp()
    assert torch.isfinite(p).all() and (p.sum(1) - 1).abs().max() < 1e-5
    assert (p - expected).abs().max() < 1e-6
    told = expected > 1e-30  # the log-probability of whatever is not hopeless is right too
    assert (p[told].log() - log_p[told]).abs().max() < 1e-5


@pytest.mark.parametrize("t", [1, 2, 5, 20, 100, 250, 400, 499, T])
@pytest.mark.parametrize("make", [schedule.cosine, schedule.linear])
def test_agrees_with_brute_force(t, make, g):
    sched, images = make(), palette_images(5_003, g)  # no multiple of the chunk: the last one is short
    xt = noisy(images[:4], t, g, sched)
    p, log_p = ideal.posterior(xt, t, images, sched), brute_force(xt, t, images, sched)
    assert p.shape == (4, 5_003) and p.dtype == torch.float32
    assert_exact(p, log_p)
    expected = torch.einsum("bm,mchw->bchw", log_p.exp(), floats(images).double())
    guess = ideal.denoise(xt, t, images, sched)
    assert guess.shape == xt.shape and guess.dtype == torch.float32
    assert (guess - expected).abs().max() < 1e-5
    assert torch.equal(ideal.mean(p, images), guess)


def test_agrees_with_brute_force_off_the_beaten_track(g):
    """Pictures that no noising made, as a sampler meets them: far from every image, at every level."""
    images = palette_images(300, g)
    t = torch.tensor([1, 2, 20, 250, T])
    xt = 3 * torch.randn(5, 3, 16, 16, generator=g)
    assert_exact(ideal.posterior(xt, t, images, SCHED), brute_force(xt, t, images))


@pytest.mark.parametrize("size", [1, 2, ideal.CHUNK - 1, ideal.CHUNK, ideal.CHUNK + 1, 2 * ideal.CHUNK])
def test_chunk_boundaries(size, g):
    images = palette_images(2 * ideal.CHUNK, g)[-size:]
    xt = noisy(images[-1:], 300, g)
    assert_exact(ideal.posterior(xt, 300, images, SCHED), brute_force(xt, 300, images))


def test_a_level_for_each_item_and_a_batch_larger_than_a_block_of_rows(g):
    images, n = palette_images(50, g), 2 * ideal.ROWS + 3
    t = torch.randint(0, T + 1, (n,), generator=g)
    xt = noisy(images[np.arange(n) % 50], t, g)
    p = ideal.posterior(xt, t, images, SCHED)
    later = t > 0
    assert_exact(p[later], brute_force(xt[later], t[later], images))
    i = ideal.ROWS + 1
    assert torch.equal(p[i], ideal.posterior(xt[i : i + 1], int(t[i]), images, SCHED)[0])


def test_two_images_give_the_logistic_function(g):
    images, t = palette_images(2, g), torch.tensor([1, 50, 200, 350, T])
    images[1] = 255 - images[0]
    a, b = floats(images).double()
    xt = noisy(images[[0, 0, 1, 1, 0]], t, g)
    signal, variance = SCHED.alpha_bar[t].double().sqrt(), 1 - SCHED.alpha_bar[t].double()
    # log p(a) - log p(b) = signal/variance * (xt - signal * (a + b) / 2) . (a - b)
    middle = signal[:, None, None, None] * (a + b) / 2
    score = ((xt - middle) * (a - b)).sum((1, 2, 3)) * signal / variance
    p = ideal.posterior(xt, t, images, SCHED)
    assert torch.allclose(p[:, 0].double(), torch.sigmoid(score), atol=1e-6)


def test_a_dense_grid_of_images_gives_the_gaussian_answer(g):
    """One-pixel images spread as N(0, 1/16) are nearly a Gaussian prior, whose posterior mean is known: a line."""
    values = torch.linspace(-1, 1, 201)
    density = torch.exp(-8 * values**2)  # all images of a set weigh the same, so repeat each value by its density
    images = values.repeat_interleave((density * 3_000).round().long()).view(-1, 1, 1, 1)
    xt = torch.tensor([-1.5, -0.4, 0.0, 0.9]).view(-1, 1, 1, 1)
    for t in (200, 300, 450):
        alpha_bar = SCHED.alpha_bar[t]
        expected = alpha_bar.sqrt() / 16 / (alpha_bar / 16 + 1 - alpha_bar) * xt
        assert torch.allclose(ideal.denoise(xt, t, images, SCHED), expected, atol=2e-3)


def test_level_0_names_the_image(g):
    images = palette_images(3_000, g)
    for i in (0, 1, 2_999):  # 0 and 1 differ by one step of one channel
        xt = floats(images[i : i + 1])
        p = ideal.posterior(xt, 0, images, SCHED)
        assert p[0, i] == 1 and p.sum() == 1
        assert torch.equal(ideal.denoise(xt, 0, images, SCHED), xt)
        assert ideal.bits_known(p) == pytest.approx(math.log2(3_000))
    with pytest.raises(ValueError, match=r"xt\[1\] is not"):
        ideal.posterior(torch.cat([xt, xt + 0.004]), 0, images, SCHED)


def test_images_held_twice_share_the_probability(g):
    images = palette_images(10, g)[[0, 3, 3, 5]]
    for t in (0, 1, 250):
        p = ideal.posterior(noisy(images[1:2], t, g), t, images, SCHED)[0]
        assert p[1] == p[2]
    assert torch.equal(ideal.posterior(floats(images[1:2]), 0, images, SCHED)[0], torch.tensor([0, 0.5, 0.5, 0]))


def test_a_set_can_be_an_array_a_tensor_or_floats(g):
    images = palette_images(100, g)
    images.flags.writeable = False  # as a memory-mapped cache would be
    xt = noisy(images[:3], 200, g)
    p = ideal.posterior(xt, 200, images, SCHED)
    for same in (torch.tensor(images), floats(images)):
        assert torch.equal(ideal.posterior(xt, 200, same, SCHED), p)
        assert torch.equal(ideal.mean(p, same), ideal.mean(p, images))
    wide = torch.rand(20, 1, 4, 6, generator=g)  # no sprites at all
    assert ideal.denoise(wide[:2], 10, wide, SCHED).shape == (2, 1, 4, 6)


def test_bits_known(g):
    m = 100_000
    p = torch.zeros(3, m)
    p[0] = 1 / m  # no idea
    p[1, 7] = 1  # certain
    p[2, :2] = torch.tensor([0.25, 0.75])
    entropy = 0.25 * 2 + 0.75 * math.log2(4 / 3)
    assert torch.allclose(ideal.bits_known(p), math.log2(m) - torch.tensor([math.log2(m), 0, entropy]), atol=1e-4)

    images = palette_images(500, g)
    t = torch.tensor([1, 250, 350, 450, T])
    bits = ideal.bits_known(ideal.posterior(noisy(images[[3] * 5], t, g), t, images, SCHED))
    assert (bits.diff() <= 0).all() and bits[0] > 8.9 and bits[-1] < 0.01


def test_attribute_posterior(g):
    p = torch.rand(4, 1000, generator=g)
    p /= p.sum(1, keepdim=True)
    labels = torch.randint(0, 6, (1000,), generator=g)
    labels[labels == 4] = 5  # an option that nobody has
    out = ideal.attribute_posterior(p, labels.numpy(), 7)
    assert out.shape == (4, 7) and out.dtype == torch.float32
    for option in range(7):
        assert torch.allclose(out[:, option], p[:, labels == option].sum(1), atol=1e-6)
    assert torch.allclose(out.sum(1), torch.ones(4), atol=1e-5)
    for same in (labels.to(torch.uint8), labels.numpy().astype(np.uint16), labels.tolist()):
        assert torch.equal(ideal.attribute_posterior(p, same, 7), out)


def test_the_ideal_denoiser_beats_its_neighbours(g):
    """Its mean squared error is the least: a guess moved either way does worse, and so does the likeliest image."""
    images, t = palette_images(64, g, size=16), 380
    x0 = floats(images[torch.randint(0, 64, (2_000,), generator=g)])
    xt = SCHED.add_noise(x0, t, torch.randn(x0.shape, generator=g))
    p = ideal.posterior(xt, t, images, SCHED)
    guess, average = ideal.mean(p, images), floats(images).mean(0)

    def error(x):
        return float((x - x0).square().mean())

    assert error(guess) < error(average + 0.9 * (guess - average))
    assert error(guess) < error(average + 1.1 * (guess - average))
    assert error(guess) < error(floats(images[p.argmax(1)]))


def test_the_last_level_says_nothing_about_which_sprite_it_was(world, g):
    """The design's limit is 0.01 bits, on average over sprites of the real world."""
    i = torch.randint(0, len(world), (8,), generator=g)
    bits = {}
    for make in (schedule.cosine, schedule.linear):
        xt = noisy(world.images[i], T, g, make())
        bits[make] = ideal.bits_known(ideal.posterior(xt, T, world.images, make())).mean()
    assert 0 <= bits[schedule.cosine] < 0.01
    assert bits[schedule.linear] > 0.3  # why the popular schedule is not used


def test_the_real_world_agrees_with_brute_force(world, g):
    some = world.images[:: len(world) // 4_000]
    for t in (1, 20, 250, T):
        xt = noisy(some[[5, 2_000]], t, g)
        assert_exact(ideal.posterior(xt, t, some, SCHED), brute_force(xt, t, some))


X, SET = torch.zeros(2, 3, 16, 16), np.zeros((5, 16, 16, 3), np.uint8)
P = torch.full((2, 5), 0.2)


@pytest.mark.parametrize(
    ("xt", "t", "images", "error", "says"),
    [
        (X, -1, SET, ValueError, r"0\.\.500"),  # would be read from the end of the schedule
        (X, 501, SET, ValueError, r"0\.\.500"),
        (X, torch.tensor([1, 2, 3]), SET, ValueError, r"shape \(2,\)"),
        (X + 255, 1, SET, ValueError, "looks like 0..255"),
        (X[:, :, :8], 1, SET, ValueError, r"\(3, 8, 16\), but the set's are"),
        (X, 1, SET[0], ValueError, r"\(M, H, W, C\)"),
        (X, 1, SET[:0], ValueError, "at least one"),
        (X, 1, SET.astype(np.float32), TypeError, "images must be a float tensor"),
        (X, 1, X + 200, ValueError, "images has values.*looks like 0..255"),
    ],
)
def test_bad_input_is_refused_with_advice(xt, t, images, error, says):
    with pytest.raises(error, match=says):
        ideal.denoise(xt, t, images, SCHED)


@pytest.mark.parametrize(
    ("p", "labels", "n", "says"),
    [
        (P, [0, 1, 2, 1], 3, "5 columns for a set of 4"),
        (P, [0, 1, 2, 3, 0], 3, r"0\.\.2"),
        (P, [0, 1, 2, -1, 0], 3, r"0\.\.2"),
        (2 * P, [0, 1, 2, 1, 0], 3, "sum to 1"),
        (P * math.nan, [0, 1, 2, 1, 0], 3, "sum to 1"),
    ],
)
def test_bad_posteriors_and_labels(p, labels, n, says):
    with pytest.raises(ValueError, match=says):
        ideal.attribute_posterior(p, labels, n)


def test_mean_and_bits_check_the_posterior():
    with pytest.raises(ValueError, match="another set"):
        ideal.mean(P, SET[:4])
    with pytest.raises(ValueError, match="sum to 1"):
        ideal.bits_known(P / 2)


def test_a_sweep_is_the_posterior_of_each_image_at_each_level(g, monkeypatch):
    images = palette_images(50, g)
    x0, levels = floats(images[:5]), torch.tensor([0, 100, T])
    monkeypatch.setattr(ideal, "ROWS", 7)  # two images a pass, and one left over
    swept = list(ideal.sweep(x0, levels, images, SCHED, torch.Generator().manual_seed(3)))
    assert [p.shape for p in swept] == [(3, 50)] * 5
    again = torch.Generator().manual_seed(3)
    noise = torch.cat([torch.randn(n, *x0.shape[1:], generator=again) for n in (2, 2, 1)])
    for i, p in enumerate(swept):  # the same noise at all levels of an image, another for the next image
        xt = SCHED.add_noise(x0[[i]].expand(3, -1, -1, -1), levels, noise[[i]].expand(3, -1, -1, -1))
        assert torch.allclose(p, ideal.posterior(xt, levels, images, SCHED), atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no second device")
def test_a_sweep_is_the_same_on_every_device(g):
    """The noise is drawn where the generator lives."""
    images, x0, levels = palette_images(50, g), floats(palette_images(3, g)), torch.tensor([0, 100, T])
    sweeps = [
        ideal.sweep(x0.to(device), levels.to(device), floats(images).to(device), SCHED.to(device), g.manual_seed(3))
        for device in ("cpu", "cuda")
    ]
    for one, other in zip(*map(list, sweeps), strict=True):
        assert torch.allclose(one, other.cpu(), atol=1e-5)
