"""The sprites: a small world whose every member is known, and a learner's own.

The world is drawn from the layers in `sprites/`: each part is a PNG sheet in indexed colours, and `recipe.toml` says
in which order they are drawn, in which colours, and what goes with what. Every allowed combination is one sprite.
"""

import hashlib
import io
import math
import os
import struct
import tempfile
import tomllib
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from PIL import Image

SIZE = 16  # a sprite is SIZE x SIZE pixels
SPRITES = Path(__file__).resolve().parent.parent / "sprites"
MAX_SPRITES = 300_000
MAX_SHEET_PIXELS = 16_000_000  # checked before decoding: a small file can unpack to gigabytes
CACHE_FORMAT = 1  # raise it when the drawing below changes, so that no old cache is read


class SpriteError(ValueError):
    """Something is wrong with a sheet, the recipe or a learner's file; the message names it and says how to mend it."""


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
    labels = _combinations(path, attributes, recipe["rules"])
    slots, families = _palette(path, attributes, recipe["ramps"])
    layers = [_read_layer(path, attributes, layer, slots) for layer in recipe["layers"]]

    key = hashlib.sha256(f"format {CACHE_FORMAT}".encode())
    for file in [path, *(path.with_name(layer["sheet"]) for layer in recipe["layers"])]:
        key.update(hashlib.sha256(file.read_bytes()).digest())
    shape = (len(labels["view"]), SIZE, SIZE, 3)
    images = _cached(key.hexdigest(), shape, lambda: _draw(path, attributes, labels, layers, slots, families))

    cast = {name: _find(path, name, looks, attributes, labels) for name, looks in recipe["cast"].items()}
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


def _options(path: Path, where: str, attributes: dict, name: str, chosen: list[str]) -> list[int]:
    """Option names -> their indices; an unknown name is an error that lists the known ones."""
    if name not in attributes:
        raise SpriteError(f"{path}: {where} names the attribute {name!r}. Known: {', '.join(attributes)}.")
    for option in chosen:
        if option not in attributes[name]:
            known = ", ".join(attributes[name])
            raise SpriteError(f"{path}: {where} names {option!r}, no option of {name!r}. Use one of: {known}.")
    return [attributes[name].index(option) for option in chosen]


def _combinations(path: Path, attributes: dict, rules: list[dict]) -> dict[str, np.ndarray]:
    """Labels of every allowed combination: name -> int64 (M,)."""
    sizes = [len(options) for options in attributes.values()]
    if math.prod(sizes) > 100 * MAX_SPRITES:
        raise SpriteError(f"{path}: {math.prod(sizes):,} combinations before the rules. Use fewer options.")
    grid = np.indices(sizes, dtype=np.int16).reshape(len(attributes), -1)
    labels = dict(zip(attributes, grid, strict=True))
    allowed = np.ones(grid.shape[1], dtype=bool)
    hidden = {name: np.zeros(grid.shape[1], dtype=bool) for name, options in attributes.items() if "hidden" in options}

    def is_one_of(number: int, name: str, chosen: list[str]) -> np.ndarray:
        wanted = _options(path, f"rule {number}", attributes, name, chosen)
        return np.isin(labels[name], wanted)

    for number, rule in enumerate(rules, start=1):
        holds = np.ones(grid.shape[1], dtype=bool)
        for name, chosen in rule["when"].items():
            holds &= is_one_of(number, name, chosen)
        for name, chosen in rule["only"].items():
            allowed &= ~holds | is_one_of(number, name, chosen)
            if "hidden" in chosen:
                hidden[name] |= holds
    for name, asked in hidden.items():  # hidden where a rule asks for it, and nowhere else
        allowed &= (labels[name] == attributes[name].index("hidden")) == asked
    if not 0 < allowed.sum() <= MAX_SPRITES:
        raise SpriteError(
            f"{path}: the rules allow {allowed.sum():,} sprites. Change options or rules until there are "
            f"between 1 and {MAX_SPRITES:,}."
        )
    return {name: column[allowed].astype(np.int64) for name, column in labels.items()}


