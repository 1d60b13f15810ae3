"""The sprites: a small world whose every member is known, and a learner's own.

The world is every combination that the recipe in `sprites/` allows, drawn by layers.py and kept in a cache.
"""

import hashlib
import io
import os
import textwrap
import tomllib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from helpers.storage import files
from helpers.world import recipe as layers
from helpers.world.recipe import MAX_SPRITES, SIZE, SpriteError

SPRITES = Path(__file__).resolve().parents[2] / "sprites"
CACHE_FORMAT = 1  # raise it when the drawing in layers.py changes, so that no old cache is read


@dataclass(frozen=True)
class World:
    """M distinct sprites, each known by its attributes.

    images: uint8 (M, 16, 16, 3). attributes: name -> its option names. labels: name -> int (M,), an index into
    attributes[name]. cast: name -> index into images. known: False for a learner's own sprites, which have no
    attributes. The other fields say how `split` divides the sprites.
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

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """(train_idx, held_out_idx): sorted int64, disjoint, together every sprite. The same at every call."""
        rank = np.random.default_rng(self.seed).random(len(self))
        rank[[self.cast[name] for name in self.in_training]] = -1.0  # first in the queue, so in the training set
        rank[[self.cast[name] for name in self.held_out]] = 2.0  # last in the queue, so held out
        order = np.argsort(rank, kind="stable").astype(np.int64)
        return np.sort(order[: self.n_train]), np.sort(order[self.n_train :])


# ---- the world, drawn from its layers ----


def load_world(folder: str | Path = SPRITES) -> World:
    """Every sprite that the recipe in `folder` allows; drawn in seconds, then kept in a cache.

    Raises SpriteError if the recipe or a sheet is wrong. Warns if the cache folder cannot be written.
    """
    path = Path(folder) / "recipe.toml"
    try:
        return _build_world(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except SpriteError:
        raise
    except OSError as error:
        raise SpriteError(f"{path}: cannot read it or a sheet it names ({error}). Put the file back.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpriteError(f"{path}: not valid TOML ({error}). Mend that line.") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SpriteError(
            f"{path}: an entry is missing or of the wrong kind ({error!r}). Compare with sprites/README.md."
        ) from error


def _build_world(path: Path, recipe: dict) -> World:
    attributes = {name: tuple(options) for name, options in recipe["attributes"].items()}
    labels = layers.combinations(path, attributes, recipe["rules"])
    slots, families = layers.palette(path, attributes, recipe["ramps"])
    sheets = [layers.read_layer(path, attributes, layer, slots) for layer in recipe["layers"]]

    key = hashlib.sha256(f"format {CACHE_FORMAT}".encode())
    for file in [path, *(path.with_name(layer["sheet"]) for layer in recipe["layers"])]:
        key.update(hashlib.sha256(file.read_bytes()).digest())
    shape = (len(labels["view"]), SIZE, SIZE, 3)
    images = _cached(key.hexdigest(), shape, lambda: layers.draw(path, attributes, labels, sheets, slots, families))

    cast = {name: layers.find(path, name, looks, attributes, labels) for name, looks in recipe["cast"].items()}
    split = recipe["split"]
    for name in split["in_training"] + split["held_out"]:
        if name not in cast:
            raise SpriteError(f"{path}: the split names {name!r}, who is not in the cast. Add them to the cast.")
    if not len(split["in_training"]) <= split["train"] <= len(images) - len(split["held_out"]):
        raise SpriteError(f"{path}: cannot train on {split['train']:,} of {len(images):,} sprites. Change split.train.")
    return World(
        images=images,
        attributes=attributes,
        labels=labels,
        cast=cast,
        known=True,
        n_train=split["train"],
        seed=split["seed"],
        in_training=tuple(split["in_training"]),
        held_out=tuple(split["held_out"]),
    )


def _cached(key: str, shape: tuple[int, ...], draw) -> np.ndarray:
    """The images stored under `key`; drawn and stored if they are not there or damaged (the zip has a checksum)."""
    file = files.cache() / f"world-{key[:32]}.npz"
    try:
        with np.load(file, allow_pickle=False) as stored:
            images = stored["images"]
        if images.shape == shape and images.dtype == np.uint8:
            return images
    except Exception:  # not there yet, or damaged, and then zip and npy readers raise almost anything: draw it again
        pass
    images = draw()
    try:
        packed = io.BytesIO()
        np.savez_compressed(packed, images=images)  # 3 MB; 129 MB plain
        files.replace(file, packed.getvalue())
    except OSError as error:
        warnings.warn(f"The sprite cache cannot be written ({error}); sprites are drawn anew each time.", stacklevel=3)
    return images


# ---- a learner's own sprites ----


def load(path: str | Path | None = None) -> World:
    """None: the built world. A folder of PNGs, one PNG sheet or a .npy file: a learner's own sprites."""
    if path is None:
        return load_world()
    path = Path(path)
    if os.path.isdir(path):
        return load_folder(path)
    if path.suffix.lower() == ".npy":
        return load_npy(path)
    if path.suffix.lower() == ".png":
        return _own_world(path, _tiles(path))
    raise SpriteError(f"{path}: not a folder, a .png or a .npy file. Check the path.")


