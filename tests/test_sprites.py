"""The world: distinct sprites, known attributes, a fixed split, a cache that is never trusted blindly."""

import itertools
import os
import re
import shutil
import tomllib

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.storage import files
from helpers.world import recipe, sprites

SPRITES = sprites.SPRITES
RECIPE = tomllib.loads((SPRITES / "recipe.toml").read_text(encoding="utf-8"))
REFERENCE = {name: next(iter(family.values())) for name, family in RECIPE["ramps"].items() if name != "fixed"}
REFERENCE.update(RECIPE["ramps"]["fixed"])


@pytest.fixture(scope="module")
def world():
    return sprites.load()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(files, "cache", lambda: folder)
    return folder


@pytest.fixture
def art(tmp_path):
    """A copy of sprites/."""
    return shutil.copytree(SPRITES, tmp_path / "sprites")


@pytest.fixture
def small(art, cache):
    """A copy of sprites/ whose recipe allows only some hundred sprites, so that drawing it takes no time."""
    text = (art / "recipe.toml").read_text(encoding="utf-8")
    text = re.sub(r"\[cast\.(?!Bob|Fred|Nancy)[^\[]*", "", text).replace("train = 10000", "train = 100")
    only = 'view = ["front"], skin = ["fair"], hat = ["none"], outfit_colour = ["blue"], held = ["none"]'
    text += f'\n[[rules]]\nwhen = {{ view = ["front", "side"] }}\nonly = {{ {only} }}\n'
    (art / "recipe.toml").write_text(text, encoding="utf-8")
    return art


def change_recipe(folder, old, new, count=1):
    path = folder / "recipe.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")


# ---- what the world holds ----


def test_size_and_kinds(world):
    assert 100_000 <= len(world) <= 300_000
    assert world.images.shape == (len(world), 16, 16, 3) and world.images.dtype == np.uint8
    assert world.known
    assert list(world.attributes) == list(world.labels) == list(RECIPE["attributes"])
    for name, options in world.attributes.items():
        assert set(np.unique(world.labels[name])) == set(range(len(options))), f"an option of {name} is never used"


def slow_drawing(looks):
    """One sprite, pixel by pixel, straight from the sheets: the plain way that the fast one must equal."""
    canvas = np.full((16, 16, 3), 255, dtype=np.uint8)
    row = RECIPE["attributes"]["view"].index(looks["view"])
    for layer in RECIPE["layers"]:
        columns = layer.get("columns", ["only one"])
        option = looks[layer["chosen_by"]] if "chosen_by" in layer else "only one"
        if option not in columns:
            continue
        sheet = np.array(Image.open(SPRITES / layer["sheet"]).convert("RGBA"))
        tile = sheet[16 * row :, 16 * columns.index(option) :]
        for y, x in itertools.product(range(16), range(16)):
            red, green, blue, opacity = map(int, tile[y, x])
            if not opacity:
                continue
            drawn = f"#{red:02x}{green:02x}{blue:02x}"
            ramp = next(name for name in layer["ramps"] if drawn in REFERENCE[name])
            colours = RECIPE["ramps"][ramp][looks[ramp]] if ramp in looks else REFERENCE[ramp]
            canvas[y, x] = list(bytes.fromhex(colours[REFERENCE[ramp].index(drawn)][1:]))
    return canvas


def test_every_image_is_distinct_and_looks_as_its_labels_say(world):
    assert len({image.tobytes() for image in world.images}) == len(world)
    for i in [*world.cast.values(), *np.random.default_rng(0).integers(len(world), size=200)]:
        np.testing.assert_array_equal(slow_drawing(world.describe(i)), world.images[i])


def test_no_two_sprites_are_nearly_alike(world):
    """A sprite's nearest neighbour differs by at least two clearly different pixels (0.04 RMS over the image)."""
    flat = world.images.reshape(len(world), -1)
    chosen = torch.from_numpy(np.random.default_rng(1).integers(len(world), size=100))
    some = torch.from_numpy(flat[chosen]).float() / 127.5
    nearest = torch.full((100,), torch.inf)
    for start in range(0, len(flat), 20_000):
        block = torch.tensor(flat[start : start + 20_000]).float() / 127.5
        squared = (some**2).sum(1)[:, None] + (block**2).sum(1) - 2 * some @ block.T
        itself = chosen[:, None] == torch.arange(start, start + len(block))
        nearest = torch.minimum(nearest, squared.masked_fill(itself, torch.inf).amin(1))
    assert (nearest / 768).sqrt().min() > 0.04


