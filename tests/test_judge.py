"""The judge: its search held against brute force, and its rule for a valid sprite calibrated on truths and fakes."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from helpers.world import judge, sprites


@pytest.fixture(scope="module")
def world():
    return sprites.load_world()


@pytest.fixture(scope="module")
def train_idx(world):
    return world.split()[0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def some(world, rng, n):
    return world.images[rng.choice(len(world), n, replace=False)]


def noise(rng, n, sigma=1.0):
    return torch.tensor(rng.normal(0, sigma, (n, 3, 16, 16)), dtype=torch.float32)


# ---- the calibration: how often the rule errs ----

PARTS = ("skin", "hair_colour", "outfit_colour", "belt", "boots", "hat", "held")


def halves(a, b, axis):
    """The first half of a, the second of b."""
    first = np.arange(16) < 8
    return np.where(first[:, None, None] if axis == 1 else first[:, None], a, b)


def neighbours(world, rng, attribute, n):
    """Up to n pairs of members (n, 2) that differ in one attribute, and it is there to be seen in the first."""
    names = list(world.attributes)
    looks = np.stack([world.labels[name] for name in names], axis=1)
    index = {row.tobytes(): i for i, row in enumerate(looks)}
    options, column, pairs = world.attributes[attribute], names.index(attribute), []
    for i in rng.choice(len(world), n, replace=False):
        if options[looks[i, column]] not in ("none", "hidden"):
            other = looks[i].copy()
            for other[column] in rng.permutation(len(options)):
                j = index.get(other.tobytes(), i)
                if j != i:
                    pairs.append((i, j))
                    break
    return np.array(pairs)


def recoloured(world, rng, attribute, n):
    """(fakes, part): sprites whose one part has another hue, the shading kept; part (n, 16, 16) says where."""
    i, j = neighbours(world, rng, attribute, n).T
    part = (world.images[i] != world.images[j]).any(-1)
    hsv = rgb_to_hsv(world.images[i] / 255)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(1 / 6, 5 / 6, (len(i), 1, 1))) % 1
    return np.where(part[..., None], np.rint(255 * hsv_to_rgb(hsv)).astype(np.uint8), world.images[i]), part


def truths_and_fakes(world, rng, n):
    """(kinds, parts): name -> float pictures, about n of each; name -> where the part is, for parts in another hue."""
    floats = sprites.to_tensor
    members = {hash(image.tobytes()) for image in world.images}
    front = np.flatnonzero(world.labels["view"] == world.attributes["view"].index("front"))

    def fakes(images):  # what happens to be a member (halves that fit, say) is no fake
        return floats(images[[hash(image.tobytes()) not in members for image in images]])

    kinds, parts = {}, {}
    for sigma in (0.02, 0.05, 0.08):
        kinds[f"TRUE, noise of {sigma} RMS"] = floats(some(world, rng, n)) + noise(rng, n, sigma)
    for axis, where in ((1, "above and below"), (2, "left and right")):
        kinds[f"halves of two, {where}"] = fakes(halves(some(world, rng, n), some(world, rng, n), axis))
        a, b = world.images[rng.choice(front, (2, n))]
        kinds[f"halves of two from the front, {where}"] = fakes(halves(a, b, axis))
    kinds["blend of two, 50/50"] = (floats(some(world, rng, n)) + floats(some(world, rng, n))) / 2
    for count in (3, 10, 100):
        images = [floats(some(world, rng, count)).mean(0) for _ in range(n // 3)]
        kinds[f"average of {count}"] = torch.stack(images)
    kinds["noise, normal"] = noise(rng, n)
    kinds["noise, uniform"] = torch.tensor(rng.uniform(-1, 1, (n, 3, 16, 16)), dtype=torch.float32)
    kinds["moved by a pixel"] = fakes(np.roll(some(world, rng, n), 1, axis=2))
    kinds["blurred, 3x3"] = torch.nn.functional.avg_pool2d(floats(some(world, rng, n)), 3, 1, 1)
    for attribute in PARTS:
        images, part = recoloured(world, rng, attribute, n)
        kinds[f"other hue: {attribute}"], parts[f"other hue: {attribute}"] = floats(images), torch.tensor(part)
    for attribute in ("skin", "outfit_colour", "belt"):
        a, b = (floats(world.images[i]) for i in neighbours(world, rng, attribute, n).T)
        kinds[f"halfway to another {attribute}"] = (a + b) / 2
    return kinds, parts


def calibrate(world, train_idx, rng, n):
    """Print how often the rule errs on n of each kind (pytest -s); assert that it is as rare as judge.py says."""
    kinds, parts = truths_and_fakes(world, rng, n)
    x = torch.cat(list(kinds.values()))
    report = judge.judge(x, world, train_idx)
    split = dict(
        zip(kinds, np.split(np.arange(len(x)), np.cumsum([len(of) for of in kinds.values()])[:-1]), strict=True)
    )

    # A part in another hue is a fault as far as the hue is off: RMS over that part, from the nearest member.
    recoloured = np.concatenate([split.pop(kind) for kind in parts])
    squared = (x[recoloured] - sprites.to_tensor(world.images[report.nearest[recoloured]])).square().mean(1)
    part = torch.cat(list(parts.values()))
    off = ((squared * part).sum((1, 2)) / part.sum((1, 2))).sqrt().numpy()
    for low, high in ((0, 0.2), (0.2, 0.3), (0.3, 2)):
        split[f"one part off by {low} to {high}"] = recoloured[(off > low) & (off <= high)]
    split["one part off by more than 0.2"] = recoloured[off > 0.2]

    print(f"\n{'accepted':48} of    by the rule   by distance alone")
    for kind, i in split.items():
        print(f"{kind:44}{len(i):6}{100 * report.valid[i].mean():10.1f} %{100 * report.close[i].mean():14.1f} %")
    print("\nother bounds on the worst patch:    accepts noise of 0.08    parts off by 0.2 to 0.3    by more")
    for bound in (0.15, 0.2, 0.25, 0.3):
        accepted = report.close & (report.patch <= bound)
        rates = [
            100 * accepted[i].mean()
            for i in (
                split[k] for k in ("TRUE, noise of 0.08 RMS", "one part off by 0.2 to 0.3", "one part off by 0.3 to 2")
            )
        ]
        print(f"{bound:31}{rates[0]:23.1f} %{rates[1]:24.1f} %{rates[2]:15.1f} %")

    for kind, i in split.items():
        accepted, is_clear = report.valid[i].mean(), not kind.startswith(("halfway", "one part"))
        assert not is_clear or abs(accepted - kind.startswith("TRUE")) <= max(0.01, 1 / len(i)), kind
    assert report.valid[split["one part off by more than 0.2"]].mean() < 0.08
    assert report.valid[split["one part off by 0.3 to 2"]].mean() < 0.002
    assert report.close[split["one part off by more than 0.2"]].mean() > 0.3  # so the second bound is needed


def test_calibration_of_valid(world, train_idx, rng):
    """tests/long has it with a thousand of each kind."""
    calibrate(world, train_idx, rng, n=50)


# ---- the search ----


def test_nearest_agrees_with_brute_force(world, rng):
    x = (sprites.to_tensor(some(world, rng, 20)) + noise(rng, 20, 0.5)).clamp(-1, 1)
    x[10:] = noise(rng, 10)
    members = world.images[: 2 * 2048 + 77]  # the last chunk is short
    distance = (x.double()[:, None] - sprites.to_tensor(members).double()).square().flatten(2).mean(2)  # (20, M)
    assert torch.equal(judge.nearest(x, members), distance.argmin(1))
    assert torch.equal(judge.nearest(x, sprites.to_tensor(members)), distance.argmin(1))


def test_nearest_but_itself(world, rng):
    some = world.images[:3000]
    i = torch.tensor(rng.choice(len(some), 20, replace=False))
    x = sprites.to_tensor(some)
    distance = (x[i].double()[:, None] - x.double()).square().flatten(2).mean(2)
    distance[torch.arange(20), i] = torch.inf
    assert torch.equal(judge.nearest(x[i], some, but=i), distance.argmin(1))


def test_differences(rng):
    members = rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    x = sprites.to_tensor(members)
    x[1] += 0.05
    x[2, 0, 4:6, 7] += 0.6  # one channel of two pixels: (2 x 0.36) / 768 of the picture, / 12 of the patch
    distance, patch = judge.differences(x, members)
    assert distance == pytest.approx([0, 0.05, (0.72 / 768) ** 0.5], abs=1e-6)
    assert patch == pytest.approx([0, 0.05, (0.72 / 12) ** 0.5], abs=1e-6)


def test_every_member_is_itself(world, train_idx, rng):
    i = rng.choice(len(world), 300, replace=False)
    report = judge.judge(world.images[i], world, train_idx)
    assert np.array_equal(report.nearest, i)
    assert report.valid.all() and report.close.all()
    assert (report.distance == 0).all() and (report.patch == 0).all()
    assert np.array_equal(report.new, ~np.isin(i, train_idx))
    assert report.attributes == [world.describe(k) for k in i]


# ---- the report ----


def test_bob_is_known_and_fred_is_new(world, train_idx):
    report = judge.judge(world.images[[world.cast["Bob"], world.cast["Fred"]]], world, train_idx)
    assert report.valid.tolist() == [True, True] and report.new.tolist() == [False, True]
    assert "2 pictures: 100 % valid sprites, 50 % of those new" in repr(report)


def test_what_is_no_sprite_is_not_new(world, train_idx, rng):
    report = judge.judge(noise(rng, 3), world, train_idx)
    assert not report.valid.any() and not report.new.any() and report.distinct == 0
    assert len(report.attributes) == 3  # of the nearest member all the same
    assert repr(report).startswith("3 pictures: 0 % valid sprites\n")


def test_how_varied(world, train_idx):
    bob, fred, nancy = (world.cast[name] for name in ("Bob", "Fred", "Nancy"))
    images = sprites.to_tensor(world.images[[bob, bob, bob, fred, nancy]])
    images = torch.cat([images, torch.zeros(4, 3, 16, 16)])  # grey: no sprites, so not counted
    report = judge.judge(images, world, train_idx)
    assert report.distinct == 3
    assert list(report.frequencies) == list(world.attributes)
    for name, options in world.attributes.items():
        assert tuple(report.frequencies[name]) == options
        here, there = zip(*report.frequencies[name].values(), strict=True)
        assert sum(here) == pytest.approx(1) and sum(there) == pytest.approx(1)
        seen = [world.describe(i)[name] for i in (bob, bob, bob, fred, nancy)]
        assert here == tuple(seen.count(option) / 5 for option in options)
        assert there == pytest.approx([(world.labels[name] == k).mean() for k in range(len(options))])
    assert "3 different sprites" in repr(report)


def test_every_kind_of_picture(world, train_idx, rng):
    images = some(world, rng, 5)
    expected = judge.judge(images, world, train_idx)
    floats = sprites.to_tensor(images)
    outside = torch.where(floats.abs() == 1, floats * 1.5, floats)  # shown, and judged, as clipped
    for same in (torch.tensor(images), floats, floats.double(), outside, floats.clone().requires_grad_()):
        report = judge.judge(same, world, train_idx)
        assert np.array_equal(report.nearest, expected.nearest)
        assert report.distance == pytest.approx(expected.distance, abs=1e-6)


def test_own_sprites_are_compared_with_the_training_set(tmp_path, world, rng):
    np.save(tmp_path / "own.npy", some(world, rng, 40))
    own = sprites.load(tmp_path / "own.npy")
    train_idx, held_out_idx = own.split()
    images = own.images[[*train_idx[5:8], *held_out_idx[:2]]]
    report = judge.judge(images, own, train_idx)
    assert report.valid is None and report.new is None and report.distinct is None
    assert report.nearest[:3].tolist() == train_idx[5:8].tolist()
    assert np.isin(report.nearest, train_idx).all()
    assert (report.distance[:3] == 0).all() and (report.distance[3:] > 0).all()
    assert report.attributes == [{}] * 5 and report.frequencies == {}
    assert "60 % within 0.1 RMS of one" in repr(report) and "valid" not in repr(report)


SPRITES = np.zeros((2, 16, 16, 3), np.uint8)
X = torch.zeros(2, 3, 16, 16)


@pytest.mark.parametrize(
    ("images", "train", "error", "says"),
    [
        (X[0], [0], ValueError, r"image\[None\]"),
        (X[:, :, :8], [0], ValueError, r"\(N, 3, 16, 16\).*got \(2, 3, 8, 16\)"),
        (SPRITES[:, :8], [0], ValueError, r"\(N, 3, 16, 16\).*got \(2, 3, 8, 16\)"),
        (SPRITES.astype(np.float32), [0], TypeError, "must be a float tensor"),
        (X + 255, [0], ValueError, "looks like 0..255"),
        (X * math.nan, [0], ValueError, "NaN"),
        (X[:0], [0], ValueError, "N >= 1"),
        (X, np.zeros(0, int), ValueError, "another world"),
        (X, [-1], ValueError, "another world"),
        (X, [10**6], ValueError, "another world"),
        (X, np.ones(5, bool), TypeError, "must be integers"),  # would be taken for the sprites 0 and 1
    ],
)
def test_bad_input_is_refused_with_advice(world, images, train, error, says):
    with pytest.raises(error, match=says):
        judge.judge(images, world, train)
