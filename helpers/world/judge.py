"""Is that a sprite, and is it a new one? Pictures held against every member of the world.

A picture counts as a valid sprite if it is close to a member of the world, both as a whole and in every place:

    distance <= 0.1    RMS difference from the nearest member, over all its 768 values in [-1, 1]
    patch    <= 0.25   the same over the worst 2x2 pixels

The first bound alone lets small faults pass: a belt's buckle is 2 pixels of 256, and without it a sprite is only 0.05
away. The second one sees them. It takes four pixels together, because small errors of a network, just as slight
noise, are large in a single pixel here and there. It is just below 0.26, the least by which any detail that differs
shows (two of the skins); what a network draws within it, the eye cannot tell from the member itself.

`tests/long/test_ideal_and_judge.py` measures how often the rule errs. With 1,000 of each kind, it refused no true
sprite with noise of 0.02, 0.05 or 0.08 RMS. It accepted no blend, average or noise, 0.1 % of halves of two sprites
(those that nearly fit), and of sprites with one part in another hue none of 3,266 that was more than 0.3 RMS off, where
the first bound alone accepts 24 %; 17 % of those 0.2 to 0.3 off, and 88 % of those off by less, which is hard to see.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers import expect
from helpers.world import sprites
from helpers.world.ideal import nearest
from helpers.world.sprites import World

MAX_DISTANCE = 0.1  # RMS over the picture: 13 of 255 steps of brightness
MAX_PATCH = 0.25  # RMS over the worst 2x2 pixels: 32 of 255 steps


@dataclass(frozen=True, eq=False, repr=False)  # eq: comparing arrays has no single truth value
class Report:
    """What is known of N pictures. Made by `judge`; shown, it sums itself up.

    nearest      int64 (N,): index into world.images of the nearest member; for a learner's own sprites, of the
                 nearest training sprite
    distance     float32 (N,): RMS difference from it over all values in [-1, 1]
    patch        float32 (N,): the same over the 2x2 pixels where it is largest
    valid        bool (N,): is it a sprite of the world? None for a learner's own, where nobody knows
    new          bool (N,): valid, and the nearest member is not in the training set. None for a learner's own
    attributes   N dicts: attribute -> option of the nearest member, valid or not; empty for a learner's own
    distinct     how many different members the valid pictures show; None for a learner's own
    frequencies  attribute -> option -> (share of the valid pictures, share of the world), both 0..1; {} for a
                 learner's own
    """

    nearest: np.ndarray
    distance: np.ndarray
    patch: np.ndarray
    valid: np.ndarray | None
    new: np.ndarray | None
    attributes: list[dict[str, str]]
    distinct: int | None
    frequencies: dict[str, dict[str, tuple[float, float]]]

    def __len__(self) -> int:
        return len(self.nearest)

    @property
    def close(self) -> np.ndarray:
        """bool (N,): within 0.1 RMS of the nearest, wherever the difference lies. A laxer rule than `valid`."""
        return self.distance <= MAX_DISTANCE

    def __repr__(self) -> str:
        pictures = f"{len(self):,} picture{'s' * (len(self) > 1)}"
        median = f"{np.median(self.distance):.3f} RMS"
        if self.valid is None:
            return (
                f"{pictures}, compared with the training sprites only: {_share(self.close)} within {MAX_DISTANCE} RMS "
                "of one, so copies or nearly.\nWhich of the others are good sprites, only your eyes can tell: nobody "
                f"knows all the sprites there could be.\nMedian distance {median}."
            )
        lines = [f"{pictures}: {_share(self.valid)} valid sprites"]
        if self.valid.any():
            lines[0] += f", {_share(self.new[self.valid])} of those new (not in the training set)"
            shares = [(name, option, *s) for name, options in self.frequencies.items() for option, s in options.items()]
            name, option, here, world = max(shares, key=lambda share: abs(share[2] - share[3]))
            lines.append(
                f"{self.distinct:,} different sprites. Furthest from the world's mix: {name.replace('_', ' ')} "
                f"{option}, {100 * here:.0f} % here, {100 * world:.0f} % there."
            )
        lines.append(
            f"Median distance from the nearest member {median}; {_share(self.close)} are within {MAX_DISTANCE}, faults "
            "in one place overlooked."
        )
        return "\n".join(lines)


def judge(images: np.ndarray | Tensor, world: World, train_idx: np.ndarray) -> Report:
    """Compare pictures with every member of the world; with a learner's own sprites, with the training sprites.

    images     float (N, 3, 16, 16), clipped to [-1, 1] as on the screen, or uint8 (N, 16, 16, 3)
    world      as sprites.load gives it
    train_idx  integers (K,): which members are in the training set; the first answer of world.split()

    Works on the device of the images, in chunks: 1,000 pictures against 170,000 members take seconds on a CPU.
    Raises TypeError or ValueError for pictures of another kind, or a training set that is not of this world.
    """
    x, train_idx = as_tensor(images, world), np.asarray(train_idx)
    if train_idx.dtype.kind not in "iu":  # of booleans, 0 and 1 would be taken for indices
        raise TypeError(f"train_idx must be integers, as world.split()[0] gives them; got {train_idx.dtype}")
    if not (len(train_idx) and train_idx.min() >= 0 and train_idx.max() < len(world)):
        raise ValueError(f"train_idx must hold indices, all in 0..{len(world) - 1}: was it made for another world?")
    if not world.known:
        index = train_idx[nearest(x, world.images[train_idx]).cpu().numpy()]
        return Report(index, *differences(x, world.images[index]), None, None, [{} for _ in index], None, {})

    index = nearest(x, world.images).cpu().numpy()
    distance, patch = differences(x, world.images[index])
    valid = (distance <= MAX_DISTANCE) & (patch <= MAX_PATCH)
    return Report(
        nearest=index,
        distance=distance,
        patch=patch,
        valid=valid,
        new=valid & ~np.isin(index, train_idx),
        attributes=[world.describe(i) for i in index],
        distinct=len(np.unique(index[valid])),
        frequencies=count_options(world, index[valid]),
    )


def differences(x: Tensor, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, patch), float32 arrays (N,): RMS between each picture and its member; over all, and the worst 2x2.

    x  (N, 3, 16, 16) float; members  uint8 (N, 16, 16, 3)
    """
    squared = (x - sprites.to_tensor(members).to(x.device)).square().mean(1, keepdim=True)  # (N, 1, 16, 16)
    patch = torch.nn.functional.avg_pool2d(squared, kernel_size=2, stride=1).flatten(1).amax(1)
    return squared.flatten(1).mean(1).sqrt().cpu().numpy(), patch.sqrt().cpu().numpy()