def test_labels_are_exactly_what_the_rules_allow(world):
    """Counted afresh by a plain loop: attributes that no rule names multiply, the others are tried one by one."""
    combinations = np.stack(list(world.labels.values()), axis=1)
    assert len(np.unique(combinations, axis=0)) == len(world)
    ruled = {name for rule in RECIPE["rules"] for part in rule.values() for name in part}
    allowed = set()
    for options in itertools.product(*(RECIPE["attributes"][name] for name in ruled)):
        looks = dict(zip(ruled, options, strict=True))
        holding = [rule for rule in RECIPE["rules"] if all(looks[a] in o for a, o in rule["when"].items())]
        asked = {name for rule in holding for name, chosen in rule["only"].items() if "hidden" in chosen}
        if asked == {name for name in ruled if looks[name] == "hidden"} and all(
            looks[name] in chosen for rule in holding for name, chosen in rule["only"].items()
        ):
            allowed.add(options)
    drawn = set(zip(*(np.array(world.attributes[name])[world.labels[name]] for name in ruled), strict=True))
    assert drawn == allowed
    free = np.prod([len(options) for name, options in world.attributes.items() if name not in ruled])
    assert len(world) == len(allowed) * free


def test_sheets_are_indexed_and_keep_to_their_ramps():
    for layer in RECIPE["layers"]:
        image = Image.open(SPRITES / layer["sheet"])
        assert image.mode == "P"
        pixels = np.array(image.convert("RGBA")).reshape(-1, 4)
        assert set(pixels[:, 3]) <= {0, 255}
        used = {f"#{bytes(pixel[:3]).hex()}" for pixel in pixels if pixel[3]}
        assert used <= {colour for name in layer["ramps"] for colour in REFERENCE[name]}


def test_cast(world):
    for name, index in world.cast.items():
        assert world.describe(index) == RECIPE["cast"][name]
    bob, fred, nancy = (world.describe(world.cast[name]) for name in ("Bob", "Fred", "Nancy"))
    assert bob["view"] == "front" and bob["belt"] == "buckle" != nancy["belt"]
    assert len({looks["hair"] for looks in (bob, fred, nancy)}) == 3
    differ = {name for name in bob if len({looks[name] for looks in (bob, fred, nancy)}) > 1}
    assert differ == {"hair", "hair_colour", "belt"}  # as the recipe says: alike but for these


def test_split(world):
    train_idx, held_out_idx = world.split()
    assert len(train_idx) == 10_000
    assert train_idx.dtype == held_out_idx.dtype == np.int64
    assert (np.diff(train_idx) > 0).all() and (np.diff(held_out_idx) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate([train_idx, held_out_idx])), np.arange(len(world)))
    assert world.cast["Bob"] in train_idx and world.cast["Nancy"] in train_idx and world.cast["Fred"] in held_out_idx
    np.testing.assert_array_equal(world.split()[0], train_idx)
    for name, options in world.attributes.items():  # a fair draw: every option is there
        assert len(np.unique(world.labels[name][train_idx])) == len(options)


def test_split_follows_the_seed(small):
    first = sprites.load_world(small).split()[0]
    change_recipe(small, f"seed = {RECIPE['split']['seed']}", "seed = 1")
    other = sprites.load_world(small)
    assert set(other.split()[0]) != set(first)
    assert {other.cast["Bob"], other.cast["Nancy"]} <= set(other.split()[0])


def test_worlds_can_be_compared(world):
    assert world == world and world != sprites.load()  # as objects: arrays have no single truth value


# ---- the world that the weights were trained on, and others ----


def test_the_fingerprint_is_that_of_the_sprites_and_their_order(world):
    some = world.images[:5]
    assert sprites.fingerprint(some) == sprites.fingerprint(some.copy()) != sprites.fingerprint(some[::-1])
    changed = some.copy()
    changed[3, 7, 7, 1] ^= 1
    assert sprites.fingerprint(changed) != sprites.fingerprint(some)


def without_buckle(folder):
    """No belt has a buckle: the option, its column in the layer and in the sheet, and what the cast wears."""
    change_recipe(folder, 'belt = ["none", "plain", "buckle", "hidden"]', 'belt = ["none", "plain", "hidden"]')
    change_recipe(folder, 'columns = ["plain", "buckle"]', 'columns = ["plain"]')
    change_recipe(folder, 'belt = "buckle"', 'belt = "plain"', count=-1)
    sheet = Image.open(folder / "belt.png").convert("RGBA")
    sheet.crop((0, 0, 16, 32)).save(folder / "belt.png")


