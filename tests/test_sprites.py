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
from helpers.world import recipe as layers
from helpers.world import sprites

SPRITES = sprites.SPRITES
RECIPE = tomllib.loads((SPRITES / "recipe.toml").read_text(encoding="utf-8"))
REFERENCE = {name: next(iter(family.values())) for name, family in RECIPE["ramps"].items() if name != "fixed"}
REFERENCE.update(RECIPE["ramps"]["fixed"])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKDROP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield sprites.load_world()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("INKDROP_CACHE", str(folder))
    return folder


@pytest.fixture
def small(tmp_path, cache):
    """A copy of sprites/ whose recipe allows only some hundred sprites, so that drawing it takes no time."""
    folder = tmp_path / "sprites"
    shutil.copytree(SPRITES, folder)
    recipe = (folder / "recipe.toml").read_text(encoding="utf-8")
    recipe = re.sub(r"\[cast\.(?!Bob|Fred|Nancy)[^\[]*", "", recipe).replace("train = 10000", "train = 100")
    only = 'view = ["front"], skin = ["fair"], hat = ["none"], outfit_colour = ["blue"], held = ["none"]'
    recipe += f'\n[[rules]]\nwhen = {{ view = ["front", "side"] }}\nonly = {{ {only} }}\n'
    (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
    return folder


def change_recipe(folder, old, new):
    path = folder / "recipe.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# ---- what the world holds ----


def test_size_and_kinds(world):
    assert 100_000 <= len(world) <= 300_000
    assert world.images.shape == (len(world), 16, 16, 3)
    assert world.images.dtype == np.uint8
    assert world.known
    assert list(world.attributes) == list(world.labels) == list(RECIPE["attributes"])
    for name, options in world.attributes.items():
        labels = world.labels[name]
        assert labels.shape == (len(world),)
        assert set(np.unique(labels)) == set(range(len(options))), f"an option of {name} is never used"


def test_every_image_is_distinct_and_decodes_to_its_attributes(world):
    member = {image.tobytes(): i for i, image in enumerate(world.images)}
    assert len(member) == len(world)
    for i in np.random.default_rng(0).integers(len(world), size=300):
        assert world.describe(member[slow_drawing(world.describe(i)).tobytes()]) == world.describe(i)


def test_no_two_sprites_are_nearly_alike(world):
    """A sprite's nearest neighbour differs by at least two clearly different pixels (0.04 RMS over the image)."""
    flat = torch.from_numpy(world.images.reshape(len(world), -1))
    chosen = torch.from_numpy(np.random.default_rng(1).integers(len(world), size=100))
    some = flat[chosen].float() / 127.5
    nearest = torch.full((100,), torch.inf)
    for start in range(0, len(flat), 20_000):
        block = flat[start : start + 20_000].float() / 127.5
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
    found = set(zip(*(np.array(world.attributes[name])[world.labels[name]] for name in ruled), strict=True))
    assert found == allowed
    free = np.prod([len(options) for name, options in world.attributes.items() if name not in ruled])
    assert len(world) == len(allowed) * free


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


def test_a_slow_plain_drawing_is_the_same(world):
    for i in [*world.cast.values(), *np.random.default_rng(2).integers(len(world), size=60)]:
        np.testing.assert_array_equal(slow_drawing(world.describe(i)), world.images[i])


def test_sheets_are_indexed_and_keep_to_their_ramps():
    for layer in RECIPE["layers"]:
        image = Image.open(SPRITES / layer["sheet"])
        assert image.mode == "P"
        assert image.size == (16 * len(layer.get("columns", [0])), 16 * len(RECIPE["attributes"]["view"]))
        pixels = np.array(image.convert("RGBA")).reshape(-1, 4)
        assert set(pixels[:, 3]) <= {0, 255}
        used = {f"#{bytes(pixel[:3]).hex()}" for pixel in pixels if pixel[3]}
        assert used <= {colour for name in layer["ramps"] for colour in REFERENCE[name]}


def test_cast(world):
    assert {"Bob", "Fred", "Nancy"} <= set(world.cast)
    for name, index in world.cast.items():
        assert world.describe(index) == RECIPE["cast"][name]
    bob, fred, nancy = (world.describe(world.cast[name]) for name in ("Bob", "Fred", "Nancy"))
    assert bob["view"] == fred["view"] == nancy["view"] == "front"
    assert len({looks["hair"] for looks in (bob, fred, nancy)}) == 3
    assert bob["belt"] == "buckle" != nancy["belt"]
    differ = {name for name in bob if len({looks[name] for looks in (bob, fred, nancy)}) > 1}
    assert differ == {"hair", "hair_colour", "belt"}  # as the recipe says: alike but for these


def test_split(world):
    train_idx, held_out_idx = world.split()
    assert len(train_idx) == 10_000
    assert train_idx.dtype == held_out_idx.dtype == np.int64
    assert (np.diff(train_idx) > 0).all() and (np.diff(held_out_idx) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate([train_idx, held_out_idx])), np.arange(len(world)))
    assert world.cast["Bob"] in train_idx
    assert world.cast["Nancy"] in train_idx
    assert world.cast["Fred"] in held_out_idx
    np.testing.assert_array_equal(world.split()[0], train_idx)
    for name, options in world.attributes.items():  # a fair draw: every option is there
        assert len(np.unique(world.labels[name][train_idx])) == len(options)