def _rgb(path: Path, colour: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    except ValueError as error:
        raise SpriteError(f"{path}: {colour!r} is not a colour. Write it as #rrggbb.") from error
    return red, green, blue


def _palette(path: Path, attributes: dict, ramps: dict) -> tuple[dict, dict]:
    """Number the colours that sheets are drawn in: each is a slot, counted from 1; slot 0 is the white paper.

    Returns (slots, families). slots: ramp name -> {rgb: slot}. families: attribute -> {option: its colours}, which
    take the place of the first option's colours.
    """
    families = {name: dict(family) for name, family in ramps.items() if name != "fixed"}
    fixed = {name: {name: ramp} for name, ramp in ramps["fixed"].items()}
    slots, owner = {}, {}
    for name, family in (families | fixed).items():
        for option, ramp in family.items():
            family[option] = [_rgb(path, colour) for colour in ramp]
        first = next(iter(family.values()))
        for option, ramp in family.items():
            if len(ramp) != len(first):
                raise SpriteError(
                    f"{path}: ramp {option!r} of {name!r} must have {len(first)} colours, like the first."
                )
        slots[name] = {}
        for colour in first:
            if colour in owner:
                raise SpriteError(
                    f"{path}: #{bytes(colour).hex()} is in {owner[colour]!r} and in {name!r}, so a sheet could mean "
                    "either. Change one of them a little."
                )
            owner[colour] = name
            slots[name][colour] = len(owner)
    for name, family in families.items():
        shown = [option for option in attributes.get(name, ()) if option != "hidden"]
        if shown != list(family):
            raise SpriteError(
                f"{path}: the ramps of {name!r} are {list(family)}, its options {shown}. Name them alike."
            )
    return slots, families


def _read_layer(path: Path, attributes: dict, layer: dict, slots: dict) -> tuple[str | None, np.ndarray]:
    """(attribute that chooses the column or None, slot numbers (views, options, 16, 16)), where 0 is nothing."""
    sheet = path.with_name(layer["sheet"])
    attribute = layer.get("chosen_by")
    columns = _options(path, layer["sheet"], attributes, attribute, layer["columns"]) if attribute else [0]
    views = len(attributes["view"])
    pixels = _read_png(sheet)
    if pixels.shape[:2] != (views * SIZE, len(columns) * SIZE):
        raise SpriteError(
            f"{sheet}: {pixels.shape[1]}x{pixels.shape[0]} pixels. Make it {len(columns) * SIZE}x{views * SIZE}: one "
            f"column of {SIZE} pixels per option in recipe.toml, one row per view."
        )
    drawn = np.zeros(pixels.shape[:2], dtype=np.uint16)
    visible = pixels[..., 3] > 0
    for name in layer["ramps"]:
        if name not in slots:
            raise SpriteError(f"{path}: {layer['sheet']} names the ramp {name!r}. Use some of: {', '.join(slots)}.")
        for colour, slot in slots[name].items():
            drawn[visible & (pixels[..., :3] == colour).all(-1)] = slot
    for y, x in np.argwhere(visible & ((drawn == 0) | (pixels[..., 3] < 255)))[:1]:
        raise SpriteError(
            f"{sheet}: the pixel at column {x}, row {y} has the colour #{bytes(pixels[y, x]).hex()} (red, green, blue, "
            f"opacity). Use a colour from the first ramp of {', '.join(layer['ramps'])}, fully opaque."
        )
    tiles = np.zeros((views, len(attributes[attribute]) if attribute else 1, SIZE, SIZE), dtype=np.uint16)
    tiles[:, columns] = drawn.reshape(views, SIZE, len(columns), SIZE).swapaxes(1, 2)
    return attribute, tiles


def _draw(path: Path, attributes: dict, labels: dict, layers: list, slots: dict, families: dict) -> np.ndarray:
    """uint8 (M, 16, 16, 3): draw every distinct shape once, as slot numbers, then colour all sprites by look-up."""

    def number(names: list[str]) -> tuple[np.ndarray, list[int]]:
        sizes = [len(attributes[name]) for name in names]
        return np.ravel_multi_index([labels[name] for name in names], sizes), sizes

    shape_names = ["view", *{attribute: None for attribute, _ in layers if attribute}]
    shape_id, sizes = number(shape_names)
    shapes, shape_of = np.unique(shape_id, return_inverse=True)
    chosen = dict(zip(shape_names, np.unravel_index(shapes, sizes), strict=True))
    canvas = np.zeros((len(shapes), SIZE, SIZE), dtype=np.uint16)
    for attribute, tiles in layers:
        tile = tiles[chosen["view"], chosen[attribute] if attribute else 0]
        canvas = np.where(tile > 0, tile, canvas)

    colour_of, sizes = number(list(families))
    drawn_in = [(255, 255, 255), *(colour for ramp in slots.values() for colour in ramp)]  # slot -> its colour
    table = np.tile(np.array(drawn_in, dtype=np.uint8), (*sizes, 1, 1))
    for axis, (name, family) in enumerate(families.items()):
        for option, ramp in family.items():
            np.moveaxis(table, axis, 0)[attributes[name].index(option)][..., list(slots[name].values()), :] = ramp
    table = table.reshape(-1, len(drawn_in), 3)

    images = np.empty((len(shape_of), SIZE, SIZE, 3), dtype=np.uint8)
    for start in range(0, len(images), 4096):  # in blocks, so that the look-up stays in the processor's cache
        block = slice(start, start + 4096)
        images[block] = table[colour_of[block, None, None], canvas[shape_of[block]]]
    first = _first_of_each(images)
    if len(first) < len(images):
        twin = np.setdiff1d(np.arange(len(images)), first)[0]
        looks = {name: options[labels[name][twin]] for name, options in attributes.items()}
        raise SpriteError(
            f"{path}: {len(images) - len(first)} sprites look just like another, such as {looks}. Draw the options so "
            'that each shows, or add a rule that says "hidden".'
        )
    return images


def _first_of_each(images: np.ndarray) -> np.ndarray:
    """Sorted indices of the first of each distinct image in uint8 (N, 16, 16, 3)."""
    size = SIZE * SIZE * 3
    whole = images.reshape(len(images), size).view(np.dtype((np.void, size))).ravel()  # one item an image
    return np.sort(np.unique(whole, return_index=True)[1])


def _find(path: Path, name: str, looks: dict[str, str], attributes: dict, labels: dict) -> int:
    """Index of the one sprite that looks as the recipe's cast says."""
    missing = [attribute for attribute in attributes if attribute not in looks]
    if missing:
        raise SpriteError(f"{path}: the cast's {name} lacks {', '.join(missing)}. Name every attribute.")
    match = np.ones(len(labels["view"]), dtype=bool)
    for attribute, option in looks.items():
        match &= labels[attribute] == _options(path, f"the cast's {name}", attributes, attribute, [option])[0]
    if not match.any():
        raise SpriteError(f"{path}: the rules do not allow the cast's {name}. Change the cast or the rules.")
    return int(np.argmax(match))


def _cached(key: str, shape: tuple[int, ...], draw) -> np.ndarray:
    """The images stored under `key`; drawn and stored if they are not there or damaged (the zip has a checksum)."""
    folder = Path(os.environ.get("INKDROP_CACHE") or platformdirs.user_cache_dir("inkdrop"))
    file = folder / f"world-{key[:32]}.npz"
    try:
        with np.load(file, allow_pickle=False) as stored:
            images = stored["images"]
        if images.shape == shape and images.dtype == np.uint8:
            return images
    except Exception:  # not there yet, or damaged, and then zip and npy readers raise almost anything: draw it again
        pass
    images = draw()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez_compressed(stream, images=images)  # 3 MB; 129 MB plain
            os.replace(temporary, file)  # all or nothing: a reader never sees half a file
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        warnings.warn(f"The sprite cache cannot be written ({error}); sprites are drawn anew each time.", stacklevel=3)
    return images


# ---- a learner's own sprites ----


def load(path: str | Path | None = None) -> World:
    """None: the built world. A folder of PNGs, one PNG sheet or a .npy file: a learner's own sprites."""
    if path is None:
        return load_world()
    path = Path(path)
    if path.is_dir():
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
    if not folder.is_dir():
        raise SpriteError(f"{folder}: no such folder. Check the path.")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png")
    if not files:
        raise SpriteError(f"{folder}: holds no PNG files. Put your sprites there as .png.")
    for file in files:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise SpriteError(f"{file}: a link that leads out of the folder. Copy the picture itself here.")
    return _own_world(folder, np.concatenate([_tiles(file) for file in files]))


def load_npy(path: str | Path) -> World:
    """The sprites of a .npy file: uint8 (N, 16, 16, 3). Raises SpriteError; object arrays are never unpickled."""
    path = Path(path)
    mend = "Save them with np.save(path, sprites), where sprites is a uint8 array of shape (N, 16, 16, 3)."
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: nothing is read before it is checked
    except FileNotFoundError as error:
        raise SpriteError(f"{path}: no such file. Check the path.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SpriteError(f"{path}: not a readable array of plain numbers ({error}). {mend}") from error
    shape, dtype = getattr(array, "shape", None), getattr(array, "dtype", None)
    if dtype != np.uint8 or len(shape) != 4 or shape[1:] != (SIZE, SIZE, 3):
        raise SpriteError(f"{path}: holds {dtype} {shape}, not uint8 (N, 16, 16, 3). {mend}")
    return _own_world(path, array)


def _own_world(path: Path, images: np.ndarray) -> World:
    """Drop duplicates before any split, since a copy in both halves would make a memorised sprite look new."""
    if len(images) > MAX_SPRITES:
        raise SpriteError(f"{path}: {len(images):,} sprites. Use at most {MAX_SPRITES:,}.")
    images = np.ascontiguousarray(images)
    first = _first_of_each(images)
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
    pixels = _read_png(path)
    height, width = pixels.shape[:2]
    if height % SIZE or width % SIZE:
        raise SpriteError(f"{path}: {width}x{height} pixels. Make each side a multiple of {SIZE}.")
    alpha = pixels[..., 3:].astype(np.float32) / 255
    over_white = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    tiles = over_white.reshape(height // SIZE, SIZE, width // SIZE, SIZE, 3).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)
    return tiles[(tiles < 255).any(axis=(1, 2, 3))]


def _read_png(path: Path) -> np.ndarray:
    """uint8 (height, width, 4), red, green, blue and opacity. The size is checked before any pixel is decoded."""
    mend = "Open it in a pixel editor and save it again as PNG."
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["PNG"])
        if image.width * image.height > MAX_SHEET_PIXELS:
            raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
        if image.mode[0] in "IF":
            raise SpriteError(f"{path}: more than 8 bits a colour. Save it with 8 bits a colour.")
        return np.asarray(image.convert("RGBA"))
    except FileNotFoundError as error:
        raise SpriteError(f"{path}: no such file. Check the path.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SpriteError(f"{path}: far too large ({error}). Use at most {MAX_SHEET_PIXELS:,} pixels.") from error
    except Image.UnidentifiedImageError as error:
        raise SpriteError(f"{path}: not a PNG image. {mend}") from error
    except (OSError, SyntaxError, EOFError, struct.error, zlib.error) as error:
        raise SpriteError(f"{path}: damaged or cut short ({error}). {mend}") from error


# ---- to the network and back ----


def to_tensor(images: np.ndarray) -> torch.Tensor:
    """uint8 (N, 16, 16, 3) -> float32 (N, 3, 16, 16) in [-1, 1]: 0 becomes -1, 255 becomes 1."""
    return torch.from_numpy(np.array(images).transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


def to_uint8(x: torch.Tensor) -> np.ndarray:
    """Float (N, 3, 16, 16) -> uint8 (N, 16, 16, 3). The scale is fixed: [-1, 1] -> [0, 255], clipped and rounded."""
    scaled = (x.detach().float().cpu() + 1) * 127.5
    return scaled.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