def count_options(world: World, index: np.ndarray) -> dict[str, dict[str, tuple[float, float]]]:
    """attribute -> option -> (share of the members `index`, share of the world), as in `Report.frequencies`."""
    table = {}
    for name, options in world.attributes.items():
        labels = world.labels[name]
        here, there = (np.bincount(of, minlength=len(options)) / max(1, len(of)) for of in (labels[index], labels))
        table[name] = dict(zip(options, zip(here.tolist(), there.tolist(), strict=True), strict=True))
    return table


def as_tensor(images: np.ndarray | Tensor, world: World) -> Tensor:
    """The pictures as float32 (N, 3, 16, 16) in [-1, 1]. Refuses what is neither that nor uint8 (N, 16, 16, 3)."""
    if getattr(images, "dtype", None) in (np.uint8, torch.uint8):
        images = sprites.to_tensor(images.cpu().numpy() if isinstance(images, Tensor) else images)
    expect.images("images", images, limit=16)  # even pure noise stays below that; pixels in 0..255 do not
    height, width, channels = world.images.shape[1:]
    if len(images) == 0 or images.shape[1:] != (channels, height, width):
        raise ValueError(f"expected (N, {channels}, {height}, {width}) with N >= 1, got {tuple(images.shape)}")
    return images.detach().float().clamp(-1, 1)


def _share(flags: np.ndarray) -> str:
    """A share in words, with a decimal where it matters."""
    share = 100 * float(np.mean(flags))
    return f"{share:.1f} %" if 0 < share < 100 and (share > 95 or share < 5) else f"{share:.0f} %"