def without_ginger(folder):
    change_recipe(folder, '"ginger", ', "")
    change_recipe(folder, 'ginger = ["#5c1424", "#ad3a20", "#e8702c", "#ffb054"]\n', "")
    change_recipe(folder, 'hair_colour = "ginger"', 'hair_colour = "blond"')


EDITS = {
    "another blue": lambda folder: change_recipe(folder, "#3e7cdc", "#3e7cdd"),  # the middle one of Bob's tunic
    "no buckle": without_buckle,
    "no ginger": without_ginger,
    "60 training sprites": lambda folder: change_recipe(folder, "train = 10000", "train = 60"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_world_is_known_but_not_shipped(world, art, cache, edit):
    assert world.known and world.shipped
    EDITS[edit](art)
    other = sprites.load_world(art)
    assert other.known and not other.shipped
    assert {"Bob", "Nancy", "Fred"} <= set(other.cast)
    assert len(other.split()[0]) == (60 if edit == "60 training sprites" else 10_000)


def test_a_copy_of_the_world_is_shipped_where_the_weights_are(art, monkeypatch, tmp_path):
    assert sprites.load_world(art).shipped
    monkeypatch.setattr(sprites, "CARD", tmp_path / "no card")
    assert not sprites.load_world(art).shipped


# ---- to the network and back ----


def test_tensor_round_trip():
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    images.flags.writeable = False  # as those of the world are
    x = sprites.to_tensor(images)
    assert x.shape == (1, 3, 16, 16) and x.dtype == torch.float32
    assert x.min() == -1 and x.max() == 1
    np.testing.assert_array_equal(sprites.to_uint8(x), images)


def test_to_tensor_keeps_channels_and_rows_apart():
    images = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    images[0, 2, 5, 1] = 255
    assert sprites.to_tensor(images)[0, 1, 2, 5] == 1
    assert (sprites.to_tensor(images) == 1).sum() == 1


def test_to_uint8_has_a_fixed_scale():
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]).reshape(5, 1, 1, 1).expand(5, 3, 16, 16)
    np.testing.assert_array_equal(sprites.to_uint8(x)[:, 0, 0, 0], [0, 0, 128, 255, 255])


# ---- the cache ----


def test_cache_is_read_and_shared(small, cache, monkeypatch):
    first = sprites.load_world(small)
    (file,) = cache.iterdir()
    monkeypatch.setattr(recipe.Recipe, "draw", lambda *_: pytest.fail("drawn although it is in the cache"))
    second = sprites.load_world(small)
    np.testing.assert_array_equal(second.images, first.images)
    for world in (first, second):
        with pytest.raises(ValueError, match="read-only"):
            world.images[0] = 0
    if os.path.exists("/proc/self/maps"):  # mapped, not copied: all processes share one world in memory
        with open("/proc/self/maps") as maps:
            assert file.name in maps.read()


def test_cache_is_keyed_by_content_and_keeps_the_newest(small, cache):
    worlds = [sprites.load_world(small)]
    sheet = Image.open(small / "outfit.png")
    sheet.putpixel((7, 0), sheet.getpixel((7, 11)))
    sheet.save(small / "outfit.png", transparency=0)
    worlds.append(sprites.load_world(small))
    blues = ["#3e7cdc", "#3e7cdd", "#3e7cde", "#3e7cdf"]
    for old, new in itertools.pairwise(blues):
        change_recipe(small, old, new)
        worlds.append(sprites.load_world(small))
    for one, other in itertools.pairwise(worlds):
        assert (one.images[one.cast["Bob"]] != other.images[other.cast["Bob"]]).any()
    assert len(list(cache.iterdir())) == sprites.CACHED_WORLDS < len(worlds)


@pytest.mark.parametrize("damage", ["cut short", "garbage", "empty", "one bit", "wrong shape", "no checksum", "pickle"])
def test_damaged_cache_is_drawn_anew(small, cache, damage):
    good = np.array(sprites.load_world(small).images)
    (file,) = cache.iterdir()
    data = bytearray(file.read_bytes())
    if damage == "cut short":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "garbage":
        file.write_bytes(b"\x93NUMPY" + bytes(range(256)))
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "one bit":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif damage == "wrong shape":
        np.save(file, good[:5])
    elif damage == "no checksum":
        np.save(file, good)
    else:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    for _ in range(2):  # drawn, then read
        np.testing.assert_array_equal(sprites.load_world(small).images, good)
    np.testing.assert_array_equal(np.load(file), good)


