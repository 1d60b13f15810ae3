"""The sprites: a small world whose every member is known, and a learner's own.

The world is every combination that the recipe in `sprites/` allows, drawn by recipe.py and kept in a cache. own.py
reads a learner's files.
"""

import contextlib
import functools
import hashlib
import io
import json
import os
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.storage import files
from helpers.world import own
from helpers.world.readers import SIZE
from helpers.world.readers import SpriteError as SpriteError  # whoever loads sprites may want to catch it
from helpers.world.recipe import Recipe

SPRITES = files.ROOT / "sprites"
CARD = files.ROOT / "weights" / "card.json"  # of the network that comes with Inkdrop
CACHED_WORLDS = 3  # that many stay in the cache, 129 MB each: whoever edits the recipe makes one after another


@dataclass(frozen=True, eq=False)  # eq: comparing arrays has no single truth value
class World:
    """M distinct sprites, each known by its attributes.

    images: uint8 (M, 16, 16, 3), perhaps read-only. attributes: name -> its option names. labels: name -> int (M,), an
    index into attributes[name]. cast: name -> index into images. known: whether attributes and members are known;
    False for a learner's own sprites, which have at most a "class". The other fields say how `split` divides them.
    """

    images: np.ndarray
    attributes: dict[str, tuple[str, ...]]
    labels: dict[str, np.ndarray]
    cast: dict[str, int]
    known: bool
    n_train: int
    seed: int
    in_training: tuple[str, ...] = ("Bob", "Nancy")
    held_out: tuple[str, ...] = ("Fred",)

    def __len__(self) -> int:
        return len(self.images)

    def describe(self, i: int) -> dict[str, str]:
        """Attribute -> option name of sprite i."""
        return {name: options[self.labels[name][i]] for name, options in self.attributes.items()}

    def options(self) -> list[int]:
        """How many options each attribute has, for a network that can be asked for them."""
        return [len(options) for options in self.attributes.values()]

    def told(self) -> Tensor:
        """int64 (M, A): the option of each attribute of each sprite, as a network is told it in training."""
        return torch.stack([torch.tensor(self.labels[name]).long() for name in self.attributes], dim=1)

    def wish(self, **wanted: str) -> Tensor:
        """int64 (A,): what to ask a network for, as in `wish(hat="crown")`; -1 for every attribute not named.

        Raises SpriteError for an attribute or option that there is not, with those that there are.
        """
        context = torch.full((len(self.attributes),), -1)
        for name, option in wanted.items():
            if name not in self.attributes:
                raise SpriteError(f"There is no {name!r} to ask for. There are: {', '.join(self.attributes)}.")
            if option not in self.attributes[name]:
                raise SpriteError(f"No {name} is {option!r}. There are: {', '.join(self.attributes[name])}.")
            context[list(self.attributes).index(name)] = self.attributes[name].index(option)
        return context

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """(train_idx, held_out_idx): sorted int64, disjoint, together every sprite. The same at every call."""
        rank = np.random.default_rng(self.seed).random(len(self))
        rank[[self.cast[name] for name in self.in_training]] = -1.0  # first in the queue, so in the training set
        rank[[self.cast[name] for name in self.held_out]] = 2.0  # last in the queue, so held out
        order = np.argsort(rank, kind="stable").astype(np.int64)
        return np.sort(order[: self.n_train]), np.sort(order[self.n_train :])

    @functools.cached_property
    def shipped(self) -> bool:
        """Whether it is the very world that the weights which come with Inkdrop were trained on, by fingerprint."""
        if not (self.known and CARD.is_file()):
            return False
        card = json.loads(CARD.read_text(encoding="utf-8"))
        return card["training sprites"] == fingerprint(self.images[self.split()[0]])


def fingerprint(images: np.ndarray) -> str:
    """16 hexadecimal digits, the same for the same sprites, uint8 (N, 16, 16, 3), in the same order."""
    return hashlib.sha256(to_tensor(images).contiguous().numpy()).hexdigest()[:16]