def test_split_follows_the_seed(small):
    first = sprites.load_world(small).split()[0]
    np.testing.assert_array_equal(sprites.load_world(small).split()[0], first)
    change_recipe(small, f"seed = {RECIPE['split']['seed']}", "seed = 1")
    other = sprites.load_world(small)
    assert set(other.split()[0]) != set(first)
    assert {other.cast["Bob"], other.cast["Nancy"]} <= set(other.split()[0])


# ---- to the network and back ----


def test_tensor_round_trip():
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
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


def stored(cache):
    return sorted(cache.iterdir())


def test_cache_is_read(small, cache, monkeypatch):
    first = sprites.load_world(small)
    assert len(stored(cache)) == 1 and stored(cache)[0].suffix == ".npz"
    monkeypatch.setattr(layers, "draw", lambda *_: pytest.fail("drawn although it is in the cache"))
    np.testing.assert_array_equal(sprites.load_world(small).images, first.images)


def test_cache_is_keyed_by_content(small, cache):
    first = sprites.load_world(small)
    sheet = Image.open(small / "outfit.png")
    used = sheet.getpixel((7, 11))
    sheet.putpixel((7, 0), used)
    sheet.save(small / "outfit.png", transparency=0)
    second = sprites.load_world(small)
    assert len(stored(cache)) == 2
    assert (second.images[second.cast["Bob"]] != first.images[first.cast["Bob"]]).any()
    change_recipe(small, "#3e7cdc", "#3e7cdd")  # the middle blue of Bob's tunic
    third = sprites.load_world(small)
    assert len(stored(cache)) == 3
    assert (third.images != second.images).any()


@pytest.mark.parametrize("damage", ["cut short", "garbage", "empty", "one bit", "wrong shape", "plain array"])
def test_damaged_cache_is_rebuilt(small, cache, damage):
    good = sprites.load_world(small).images
    (file,) = stored(cache)
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
        np.savez(file, images=good[:5])
    else:
        file.unlink()
        np.save(cache / "x.npy", good)
        (cache / "x.npy").rename(file)
    np.testing.assert_array_equal(sprites.load_world(small).images, good)
    with np.load(file, allow_pickle=False) as mended:
        np.testing.assert_array_equal(mended["images"], good)


def test_failed_write_leaves_the_good_file_and_no_rubbish(small, cache, monkeypatch):
    sprites.load_world(small)
    (file,) = stored(cache)
    before = file.read_bytes()

    def full_disk(*_, **__):
        raise OSError("no space left on device")

    for broken in ("replace", "savez_compressed"):
        with monkeypatch.context() as patch:
            patch.setattr(os if broken == "replace" else np, broken, full_disk)
            patch.setattr(np, "load", full_disk)  # so that it tries to write again
            with pytest.warns(UserWarning, match="no space left"):
                sprites.load_world(small)
        assert stored(cache) == [file]
        assert file.read_bytes() == before


def test_cache_that_cannot_be_written_is_said_and_survived(small, tmp_path, monkeypatch):
    """What stands in for a cache folder is tested with files.py; here there is nowhere at all to write."""
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setattr(files, "cache", lambda: tmp_path / "a file" / "cache")
    with pytest.warns(UserWarning, match="cache cannot be written"):
        assert len(sprites.load_world(small)) > 100


# ---- a bad recipe or sheet says what to mend ----


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'hat = ["wizard"] }',
            'hat = ["wizzard"] }',
            r"recipe\.toml: rule 1 names 'wizzard'.*Use one of: none, wizard",
        ),
        (
            'when = { hat = ["wizard"] }',
            'when = { hut = ["wizard"] }',
            r"rule 1 names the attribute 'hut'. Known: view",
        ),
        ("#3e7cdc", "#3e7cd", r"recipe\.toml: '#3e7cd' is not a colour. Write it as #rrggbb"),
        ('blue = ["#181c54", ', "blue = [", r"ramp 'blue' of 'outfit_colour' must have 4 colours"),
        ('"blue", "green"', '"green", "blue"', r"ramps of 'outfit_colour'.*Name them alike"),
        ('skin = "fair"', 'skin = "green"', r"the cast's Bob names 'green'.*Use one of: fair"),
        ('held = "none"', 'held = "sword"', r"the rules do not allow the cast's Bob"),
        ('in_training = ["Bob"', 'in_training = ["Bobby"', r"the split names 'Bobby'"),
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


def test_world_is_found_from_any_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (sprites.SPRITES / "recipe.toml").is_file() and sprites.SPRITES.is_absolute()