def test_a_cache_that_cannot_be_written_is_said_and_survived(small, cache, monkeypatch):
    good = sprites.load_world(small).images
    (file,) = cache.iterdir()
    before = file.read_bytes()[:-1]
    file.write_bytes(before)  # damaged, so that it tries to write again

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.warns(UserWarning, match="cache cannot be written .no space left"):
        np.testing.assert_array_equal(sprites.load_world(small).images, good)
    assert list(cache.iterdir()) == [file] and file.read_bytes() == before
    monkeypatch.setattr(files, "cache", lambda: file / "no folder")
    with pytest.warns(UserWarning, match="cache cannot be written"):
        sprites.load_world(small)


# ---- a bad recipe or sheet says what to mend ----


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('hat = ["wizard"] }', 'hat = ["wizzard"] }', r"rule 1 names 'wizzard'.*Use one of: none, wizard"),
        ('when = { hat = ["wizard"] }', 'when = { hut = ["wizard"] }', r"rule 1 names the attribute 'hut'.*: view"),
        ("#3e7cdc", "#3e7cd", r"'#3e7cd' is not a colour. Write it as #rrggbb"),
        ('blue = ["#181c54", ', "blue = [", r"ramp 'blue' of 'outfit_colour' must have 4 colours"),
        ('"blue", "green"', '"green", "blue"', r"ramps of 'outfit_colour'.*Name them alike"),
        ('skin = "fair"', 'skin = "green"', r"the cast's Bob names 'green'.*Use one of: fair"),
        ('belt = "buckle"\n', "", r"the cast's Bob lacks belt. Name every attribute"),
        ('"none", "plain", "buckle", "hid', '"none", "plain", "hid', r"names 'buckle', no option of 'belt'. Use one"),
        ('"brown", "raven", "ginger", ', '"brown", "raven", ', r"ramps of 'hair_colour' .*'ginger'.*Name them alike"),
        ('held = "none"', 'held = "sword"', r"the rules do not allow the cast's Bob"),
        ("[cast.Nancy]", "[cast.Nan]", r"the cast lacks Nancy.*Add \[cast\.Nancy\]"),
        ('in_training = ["Bob"', 'in_training = ["Bobby"', r"the cast lacks Bobby"),
        ("train = 100", "train = 100000", r"cannot train on 100,000"),
        ('sheet = "hat.png"', 'sheet = "hats.png"', r"hats\.png: no such file"),
        ('"hat.png"', '"../hat.png"', r"recipe\.toml: an entry is missing or of the wrong kind.*hat\.png"),
        ("#4c5cb8", "#ffffff", r"#ffffff is in 'ink' and in 'paper'"),
        ("[attributes]", "[attributes", r"recipe\.toml: not valid TOML.*line"),
        ("[split]", "[spilt]", r"recipe\.toml: an entry is missing.*split"),
        ('ramps = ["boots"]', 'ramps = ["boot"]', r"boots\.png names the ramp 'boot'. Use some of: skin"),
        ('columns = ["plain", "buckle"]', 'columns = ["plain"]', r"belt\.png: 32x32 pixels. Make it 16x32"),
        ('"none", "plain", "buckle"', '"none", "plain", "buckle", "cord"', r"look just like another.*'belt'"),
    ],
)
def test_bad_recipe(small, old, new, message):
    change_recipe(small, old, new)
    with pytest.raises(sprites.SpriteError, match=message):
        sprites.load_world(small)


def test_foreign_colour_in_a_sheet(small):
    sheet = Image.open(small / "belt.png").convert("RGBA")
    sheet.putpixel((3, 4), (1, 2, 3, 255))
    sheet.save(small / "belt.png")
    with pytest.raises(sprites.SpriteError, match=r"belt\.png: the pixel at column 3, row 4 .*#010203.*of strap, gold"):
        sprites.load_world(small)


def test_missing_recipe(tmp_path):
    with pytest.raises(sprites.SpriteError, match=r"recipe\.toml: cannot read"):
        sprites.load_world(tmp_path)