def load_folder(path: str | Path) -> World:
    """The sprites of every PNG in a folder, in the order of their names; each is one sprite or a sheet of them.

    Sheets are cut into 16x16 tiles, empty tiles are skipped, and see-through pixels are laid over white. Raises
    SpriteError, which names the file and says how to mend it.
    """
    folder = Path(path)
    if not os.path.isdir(folder):
        raise SpriteError(f"{folder}: no such folder. Check the path.")
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png")
    except OSError as error:
        raise SpriteError(f"{folder}: may not be read ({error}). Open it to yourself, or copy the sprites.") from error
    if not files:
        raise SpriteError(f"{folder}: holds no PNG files. Put your sprites there as .png.")
    tiles, total = [], 0
    for file in files:
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
            raise SpriteError(f"{file}: a link that leads out of the folder. Copy the picture itself here.")
        tiles.append(_tiles(file))
        total += len(tiles[-1])
        if total > MAX_SPRITES:  # before they fill the memory
            raise SpriteError(f"{folder}: over {MAX_SPRITES:,} sprites. Use fewer.")
    return _own_world(folder, np.concatenate(tiles))


def load_npy(path: str | Path) -> World:
    """The sprites of a .npy file: uint8 (N, 16, 16, 3). Raises SpriteError; object arrays are never unpickled."""
    path = Path(path)
    mend = "Save them with np.save(path, sprites), where sprites is a uint8 array of shape (N, 16, 16, 3)."
    if not os.path.isfile(path):  # opening a pipe would wait for ever
        raise SpriteError(f"{path}: no such file, or not a plain one. Check the path.")
    try:
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):  # others are for headers of megabytes
                raise ValueError("another version of the format")
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: nothing is read before it is checked
    except Exception as error:  # damaged, and then readers raise almost anything
        why = textwrap.shorten(str(error) or repr(error), 200)
        raise SpriteError(f"{path}: not a readable array of plain numbers ({why}). {mend}") from error
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1:] != (SIZE, SIZE, 3):
        raise SpriteError(f"{path}: holds {array.dtype} {array.shape}, not uint8 (N, 16, 16, 3). {mend}")
    return _own_world(path, array)


def _own_world(path: Path, images: np.ndarray) -> World:
    """Drop duplicates before any split, since a copy in both halves would make a memorised sprite look new."""
    if len(images) > MAX_SPRITES:
        raise SpriteError(f"{path}: {len(images):,} sprites. Use at most {MAX_SPRITES:,}.")
    images = np.ascontiguousarray(images)
    first = layers.first_of_each(images)
    print(f"Loaded {len(first):,} sprites; {len(images) - len(first):,} duplicates were dropped.")
    if len(first) < 4:
        raise SpriteError(
            f"{path}: {len(first)} distinct sprites. Add more: at least 4 are needed, hundreds are better."
        )
    return World(
        images=images[first],
        attributes={},
        labels={},
        cast={"Bob": 0, "Nancy": 1, "Fred": 2},
        known=False,
        n_train=min(10_000, len(first) * 9 // 10),
        seed=0,
    )


def _tiles(path: Path) -> np.ndarray:
    """uint8 (N, 16, 16, 3): the tiles of one PNG that are not empty, over white."""
    pixels = layers.read_png(path)
    height, width = pixels.shape[:2]
    if height % SIZE or width % SIZE:
        raise SpriteError(f"{path}: {width}x{height} pixels. Make each side a multiple of {SIZE}.")
    alpha = pixels[..., 3:].astype(np.float32) / 255
    over_white = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    tiles = over_white.reshape(height // SIZE, SIZE, width // SIZE, SIZE, 3).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)
    return tiles[(tiles < 255).any(axis=(1, 2, 3))]


# ---- to the network and back ----


def to_tensor(images: np.ndarray) -> torch.Tensor:
    """uint8 (N, 16, 16, 3) -> float32 (N, 3, 16, 16) in [-1, 1]: 0 becomes -1, 255 becomes 1."""
    return torch.from_numpy(np.array(images).transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


def to_uint8(x: torch.Tensor) -> np.ndarray:
    """Float (N, 3, 16, 16) -> uint8 (N, 16, 16, 3). The scale is fixed: [-1, 1] -> [0, 255], clipped and rounded."""
    scaled = (x.detach().float().cpu() + 1) * 127.5
    return scaled.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
