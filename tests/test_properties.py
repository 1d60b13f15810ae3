"""What holds for every input, tried on inputs that nobody thought of (hypothesis); the same ones at every run.

tests/long has four times as many.
"""

import contextlib
import io
import math
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from helpers import schedule
from helpers.storage import files, resume
from helpers.training import Run
from helpers.world import ideal, judge, sprites
from helpers.world.sprites import SpriteError, World

few = settings(
    max_examples=settings.default.max_examples // 10,
    deadline=None,  # the machine may be busy
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
many = settings(few, max_examples=settings.default.max_examples // 2)

seeds = st.integers(0, 2**31)
makers = st.sampled_from([schedule.cosine, schedule.linear])


def generator(seed):
    return torch.Generator().manual_seed(seed)


def uniform(shape, seed):
    return torch.rand(shape, generator=generator(seed)) * 2 - 1


# Everything that a learner may put in by mistake.
REALS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
OTHERS = [torch.uint8, torch.int64, torch.bool]
numbers = st.integers() | st.floats() | st.booleans()
odd_tensors = st.builds(
    lambda shape, dtype, fill: torch.full(shape, fill).to(dtype),
    st.lists(st.integers(0, 3), max_size=5),
    st.sampled_from([*REALS, *OTHERS, torch.complex64]),
    st.sampled_from([0.0, 1.0, -1.0, 2.0, 255.0, math.nan, math.inf, -math.inf]),
)
odd_arrays = arrays.arrays(
    st.sampled_from([np.uint8, np.int64, np.float32, np.bool_, np.dtype("U3"), np.dtype("M8[s]")]),
    arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=3),
)
anything = (
    st.none()
    | numbers
    | st.text(max_size=3)
    | st.complex_numbers()
    | st.lists(numbers, max_size=3)
    | st.dictionaries(st.text(max_size=2), numbers, max_size=2)
    | odd_tensors
    | odd_arrays
)


def attempt(function, *arguments):
    """What a function answers, or None where it refuses, with whatever error."""
    try:
        return function(*arguments)
    except Exception:
        return None


# ---- schedule ----


@few
@given(makers, st.integers(1, 3000))
def test_a_schedule_of_any_length_loses_the_image_step_by_step(make, T):
    sched = make(T)
    assert sched.T == T and sched.alpha_bar[0] == 1
    assert (sched.alpha_bar.diff() < 0).all() and sched.alpha_bar[-1] > 0
    assert sched.beta[0] == 0 and (sched.beta[1:] > 0).all() and (sched.beta < 1).all()
    snr = sched.snr(torch.arange(T + 1))
    assert snr[0] == math.inf and (snr.diff() < 0).all() and snr[-1] > 0


@many
@given(st.lists(st.floats(1e-4, 0.5), min_size=1, max_size=50))
def test_a_schedule_from_any_steps_is_their_product(beta):
    sched = schedule.from_beta(torch.tensor(beta, dtype=torch.float64))
    left = 1.0
    for t, step in enumerate(beta, start=1):
        left *= 1 - step
        assert sched.alpha_bar[t].item() == pytest.approx(left, rel=1e-6)


@few
@given(makers, st.integers(1, 600), seeds, st.data())
def test_noise_that_is_known_can_be_taken_away_again(make, T, seed, data):
    sched, x0 = make(T), uniform((3, 3, 4, 4), seed)
    t = torch.tensor(data.draw(st.lists(st.integers(0, T), min_size=3, max_size=3)))
    noise = torch.randn(x0.shape, generator=generator(seed + 1))
    xt = sched.add_noise(x0, t, noise)
    alpha_bar = sched.alpha_bar[t].double().view(-1, 1, 1, 1)
    again = (xt.double() - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()
    rounding = 1e-6 / alpha_bar.sqrt()  # of xt, blown up with the image
    assert ((again - x0).abs() <= rounding).all()
    assert torch.equal(sched.add_noise(-x0, t, -noise), -xt)


@many
@given(st.tuples(anything, anything, anything))
def test_no_odd_input_is_silently_noised(inputs):
    sched, good = schedule.cosine(10), (torch.zeros(2, 3, 4, 4), 3, torch.zeros(2, 3, 4, 4))
    for i in range(3):
        x0, t, noise = (*good[:i], inputs[i], *good[i + 1 :])
        xt = attempt(sched.add_noise, x0, t, noise)
        assert xt is None or (xt.shape == noise.shape and xt.isfinite().all())
    snr = attempt(sched.snr, inputs[0])
    assert snr is None or (snr > 0).all()
    for make in (schedule.cosine, schedule.linear):
        if not (isinstance(inputs[0], int) and inputs[0] > 10_000):  # a schedule that long is only slow
            made = attempt(make, inputs[0])
            assert made is None or inputs[0] == made.T


# ---- ideal ----

SCHED = schedule.cosine(100)
small_worlds = arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(2), st.just(3), st.just(3)))
levels = st.integers(1, 100)


def noisy(images, t, seed, n=3):
    """n of the images at level t, each with noise of its own."""
    x0 = sprites.to_tensor(images[np.arange(n) % len(images)])
    return SCHED.add_noise(x0, t, torch.randn(x0.shape, generator=generator(seed)))


