"""Draw every sprite of the world from its layers: sheets of tiles, colour ramps, and the rules of recipe.toml.

A sheet is drawn in the first ramp of each kind of colour. Its pixels are read as numbers of palette slots, the shapes
are put together from those numbers, and the colours of each sprite are looked up last: so all are drawn at once.
"""

import io
import math
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 16  # a sprite is SIZE x SIZE pixels
MAX_SPRITES = 300_000
MAX_SHEET_PIXELS = 16_000_000  # checked before decoding: a small file can unpack to gigabytes
MAX_SHEET_BYTES = 5 * MAX_SHEET_PIXELS  # of its file: 4 for a pixel that is not packed at all, and some for the rest


class SpriteError(ValueError):
    """Something is wrong with a sheet, the recipe or a learner's file; the message names it and says how to mend it."""


def _options(path: Path, where: str, attributes: dict, name: str, chosen: list[str]) -> list[int]:
    """Option names -> their indices; an unknown name is an error that lists the known ones."""
    if name not in attributes:
        raise SpriteError(f"{path}: {where} names the attribute {name!r}. Known: {', '.join(attributes)}.")
    for option in chosen:
        if option not in attributes[name]:
            known = ", ".join(attributes[name])
            raise SpriteError(f"{path}: {where} names {option!r}, no option of {name!r}. Use one of: {known}.")
    return [attributes[name].index(option) for option in chosen]


def combinations(path: Path, attributes: dict, rules: list[dict]) -> dict[str, np.ndarray]:
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


def palette(path: Path, attributes: dict, ramps: dict) -> tuple[dict, dict]:
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


def read_layer(path: Path, attributes: dict, layer: dict, slots: dict) -> tuple[str | None, np.ndarray]:
    """(attribute that chooses the column or None, slot numbers (views, options, 16, 16)), where 0 is nothing."""
    sheet = path.with_name(layer["sheet"])
    attribute = layer.get("chosen_by")
    columns = _options(path, layer["sheet"], attributes, attribute, layer["columns"]) if attribute else [0]
    views = len(attributes["view"])
    pixels = read_png(sheet)
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


def draw(path: Path, attributes: dict, labels: dict, layers: list, slots: dict, families: dict) -> np.ndarray:
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
    first = first_of_each(images)
    if len(first) < len(images):
        twin = np.setdiff1d(np.arange(len(images)), first)[0]
        looks = {name: options[labels[name][twin]] for name, options in attributes.items()}
        raise SpriteError(
            f"{path}: {len(images) - len(first)} sprites look just like another, such as {looks}. Draw the options so "
            'that each shows, or add a rule that says "hidden".'
        )
    return images


def first_of_each(images: np.ndarray) -> np.ndarray:
    """Sorted indices of the first of each distinct image in uint8 (N, 16, 16, 3)."""
    size = SIZE * SIZE * 3
    whole = images.reshape(len(images), size).view(np.dtype((np.void, size))).ravel()  # one item an image
    return np.sort(np.unique(whole, return_index=True)[1])


def find(path: Path, name: str, looks: dict[str, str], attributes: dict, labels: dict) -> int:
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


def read_png(path: Path) -> np.ndarray:
    """uint8 (height, width, 4), red, green, blue and opacity. The size is checked before any pixel is decoded."""
    mend = "Open it in a pixel editor and save it again as PNG."
    if not os.path.isfile(path):  # opening a pipe would wait for ever
        raise SpriteError(f"{path}: no such file, or not a plain one. Check the path.")
    try:
        if path.stat().st_size > MAX_SHEET_BYTES:
            raise Image.DecompressionBombError(f"{path.stat().st_size:,} bytes")
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=["PNG"])
        if image.width * image.height > MAX_SHEET_PIXELS:
            raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
        if image.mode[0] in "IF":
            raise SpriteError(f"{path}: more than 8 bits a colour. Save it with 8 bits a colour.")
        return np.asarray(image.convert("RGBA"))
    except SpriteError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SpriteError(f"{path}: far too large ({error}). Use at most {MAX_SHEET_PIXELS:,} pixels.") from error
    except Image.UnidentifiedImageError as error:
        raise SpriteError(f"{path}: not a PNG image. {mend}") from error
    except Exception as error:  # damaged, and then readers raise almost anything
        raise SpriteError(f"{path}: damaged or cut short ({error}). {mend}") from error