def load(
    path: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
    tile: int | tuple[int, int] | None = None,
    margin: int | tuple[int, int] = 0,
    spacing: int | tuple[int, int] = 0,
) -> World:
    """The world that the lessons tell of; with a path, a learner's own sprites.

    path        None: the world, whatever else is given. Or a picture (.png .gif .bmp .webp .jpg), one sprite of 16x16
                or a sheet; a folder of pictures, or of folders whose names are classes; an array (.npy .npz), best
                uint8 (N, 16, 16, 3)
    labels      with an array: an .npy of the class of each sprite, integers (N,), words, or one-hot (N, classes)
    background  red, green and blue in 0..255, laid under what is see-through
    tile        size of a sheet's tiles in pixels, or (width, height). Those larger than 16x16 are averaged down
    margin      pixels before the first tile of a sheet, or (left, top)
    spacing     pixels between its tiles, or (across, down)

    Prints what was read, and all that was left out or changed. Duplicates are left out, since a copy in both halves of
    a split would make a memorised sprite look new. The first three sprites take the places of Bob, Nancy and Fred.
    Raises SpriteError, which names the file and says what to do.
    """
    if path is None:
        return load_world()
    images, classes, codes = own.load(path, labels, background, tile, margin, spacing)
    return World(
        images=images,
        attributes={"class": classes} if classes else {},
        labels={"class": codes} if classes else {},
        cast={"Bob": 0, "Nancy": 1, "Fred": 2},
        known=False,
        n_train=min(10_000, len(images) * 9 // 10),
        seed=0,
    )


def load_world(folder: str | Path = SPRITES) -> World:
    """Every sprite that the recipe in `folder` allows; drawn in seconds, then kept in a cache. Images are read-only.

    Raises SpriteError if the recipe or a sheet is wrong. Warns if the cache folder cannot be written.
    """
    recipe = Recipe(folder)
    return World(
        images=_cached(recipe),
        attributes=recipe.attributes,
        labels=recipe.labels,
        cast=recipe.cast,
        known=True,
        n_train=recipe.split["train"],
        seed=recipe.split["seed"],
        in_training=tuple(recipe.split["in_training"]),
        held_out=tuple(recipe.split["held_out"]),
    )


def _cached(recipe: Recipe) -> np.ndarray:
    """The recipe's images, read-only: from the cache, or drawn and put there if they are missing or damaged.

    The file is an .npy followed by its checksum, which takes 0.04 s to compare. It is mapped into memory, so that all
    processes share it.
    """
    file = files.cache() / f"world-{recipe.key[:32]}.npy"
    with contextlib.suppress(Exception):  # not there yet, or damaged, and then readers raise almost anything
        with file.open("rb") as stream:
            stream.seek(-4, os.SEEK_END)
            stored = stream.read()
        images = np.asarray(np.load(file, mmap_mode="r"))
        if images.shape == (len(recipe.labels["view"]), SIZE, SIZE, 3) and stored == _checksum(images):
            return images
    images = recipe.draw()
    images.flags.writeable = False
    try:
        content = io.BytesIO()
        np.save(content, images)
        content.write(_checksum(images))
        files.replace(file, content.getbuffer())
    except OSError as error:
        warnings.warn(f"The sprite cache cannot be written ({error}); sprites are drawn anew each time.", stacklevel=4)
    with contextlib.suppress(OSError):
        worlds = sorted(file.parent.glob("world-*.np[yz]"), key=lambda path: path.stat().st_mtime)
        for old in worlds[:-CACHED_WORLDS]:
            old.unlink()
    return images


def _checksum(images: np.ndarray) -> bytes:
    return zlib.crc32(np.ascontiguousarray(images)).to_bytes(4)


# ---- to the network and back ----


def to_tensor(images: np.ndarray) -> Tensor:
    """uint8 (N, 16, 16, 3) -> float32 (N, 3, 16, 16) in [-1, 1]: 0 becomes -1, 255 becomes 1."""
    return torch.from_numpy(np.array(images).transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


def to_uint8(x: Tensor) -> np.ndarray:
    """Float (N, 3, 16, 16) -> uint8 (N, 16, 16, 3). The scale is fixed: [-1, 1] -> [0, 255], clipped and rounded."""
    scaled = (x.detach().float().cpu() + 1) * 127.5
    return scaled.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