@many
@given(small_worlds, levels, seeds)
def test_the_posterior_is_the_definition_in_float64(images, t, seed):
    xt, alpha_bar = noisy(images, t, seed), SCHED.alpha_bar[t].double()
    squared = xt.double()[:, None] - alpha_bar.sqrt() * sprites.to_tensor(images).double()
    expected = torch.softmax(-squared.square().flatten(2).sum(2) / (2 * (1 - alpha_bar)), dim=1)
    p = ideal.posterior(xt, t, images, SCHED)
    assert (p.sum(1) - 1).abs().max() < 1e-5
    assert (p - expected).abs().max() < 1e-5


@many
@given(small_worlds, levels, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_set_does_not_matter(images, t, seed, random):
    order = random.sample(range(len(images)), len(images))
    xt = noisy(images, t, seed)
    p, other = (ideal.posterior(xt, t, some, SCHED) for some in (images, images[order]))
    assert torch.allclose(p[:, order], other, atol=1e-6)
    assert torch.allclose(ideal.mean(p, images), ideal.mean(other, images[order]), atol=1e-5)


@many
@given(small_worlds, levels, seeds, st.integers(1, 4))
def test_copies_share_their_weight(images, t, seed, copies):
    xt, images = noisy(images, t, seed), np.unique(images, axis=0)
    p = ideal.posterior(xt, t, images, SCHED)
    other = ideal.posterior(xt, t, np.repeat(images, copies, axis=0), SCHED).view(len(xt), len(images), copies)
    assert torch.allclose(other, (p / copies)[..., None].expand_as(other), atol=1e-6)


@many
@given(small_worlds, levels, seeds)
def test_the_best_guess_lies_between_the_members(images, t, seed):
    x0, guess = sprites.to_tensor(images), ideal.denoise(noisy(images, t, seed), t, images, SCHED)
    assert (guess >= x0.amin(0) - 1e-5).all() and (guess <= x0.amax(0) + 1e-5).all()
    p = ideal.posterior(noisy(images, t, seed), t, images, SCHED)
    assert (ideal.bits_known(p) <= math.log2(len(images)) + 1e-5).all()


@many
@given(small_worlds)
def test_without_noise_the_best_guess_is_the_member(images):
    x0 = sprites.to_tensor(images)
    assert torch.allclose(ideal.denoise(x0, 0, images, SCHED), x0, atol=1e-6)


@many
@given(st.tuples(anything, anything, anything))
def test_no_odd_input_is_silently_given_a_posterior(inputs):
    """Whatever is not refused, with whatever error, has an answer that is one."""
    good = (torch.zeros(2, 3, 4, 4), 3, np.zeros((5, 4, 4, 3), dtype=np.uint8))
    for i in range(3):
        xt, t, images = (*good[:i], inputs[i], *good[i + 1 :])
        p = attempt(ideal.posterior, xt, t, images, SCHED)
        assert p is None or (p.shape == (len(xt), len(images)) and torch.allclose(p.sum(1), torch.ones(len(p))))


# ---- judge ----


def world_of(images):
    """A known world of these images, with one attribute."""
    return World(
        images=images,
        attributes={"number": tuple(map(str, range(len(images))))},
        labels={"number": np.arange(len(images))},
        cast={},
        known=True,
        n_train=1,
        seed=0,
    )


@st.composite
def worlds(draw):
    """A world of 2 to 30 different sprites and the indices of its training set."""
    rng = np.random.default_rng(draw(seeds))
    images = np.unique(rng.integers(0, 256, (draw(st.integers(2, 30)), 16, 16, 3), dtype=np.uint8), axis=0)
    return world_of(images), np.sort(rng.permutation(len(images))[: draw(st.integers(1, len(images)))])


@few
@given(worlds())
def test_every_member_is_valid_and_new_only_if_held_out(known):
    world, train_idx = known
    report = judge.judge(world.images, world, train_idx)
    assert (report.nearest == np.arange(len(world))).all() and (report.distance == 0).all()
    assert report.valid.all() and report.distinct == len(world)
    assert (np.flatnonzero(~report.new) == train_idx).all()


@few
@given(worlds(), seeds, st.floats(0, 1))
def test_a_verdict_depends_on_no_other_picture(known, seed, strength):
    world, train_idx = known
    x = sprites.to_tensor(world.images)
    x = x + strength * torch.randn(x.shape, generator=generator(seed))
    whole, order = judge.judge(x, world, train_idx), np.random.default_rng(seed).permutation(len(x))
    other = judge.judge(x[order], world, train_idx)
    for name in ("nearest", "valid", "new"):
        assert (getattr(whole, name)[order] == getattr(other, name)).all()
    assert np.allclose(whole.distance[order], other.distance, atol=1e-6)
    assert whole.distinct == other.distinct and whole.frequencies == other.frequencies
    assert not (whole.new & ~whole.valid).any() and (whole.patch >= whole.distance * 0.99).all()


@many
@given(anything, anything)
def test_no_odd_input_is_silently_judged(images, train_idx):
    world = world_of(np.zeros((3, 4, 4, 3), dtype=np.uint8))
    for some, train in ((images, [0]), (world.images, train_idx)):
        report = attempt(judge.judge, some, world, train)
        assert report is None or (len(report) == len(some) and np.isfinite(report.distance).all())


# ---- a learner's own sprites ----


def put(images, folder, how):
    """Keep some sprites in one of the three ways. Returns the path to load."""
    if how == "npy":
        np.save(folder / "mine.npy", images)
        return folder / "mine.npy"
    if how == "sheet":
        sheet = images.reshape(1, -1, 16, 16, 3).swapaxes(1, 2).reshape(16, -1, 3)
        Image.fromarray(sheet).save(folder / "mine.png")
        return folder / "mine.png"
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


@few
@given(seeds, st.lists(st.integers(0, 20), min_size=4, max_size=30), st.sampled_from(["npy", "sheet", "folder"]))
def test_whatever_is_kept_is_loaded_without_its_copies(seed, which, how):
    drawn = np.random.default_rng(seed).integers(0, 256, (21, 16, 16, 3), dtype=np.uint8)
    distinct = list(dict.fromkeys(which))  # in the order in which each comes first
    with tempfile.TemporaryDirectory() as folder:
        path = put(drawn[which], Path(folder), how)
        if len(distinct) < 4:
            with pytest.raises(SpriteError, match=f"{len(distinct)} distinct sprites. Add more"):
                sprites.load(path)
            return
        world = sprites.load(path)
    assert np.array_equal(world.images, drawn[distinct])
    train_idx, held_out_idx = world.split()
    assert sorted([*train_idx, *held_out_idx]) == list(range(len(world))) and len(train_idx) and len(held_out_idx)
    assert np.array_equal(sprites.to_uint8(sprites.to_tensor(world.images)), world.images)


@many
@given(odd_arrays)
def test_any_other_array_is_refused(array):
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "mine.npy", array, allow_pickle=True)
        with pytest.raises(SpriteError, match=r"mine\.npy: "):
            sprites.load(Path(folder) / "mine.npy")


