"""Draw every sprite of the world from its layers: sheets of tiles, colour ramps, and the rules of recipe.toml.

A sheet is drawn in the first ramp of each kind of colour. Its pixels are read as numbers of palette slots, the shapes
are put together from those numbers, and the colours of each sprite are looked up last: so all are drawn at once.
"""

import hashlib
import math
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np

from helpers.world.own import first_of_each
from helpers.world.readers import MAX_SPRITES, SIZE, SpriteError, read_picture

FORMAT = 1  # raise it when the drawing in this file changes, so that no old cache is read
CAST = ("Bob", "Nancy", "Fred")  # whom the lessons tell of


class Recipe:
    """What a folder of sheets and its recipe.toml say.

    attributes  name -> its option names. ramps: attribute -> {option: its colours}, for those that colour
    labels      name -> int64 (M,), an index into attributes[name]: every allowed combination
    cast        name -> which combination. split: the table of that name
    key         equal for equal files, whatever their folder

    Raises SpriteError, which names the file and says how to mend it.
    """

    def __init__(self, folder: str | Path):
        self.path = Path(folder) / "recipe.toml"
        try:
            self._read(tomllib.loads(self.path.read_text(encoding="utf-8")))
        except SpriteError:
            raise
        except OSError as error:
            raise self._wrong(f"cannot read it or a sheet it names ({error}). Put the file back.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise self._wrong(f"not valid TOML ({error}). Mend that line.") from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._wrong(
                f"an entry is missing or of the wrong kind ({error!r}). Compare with sprites/README.md."
            ) from error

    def _wrong(self, what: str) -> SpriteError:
        return SpriteError(f"{self.path}: {what}")

    def _read(self, recipe: dict) -> None:
        self.attributes = {name: tuple(options) for name, options in recipe["attributes"].items()}
        self.labels = self._combinations(recipe["rules"])
        self.ramps, self.slots = self._palette(recipe["ramps"])
        self.layers = [self._layer(layer) for layer in recipe["layers"]]
        self.cast = {name: self._member(name, looks) for name, looks in recipe["cast"].items()}
        self.split, size = recipe["split"], len(self.labels["view"])
        for name in (*CAST, *self.split["in_training"], *self.split["held_out"]):
            if name not in self.cast:
                raise self._wrong(f"the cast lacks {name}, whom the split or the lessons name. Add [cast.{name}].")
        if not len(self.split["in_training"]) <= self.split["train"] <= size - len(self.split["held_out"]):
            raise self._wrong(f"cannot train on {self.split['train']:,} of {size:,} sprites. Change split.train.")
        key = hashlib.sha256(f"format {FORMAT}".encode())
        for file in [self.path, *(self.path.with_name(layer["sheet"]) for layer in recipe["layers"])]:
            key.update(hashlib.sha256(file.read_bytes()).digest())
        self.key = key.hexdigest()

    def _options(self, where: str, name: str, chosen: list[str]) -> list[int]:
        """Option names -> their indices; an unknown name is an error that lists the known ones."""
        if name not in self.attributes:
            raise self._wrong(f"{where} names the attribute {name!r}. Known: {', '.join(self.attributes)}.")
        for option in chosen:
            if option not in self.attributes[name]:
                known = ", ".join(self.attributes[name])
                raise self._wrong(f"{where} names {option!r}, no option of {name!r}. Use one of: {known}.")
        return [self.attributes[name].index(option) for option in chosen]

    def _have(self, labels: dict, where: str, name: str, chosen: list[str]) -> np.ndarray:
        """Which combinations have one of the chosen options."""
        options = self._options(where, name, chosen)
        return np.isin(labels[name], options)

    def _combinations(self, rules: list[dict]) -> dict[str, np.ndarray]:
        sizes = [len(options) for options in self.attributes.values()]
        if math.prod(sizes) > 100 * MAX_SPRITES:
            raise self._wrong(f"{math.prod(sizes):,} combinations before the rules. Use fewer options.")
        grid = np.indices(sizes, dtype=np.int16).reshape(len(sizes), -1)
        labels = dict(zip(self.attributes, grid, strict=True))
        allowed = np.ones(grid.shape[1], dtype=bool)
        hidden = {name: ~allowed for name, options in self.attributes.items() if "hidden" in options}
        for number, rule in enumerate(rules, start=1):
            holds = np.ones_like(allowed)
            for name, chosen in rule["when"].items():
                holds &= self._have(labels, f"rule {number}", name, chosen)
            for name, chosen in rule["only"].items():
                allowed &= ~holds | self._have(labels, f"rule {number}", name, chosen)
                if "hidden" in chosen:
                    hidden[name] |= holds
        for name, asked in hidden.items():  # hidden where a rule asks for it, and nowhere else
            allowed &= (labels[name] == self.attributes[name].index("hidden")) == asked
        if not 0 < allowed.sum() <= MAX_SPRITES:
            raise self._wrong(
                f"the rules allow {allowed.sum():,} sprites. Change options or rules until there are between 1 and "
                f"{MAX_SPRITES:,}."
            )
        return {name: column[allowed].astype(np.int64) for name, column in labels.items()}

    def _palette(self, ramps: dict) -> tuple[dict, dict]:
        """(ramps, slots). slots: ramp -> {rgb: number}, the colours that sheets are drawn in; 0 is the white paper."""
        families = {name: dict(family) for name, family in ramps.items() if name != "fixed"}
        fixed = {name: {name: ramp} for name, ramp in ramps["fixed"].items()}
        slots, owner = {}, {}
        for name, family in (families | fixed).items():
            for option, ramp in family.items():
                family[option] = [self._rgb(colour) for colour in ramp]
            first = next(iter(family.values()))
            for option, ramp in family.items():
                if len(ramp) != len(first):
                    raise self._wrong(f"ramp {option!r} of {name!r} must have {len(first)} colours, like the first.")
            slots[name] = {}
            for colour in first:
                if colour in owner:
                    raise self._wrong(
                        f"#{bytes(colour).hex()} is in {owner[colour]!r} and in {name!r}, so a sheet could mean "
                        "either. Change one of them a little."
                    )
                owner[colour] = name
                slots[name][colour] = len(owner)
        for name, family in families.items():
            shown = [option for option in self.attributes.get(name, ()) if option != "hidden"]
            if shown != list(family):
                raise self._wrong(f"the ramps of {name!r} are {list(family)}, its options {shown}. Name them alike.")
        return families, slots

    def _rgb(self, colour: str) -> tuple[int, int, int]:
        try:
            red, green, blue = bytes.fromhex(colour.removeprefix("#"))
        except ValueError as error:
            raise self._wrong(f"{colour!r} is not a colour. Write it as #rrggbb.") from error
        return red, green, blue

    def _layer(self, layer: dict) -> tuple[str | None, np.ndarray]:
        """(attribute that chooses the column or None, slot numbers (views, options, 16, 16)), where 0 is nothing."""
        sheet, attribute = self.path.with_name(layer["sheet"]), layer.get("chosen_by")
        columns = self._options(layer["sheet"], attribute, layer["columns"]) if attribute else [0]
        height, width = len(self.attributes["view"]) * SIZE, len(columns) * SIZE
        pixels = read_picture(sheet, Counter())
        if pixels.shape[:2] != (height, width):
            raise SpriteError(
                f"{sheet}: {pixels.shape[1]}x{pixels.shape[0]} pixels. Make it {width}x{height}: one column of {SIZE} "
                "pixels per option in recipe.toml, one row per view."
            )
        drawn, visible = np.zeros((height, width), dtype=np.uint16), pixels[..., 3] > 0
        for name in layer["ramps"]:
            if name not in self.slots:
                known = ", ".join(self.slots)
                raise self._wrong(f"{layer['sheet']} names the ramp {name!r}. Use some of: {known}.")
            for colour, slot in self.slots[name].items():
                drawn[visible & (pixels[..., :3] == colour).all(-1)] = slot
        for y, x in np.argwhere(visible & ((drawn == 0) | (pixels[..., 3] < 255)))[:1]:
            raise SpriteError(
                f"{sheet}: the pixel at column {x}, row {y} has the colour #{bytes(pixels[y, x]).hex()} (red, green, "
                f"blue, opacity). Use a colour from the first ramp of {', '.join(layer['ramps'])}, fully opaque."
            )
        options = len(self.attributes[attribute]) if attribute else 1
        tiles = np.zeros((height // SIZE, options, SIZE, SIZE), dtype=np.uint16)
        tiles[:, columns] = drawn.reshape(-1, SIZE, len(columns), SIZE).swapaxes(1, 2)
        return attribute, tiles

    def _member(self, name: str, looks: dict[str, str]) -> int:
        """Index of the one combination that looks as the cast says."""
        missing = [attribute for attribute in self.attributes if attribute not in looks]
        if missing:
            raise self._wrong(f"the cast's {name} lacks {', '.join(missing)}. Name every attribute.")
        match = np.ones(len(self.labels["view"]), dtype=bool)
        for attribute, option in looks.items():
            match &= self._have(self.labels, f"the cast's {name}", attribute, [option])
        if not match.any():
            raise self._wrong(f"the rules do not allow the cast's {name}. Change the cast or the rules.")
        return int(np.argmax(match))

    def draw(self) -> np.ndarray:
        """uint8 (M, 16, 16, 3): draw every distinct shape once, as slot numbers, then colour all sprites by look-up."""

        def number(names: list[str]) -> tuple[np.ndarray, list[int]]:
            sizes = [len(self.attributes[name]) for name in names]
            return np.ravel_multi_index([self.labels[name] for name in names], sizes), sizes

        shape_names = ["view", *{attribute: None for attribute, _ in self.layers if attribute}]
        shape_id, sizes = number(shape_names)
        shapes, shape_of = np.unique(shape_id, return_inverse=True)
        chosen = dict(zip(shape_names, np.unravel_index(shapes, sizes), strict=True))
        canvas = np.zeros((len(shapes), SIZE, SIZE), dtype=np.uint16)
        for attribute, tiles in self.layers:
            tile = tiles[chosen["view"], chosen[attribute] if attribute else 0]
            canvas = np.where(tile > 0, tile, canvas)

        colour_of, sizes = number(list(self.ramps))
        drawn_in = [(255, 255, 255), *(colour for ramp in self.slots.values() for colour in ramp)]  # slot -> its colour
        table = np.tile(np.array(drawn_in, dtype=np.uint8), (*sizes, 1, 1))
        for axis, (name, family) in enumerate(self.ramps.items()):
            slots = list(self.slots[name].values())
            for option, ramp in family.items():
                np.moveaxis(table, axis, 0)[self.attributes[name].index(option)][..., slots, :] = ramp
        table = table.reshape(-1, len(drawn_in), 3)

        images = np.empty((len(shape_of), SIZE, SIZE, 3), dtype=np.uint8)
        for start in range(0, len(images), 4096):  # in blocks, so that the look-up stays in the processor's cache
            block = slice(start, start + 4096)
            images[block] = table[colour_of[block, None, None], canvas[shape_of[block]]]
        first, _ = first_of_each(images)
        if len(first) < len(images):
            twin = np.setdiff1d(np.arange(len(images)), first)[0]
            looks = {name: options[self.labels[name][twin]] for name, options in self.attributes.items()}
            raise self._wrong(
                f"{len(images) - len(first)} sprites look just like another, such as {looks}. Draw the options so that "
                'each shows, or add a rule that says "hidden".'
            )
        return images