# ---- checkpoints and files ----


@st.composite
def some_tensor(draw):
    shape, kind = draw(st.lists(st.integers(0, 5), max_size=4)), draw(st.sampled_from(REALS + OTHERS))
    x = (9 * torch.randn(shape, generator=generator(draw(seeds)))).to(kind)
    return x.movedim(0, -1) if shape and draw(st.booleans()) else x  # in memory the other way round


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda name: name != "__metadata__")
kept_tensors = st.dictionaries(names, some_tensor(), max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
infos = st.dictionaries(st.text(), json_values, max_size=4)


@many
@given(kept_tensors, infos)
def test_a_checkpoint_gives_back_what_was_saved_bit_for_bit(tensors, info):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        files.save_tensors(path, tensors, info)
        loaded, again = files.load_tensors(path)
        assert os.listdir(folder) == ["run"]
    assert again == info and loaded.keys() == tensors.keys()
    for name, x in tensors.items():
        assert loaded[name].dtype == x.dtype and loaded[name].shape == x.shape
        bits = (y.contiguous().flatten().view(torch.uint8) for y in (x, loaded[name]))
        assert torch.equal(*bits)  # not by value: NaN is no equal of itself


class Tiny(torch.nn.Module):
    """As small as a network can be."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.layer.weight.fill_(0.1), self.layer.bias.zero_()

    def forward(self, xt, t):
        return self.layer(xt)


@few
@given(st.integers(1, 12), st.sets(st.integers(1, 11)))
def test_wherever_a_run_is_stopped_it_ends_the_same(steps, stops):
    def make():
        return Run(Tiny(), uniform((5, 3, 4, 4), 0), SCHED, generator(1), steps=steps, batch_size=2)

    run, whole = make(), make()
    for state in run:
        if state.step in stops:  # into a file, and on from it
            with tempfile.TemporaryDirectory() as folder:
                resume.save(run, Path(folder) / "run")
                resume.load(run := make(), Path(folder) / "run")
                break
    list(run), list(whole)
    assert run.losses == whole.losses
    assert all(torch.equal(p, q) for p, q in zip(run.ema.parameters(), whole.ema.parameters(), strict=True))


@many
@given(st.binary(max_size=2000), st.binary(max_size=2000), st.sampled_from([None, "write", "fsync", "replace"]))
def test_a_file_holds_the_old_content_or_the_new(old, new, broken):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "file"
        files.replace(path, old)
        if broken == "write":
            patch.setattr(io, "open", half_written)  # by which pathlib opens files
        elif broken:
            patch.setattr(os, broken, fail)
        with pytest.raises(OSError) if broken else contextlib.nullcontext():
            files.replace(path, new)
        patch.undo()
        assert path.read_bytes() == (old if broken else new) and os.listdir(folder) == ["file"]


def fail(*_):
    raise OSError("no space left on device")


@contextlib.contextmanager
def half_written(path, mode, *_):
    class Full:
        def write(self, content):
            file.write(content[: len(content) // 2])
            fail()

    with open(path, mode) as file:
        yield Full()
