"""A learner's own sprites: what can be read is read, and said; the rest gets an error that says how to mend it."""

import io
import os
import re
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.world import readers, sprites
from helpers.world.sprites import SpriteError

CLEAR, OPAQUE = np.zeros((16, 16, 1), np.uint8), np.full((16, 16, 1), 255, np.uint8)


def drawings(n, seed=0):
    """n different sprites, uint8 (n, 16, 16, 3)."""
    return np.random.default_rng(seed).integers(0, 255, size=(n, 16, 16, 3), dtype=np.uint8)


def sheet_of(tiles, rows):
    """Tiles (n, height, width, channels) put together row by row."""
    n, height, width, channels = tiles.shape
    columns = n // rows
    return tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2).reshape(rows * height, -1, channels)


def save(folder, images, suffix=".png", **options):
    """One file an image: 00.png, 01.png ... Returns the folder."""
    folder.mkdir(exist_ok=True, parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:02d}{suffix}", **options)
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder of ten good sprites, 00.png to 09.png."""
    return save(tmp_path / "mine", drawings(10))


@pytest.fixture
def load(capsys):
    """sprites.load, and what it printed: (world, text)."""

    def load(*arguments, **options):
        capsys.readouterr()
        return sprites.load(*arguments, **options), capsys.readouterr().out

    return load


# ---- a folder, a sheet, an array ----


def test_folder(folder, load):
    world, text = load(str(folder))
    assert text == "Loaded 10 sprites.\n- 10 sprites from 10 files of 16×16.\n"
    np.testing.assert_array_equal(world.images, drawings(10))
    assert not world.known and not world.shipped
    assert world.attributes == world.labels == world.describe(0) == {}
    assert world.cast == {"Bob": 0, "Nancy": 1, "Fred": 2}


@pytest.mark.parametrize("n", [4, 10, 12_000])
def test_array_and_its_split(tmp_path, n, load):
    np.save(tmp_path / "mine.npy", drawings(n))
    world, text = load(tmp_path / "mine.npy")
    assert text == f"Loaded {n:,} sprites.\n- {n:,} sprites from {n:,} pictures of 16×16.\n"
    np.testing.assert_array_equal(world.images, drawings(n))
    train_idx, held_out_idx = world.split()
    np.testing.assert_array_equal(np.sort(np.concatenate([train_idx, held_out_idx])), np.arange(n))
    assert len(train_idx) == min(10_000, n * 9 // 10)
    assert {0, 1} <= set(train_idx) and 2 in held_out_idx
    np.testing.assert_array_equal(sprites.load(tmp_path / "mine.npy").split()[0], train_idx)
    world.images[0] = 0  # the learner's file stays as it is
    np.testing.assert_array_equal(np.load(tmp_path / "mine.npy"), drawings(n))


def test_duplicates_are_left_out_before_the_split_and_counted(tmp_path, load):
    images = drawings(40)
    np.save(tmp_path / "mine.npy", np.concatenate([images[:1], images[:20], images]))
    world, text = load(tmp_path / "mine.npy")
    assert "Loaded 40 sprites.\n" in text and "61 sprites from" in text and "\n- 21 duplicates left out.\n" in text
    np.testing.assert_array_equal(world.images, images)  # the first of each, in their order


@pytest.mark.parametrize("suffix, kind", [(".gif", "GIF"), (".bmp", "BMP"), (".webp", "WEBP"), (".JPG", "JPEG")])
def test_other_formats(tmp_path, load, suffix, kind):
    blocks = drawings(10)[:, ::4, ::4].repeat(4, axis=1).repeat(4, axis=2)  # few colours, for a GIF
    save(tmp_path / "mine", blocks, suffix, **({"lossless": True} if kind == "WEBP" else {}))
    world, text = load(tmp_path / "mine")
    assert f"\n- Formats: 10 {kind}." in text and ("JPEG blurs colours" in text) == (kind == "JPEG")
    assert np.abs(world.images.astype(int) - blocks).mean() < (20 if kind == "JPEG" else 0.01)
    assert len(load(tmp_path / "mine" / f"00{suffix}", tile=4)[0]) > 4  # one file, too


def test_a_picture_is_what_it_is_whatever_its_name(folder, load):
    Image.fromarray(drawings(1, seed=1)[0]).save(folder / "10.png", "BMP")
    world, text = load(folder)
    assert len(world) == 11 and "Formats: 10 PNG, 1 BMP." in text


def test_only_the_first_frame_of_an_animation_is_read_and_the_rest_counted(folder, load):
    first, *others = map(Image.fromarray, drawings(5, seed=1))
    for name in ("10.png", "11.webp"):
        first.save(folder / name, save_all=True, append_images=others, lossless=True)
    frames = [frame.quantize(8) for frame in (first, *others)]
    frames[0].save(folder / "12.gif", save_all=True, append_images=frames[1:])
    world, text = load(folder)
    assert "3 animations: only the first frame of each was read, not the other 12." in text
    assert len(world) == 12 and "1 duplicate left out" in text  # the PNG and the WebP begin alike
    np.testing.assert_array_equal(world.images[10], np.asarray(first))


# ---- what nothing is drawn on, and what cannot be seen ----


def test_only_wholly_transparent_tiles_are_left_out(tmp_path, load):
    tiles = np.concatenate([drawings(8), np.full((4, 16, 16, 3), 255, np.uint8)])  # of these, two clear, two white
    opacity = np.stack([OPAQUE] * 8 + [CLEAR, OPAQUE, CLEAR, OPAQUE])
    Image.fromarray(sheet_of(np.concatenate([tiles, opacity], axis=-1), rows=3)).save(tmp_path / "sheet.png")
    world, text = load(tmp_path / "sheet.png")
    assert "12 sprites from 1 file of 64×48, cut into tiles of 16×16.\n- 2 wholly transparent tiles left out.\n" in text
    assert "1 duplicate left out" in text
    np.testing.assert_array_equal(world.images, tiles[:9])


def test_see_through_pixels_take_the_background(folder, load):
    drawing = np.zeros((16, 16, 4), dtype=np.uint8)
    drawing[0, :2] = (200, 0, 0, 255), (200, 0, 0, 51)  # red, and one fifth of red
    Image.fromarray(drawing).save(folder / "00.png")
    world, text = load(folder)
    assert world.images[0, 0, :3].tolist() == [[200, 0, 0], [244, 204, 204], [255, 255, 255]]
    assert "See-through pixels of 1 sprite took the colour of the background, (255, 255, 255)" in text
    other, text = load(folder, background=(0, 100, 255))
    assert other.images[0, 0, :3].tolist() == [[200, 0, 0], [40, 80, 204], [0, 100, 255]]
    assert "(0, 100, 255)" in text


def test_white_on_transparency_is_refused_by_name_until_it_can_be_seen(tmp_path, load):
    """56 files, ten of them white; and others that are only partly so."""
    opacity = (np.random.default_rng(0).random((56, 16, 16, 1)) < 0.5) * np.uint8(255)
    white = np.concatenate([np.full((56, 16, 16, 3), 255, np.uint8), opacity], axis=-1)
    images = np.concatenate([drawings(56), opacity], axis=-1)
    images[20:30] = white[20:30]
    images[30:35, :8] = white[30:35, :8]
    save(tmp_path / "mine", images)
    with pytest.raises(SpriteError, match=r"20\.png: .*colour of the background.*in 10 sprites.*background=\(90, "):
        load(tmp_path / "mine")
    world, text = load(tmp_path / "mine", background=(90, 110, 140))
    assert len(world) == 56 and "left out" not in text
    Image.fromarray(np.concatenate([np.zeros((16, 16, 3), np.uint8), opacity[0]], axis=-1)).save(tmp_path / "black.png")
    with pytest.raises(SpriteError, match=r"black\.png: .*colour of the background, \(0, 0, 0\)"):
        load(tmp_path / "black.png", background=(0, 0, 0))


@pytest.mark.parametrize("background", [(1.0, 1.0, 1.0), (256, 0, 0), (-1, 0, 0), "white", (0, 0)])
def test_a_background_that_is_no_colour(folder, background):
    with pytest.raises((TypeError, ValueError)):
        sprites.load(folder, background=background)


# ---- what is not 16x16 ----


def larger(n, size=32):
    """n drawings of a larger size, with details of one pixel."""
    return np.random.default_rng(1).integers(0, 255, (n, size, size, 3), dtype=np.uint8)


def test_larger_files_are_cut_and_it_is_said(tmp_path, load):
    images = larger(10)
    world, text = load(save(tmp_path / "mine", images))
    assert "40 sprites from 10 files of 32×32, cut into tiles of 16×16." in text
    assert "All have this one larger size" in text and "tile=(32, 32)" in text  # a warning
    np.testing.assert_array_equal(
        world.images[:4], [images[0, y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16)]
    )
    world, text = load(tmp_path / "mine", tile=32)
    assert "10 sprites from 10 files of 32×32" in text and "each 2×2 pixels their average" in text
    np.testing.assert_allclose(world.images[3, 0, 0], images[3, :2, :2].mean((0, 1)), atol=0.51)


def test_sheets_of_several_sizes_are_no_reason_to_warn(tmp_path, load):
    save(tmp_path / "mine", [larger(1, 32)[0], larger(1, 48)[0]])
    _, text = load(tmp_path / "mine")
    assert "4 sprites from 1 file of 32×32" in text and "9 sprites from 1 file of 48×48" in text
    assert "All have" not in text


@pytest.mark.parametrize("k", [2, 3, 4, 10])
def test_whole_number_enlargements_are_brought_back(tmp_path, load, k):
    enlarged = drawings(10).repeat(k, axis=1).repeat(k, axis=2)
    size = f"{16 * k}×{16 * k}"
    world, text = load(save(tmp_path / "mine", enlarged))
    assert f"10 sprites from 10 files of {size}, enlarged {k} times and brought back to 16×16." in text
    assert "All have" not in text
    np.testing.assert_array_equal(world.images, drawings(10))
    np.save(tmp_path / "mine.npy", enlarged)
    np.testing.assert_array_equal(load(tmp_path / "mine.npy")[0].images, drawings(10))
    Image.fromarray(sheet_of(enlarged, rows=2)).save(tmp_path / "sheet.png")
    world, text = load(tmp_path / "sheet.png")
    assert f"enlarged {k} times and brought back to 80×32, cut into tiles of 16×16." in text
    np.testing.assert_array_equal(world.images, drawings(10))


def test_each_file_is_brought_back_by_its_own_factor_and_order_is_kept(tmp_path, load):
    images = [drawings(9)[i].repeat(k, axis=0).repeat(k, axis=1) for i, k in enumerate([1, 4, 2, 4, 1, 3, 2, 4, 1])]
    images.append(larger(1, 64)[0])  # among those of 64x64, one that was never enlarged
    world, text = load(save(tmp_path / "mine", images))
    np.testing.assert_array_equal(world.images[:9], drawings(9))
    assert "3 sprites from 3 files of 64×64, enlarged 4 times" in text
    assert "16 sprites from 1 file of 64×64, cut into tiles of 16×16." in text


def test_enlarged_sprites_on_transparency_whatever_lies_hidden_there(tmp_path, load):
    images = np.concatenate([drawings(6), np.stack([OPAQUE] * 6)], axis=-1).repeat(3, axis=1).repeat(3, axis=2)
    images[:, :24] = np.random.default_rng(2).integers(0, 255, images[:, :24].shape)
    images[:, :24, :, 3] = 0
    world, text = load(save(tmp_path / "mine", images))
    assert "6 sprites from 6 files of 48×48, enlarged 3 times" in text
    np.testing.assert_array_equal(world.images[:, 8:], drawings(6)[:, 8:])


@pytest.mark.parametrize("margin, spacing", [(0, 1), (1, 1), (2, 0), ((3, 1), (0, 2))])
def test_margin_and_spacing_of_a_sheet(tmp_path, load, margin, spacing):
    tiles, (mx, my), (sx, sy) = drawings(12), np.broadcast_to(margin, 2), np.broadcast_to(spacing, 2)
    sheet = np.zeros((my + 3 * (16 + sy), mx + 4 * (16 + sx), 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = my + i // 4 * (16 + sy), mx + i % 4 * (16 + sx)
        sheet[y : y + 16, x : x + 16] = tile
    Image.fromarray(sheet).save(tmp_path / "sheet.png")
    world, text = load(tmp_path / "sheet.png", tile=16, margin=margin, spacing=spacing)
    np.testing.assert_array_equal(world.images, tiles)
    assert f"left out: {mx}×{my} pixels before, {sx}×{sy} between" in text
    np.testing.assert_array_equal(load(tmp_path / "sheet.png", margin=margin, spacing=spacing)[0].images, tiles)
    if sheet.shape[0] % 16 or sheet.shape[1] % 16:
        with pytest.raises(SpriteError, match=r"sheet\.png: .*a sheet of such tiles.*tile=, margin= and spacing="):
            load(tmp_path / "sheet.png")


def test_what_is_left_over_of_a_sheet_is_said(tmp_path, load):
    Image.fromarray(larger(1, 60)[0]).save(tmp_path / "sheet.png")
    world, text = load(tmp_path / "sheet.png", tile=16)
    assert len(world) == 9 and "12×12 after" in text


def test_figures_of_another_size(tmp_path, load):
    """A sheet of 192x144 pixels with figures of 16x18, two rows of which are empty above all heads but one."""
    tiles = np.full((96, 18, 16, 3), 255, np.uint8)
    tiles[:, 2:] = drawings(96)
    tiles[5, 0, 0] = 0
    Image.fromarray(sheet_of(tiles, rows=8)).save(tmp_path / "sheet.png")
    assert "108 sprites from 1 file of 192×144, cut into tiles of 16×16." in load(tmp_path / "sheet.png")[1]
    world, text = load(tmp_path / "sheet.png", tile=(16, 18))
    assert "96 sprites from 1 file of 192×144, cut into tiles of 16×18." in text
    assert "Tiles of 16×18 became 16×16 by cutting off or adding background; 1 sprite lost something" in text
    np.testing.assert_array_equal(world.images, drawings(96))


def test_small_tiles_get_background_around_them(tmp_path, load):
    Image.fromarray(sheet_of(drawings(8)[:, :12, :14], rows=2)).save(tmp_path / "sheet.png")
    world, text = load(tmp_path / "sheet.png", tile=(14, 12), background=(9, 8, 7))
    assert "adding background; 0 sprites lost" in text
    np.testing.assert_array_equal(world.images[:, 2:14, 1:15], drawings(8)[:, :12, :14])
    assert (world.images[:, :2] == (9, 8, 7)).all()


@pytest.mark.parametrize("size", [(15, 16), (8, 8), (20, 16), (100, 16)])
def test_sizes_that_are_no_sheet(folder, load, size):
    Image.new("RGB", size).save(folder / "bad.png")
    with pytest.raises(SpriteError, match=rf"bad\.png: {size[0]}×{size[1]} pixels.*tile=\(width, height\)"):
        load(folder)


def test_an_array_of_larger_pictures_is_not_cut_but_averaged_when_told(tmp_path, load):
    np.save(tmp_path / "mine.npy", larger(10))
    with pytest.raises(SpriteError, match=r"mine\.npy: 32×32 pixels.*tile=\(width, height\)"):
        load(tmp_path / "mine.npy")
    assert len(load(tmp_path / "mine.npy", tile=32)[0]) == 10


@pytest.mark.parametrize("options", [{"tile": 0}, {"tile": 1.5}, {"spacing": -1}, {"margin": "1"}, {"tile": (1, 2, 3)}])
def test_numbers_that_mean_nothing(folder, options):
    with pytest.raises((TypeError, ValueError)):
        sprites.load(folder, **options)


# ---- where files lie, and their names ----


def test_names_that_begin_with_a_dot_are_not_looked_at(folder, load):
    for number in range(10):
        (folder / f"._{number:02d}.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "bad.png").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._00.png").write_bytes(b"\0\5\x16\7")
    assert load(folder)[1] == "Loaded 10 sprites.\n- 10 sprites from 10 files of 16×16.\n"


def test_other_files_are_mentioned(folder, load):
    (folder / "notes.txt").write_text("not a picture")
    (folder / "Thumbs.db").touch()
    assert "2 other files not read, such as Thumbs.db." in load(folder)[1]


def test_class_folders(tmp_path, load):
    images = drawings(12)
    save(tmp_path / "mine" / "mage", images[:3])
    save(tmp_path / "mine" / "Knight", images[3:8])
    save(tmp_path / "mine" / "thief" / "night", images[8:12])
    world, text = load(tmp_path / "mine")
    assert "3 classes: Knight (5), mage (3), thief/night (4)." in text
    assert not world.known and world.attributes == {"class": ("Knight", "mage", "thief/night")}
    np.testing.assert_array_equal(world.images, images[[3, 4, 5, 6, 7, 0, 1, 2, 8, 9, 10, 11]])  # in order of names
    assert world.labels["class"].tolist() == [0] * 5 + [1] * 3 + [2] * 4
    assert world.describe(0) == {"class": "Knight"} and world.describe(11) == {"class": "thief/night"}


def test_files_beside_class_folders_are_read_too(folder, load):
    save(folder / "mage", drawings(5, seed=1))
    world, text = load(folder)
    assert len(world) == 15 and "2 classes: . (10), mage (5)." in text


def test_a_duplicate_in_another_class_is_said(tmp_path, load):
    save(tmp_path / "mine" / "a", drawings(5))
    save(tmp_path / "mine" / "b", drawings(7)[3:])
    world, text = load(tmp_path / "mine")
    assert "2 duplicates left out" in text and "2 duplicates had another class than the first of its like" in text
    assert world.labels["class"].tolist() == [0] * 5 + [1] * 2


def test_the_order_of_names_is_the_same_on_every_system(tmp_path, load):
    names = ["a.png", "B.png", "c.PNG", "D.png", "é.png", "Z.png", "ß.png", "b/x.png", "A/x.png"]
    rng = np.random.default_rng(0)
    for spelt in ("NFC", "NFD"):  # as macOS once wrote names
        folder = tmp_path / spelt
        for i in rng.permutation(len(names)):
            path = folder / unicodedata.normalize(spelt, names[i])
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawings(len(names))[i]).save(path)
        order = [names.index(name) for name in ("A/x.png", "a.png", "b/x.png", "B.png", "c.PNG", "D.png", "ß.png")]
        images = load(folder)[0].images
        np.testing.assert_array_equal(images[:7], drawings(len(names))[order])
        np.testing.assert_array_equal(images[7:], drawings(len(names))[[names.index("Z.png"), names.index("é.png")]])


def test_home_and_relative_paths(folder, tmp_path, load, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    for path in ("~/mine", "../mine", Path("../mine"), os.path.join("..", "mine", "")):
        assert len(load(path)[0]) == 10
    for path, looked_at in (("mine", "notebooks/mine"), ("../nine/x.png", "nine/x.png"), ("x.npy", "notebooks/x.npy")):
        with pytest.raises(SpriteError) as error:
            load(path)
        assert f"{path}: no such file or folder. Looked for {tmp_path / looked_at}." in str(error.value)
        assert "A relative path starts beside the notebook. Check the path." in str(error.value)
    for path in ("~/nine", tmp_path / "nine"):
        with pytest.raises(SpriteError, match="Looked for") as error:
            load(path)
        assert str(tmp_path / "nine") in str(error.value) and "A relative" not in str(error.value)


def test_links_are_read(folder, tmp_path, load):
    (tmp_path / "linked").mkdir()
    for file in folder.iterdir():
        (tmp_path / "linked" / file.name).symlink_to(file)
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a").symlink_to(folder)
    (tmp_path / "class" / "back").symlink_to("..")  # would lead round in a circle
    (tmp_path / "class" / "again").symlink_to(".")
    (tmp_path / "to all").symlink_to(folder)
    (tmp_path / "sheet.png").symlink_to(save(tmp_path / "one", [larger(1, 64)[0]]) / "00.png")
    np.save(tmp_path / "real.npy", drawings(10))
    (tmp_path / "mine.npy").symlink_to("real.npy")
    for name, n in {"linked": 10, "class": 10, "to all": 10, "mine.npy": 10, "sheet.png": 16}.items():
        assert len(load(tmp_path / name)[0]) == n, name


@pytest.mark.parametrize("target", ["gone.png", "bad.png"])
def test_links_that_lead_nowhere(folder, target):
    (folder / "bad.png").symlink_to(target)
    with pytest.raises(SpriteError, match=r"bad\.png: no such file"):
        sprites.load(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["bad.png", "bad.npy"])
def test_a_pipe_is_not_waited_for(folder, name):
    os.mkfifo(folder / name)
    with pytest.raises(SpriteError, match=rf"{name}: .*not a plain one. Check the path"):
        sprites.load(folder / name)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(SpriteError, match=r"no \.png .*\.webp, and no other files\. Put pictures there"):
        sprites.load(tmp_path)
    Image.fromarray(drawings(1)[0]).save(tmp_path / "a.tga")
    with pytest.raises(SpriteError, match=r"only files such as a\.tga.*Image\.open\(path\).*\.save\('sprite\.png'\)"):
        sprites.load(tmp_path)
    with pytest.raises(
        SpriteError, match=r"a\.tga: not a PNG, .*picture.*Image\.open\(path\).*\.save\('sprite\.png'\)"
    ):
        sprites.load(tmp_path / "a.tga")


# ---- which pixels are see-through, and 16 bits ----


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, kind, extra=b""):
    """A PNG from its samples, (16, 16) or (16, 16, channels) whole numbers below 2**depth, with extra chunks."""
    bits = np.unpackbits(samples.astype(">u2").reshape(16, -1, 1).view(np.uint8), axis=-1)[..., -depth:]
    rows = np.packbits(bits.reshape(16, -1), axis=1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def with_others(folder, content):
    """A folder whose first picture is `content`."""
    save(folder, drawings(5))
    (folder / "00.png").write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "opacity", [b"\0\x0a", b"\xff\0\x0a", b"\0", b"\xff\0", b"\x80\x0a\0", b"\0\0\0\0", b"\x0a\x0a\x0a\x0a"]
)
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_opacities_of_a_palette(tmp_path, load, opacity, depth):
    """Pillow takes 00 0a for 00 alone."""
    n = min(4, 2**depth)
    opacity, palette = opacity[:n], np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200], [90, 90, 90]])[:n]
    samples = np.arange(256).reshape(16, 16) % n
    extra = chunk(b"PLTE", palette.astype(np.uint8).tobytes()) + chunk(b"tRNS", opacity)
    mine = with_others(tmp_path / "mine", png(samples, depth, 3, extra))
    alpha = np.frombuffer(opacity.ljust(n, b"\xff"), np.uint8)[:, None] / 255
    expected = np.rint(palette * alpha + np.array([10, 20, 30]) * (1 - alpha))
    if not alpha.any():
        assert "1 wholly transparent tile left out" in load(mine)[1]
    elif np.abs(expected - (10, 20, 30)).max() <= 16:
        with pytest.raises(SpriteError, match=r"00\.png: .* nearly, the colour of the background"):
            load(mine, background=(10, 20, 30))
    else:
        np.testing.assert_array_equal(load(mine, background=(10, 20, 30))[0].images[0], expected[samples])


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("dirt", [0, 0xFF00])  # bits beyond the depth mean nothing
def test_the_see_through_grey_of_a_png(tmp_path, load, depth, dirt):
    highest = 2**depth - 1
    samples = np.random.default_rng(0).integers(0, highest + 1, (16, 16))
    samples[0, :2] = highest, 0
    key = int(samples[0, 0]) | dirt & ~highest
    world, _ = load(
        with_others(tmp_path / "mine", png(samples, depth, 0, chunk(b"tRNS", struct.pack(">H", key)))),
        background=(9, 9, 200),
    )
    grey = (samples * 255 // highest)[..., None].repeat(3, axis=-1)
    np.testing.assert_array_equal(world.images[0], np.where(samples[..., None] == highest, (9, 9, 200), grey))


def test_the_see_through_colour_of_a_png(tmp_path, load):
    samples = drawings(1)[0]
    samples[3, 4] = samples[0, 0]
    key = chunk(b"tRNS", struct.pack(">HHH", *map(int, samples[0, 0])))
    world, _ = load(with_others(tmp_path / "mine", png(samples, 8, 2, key)), background=(1, 2, 3))
    expected = samples.copy()
    expected[0, 0] = expected[3, 4] = (1, 2, 3)
    np.testing.assert_array_equal(world.images[0], expected)
    deep = with_others(tmp_path / "deep", png(samples.astype(int) * 257, 16, 2, key))
    with pytest.raises(SpriteError, match=r"00\.png: 16 bits a colour.*see-through.*Save it with 8 bits"):
        load(deep)  # Pillow keeps 8 of the 16 bits, so the colour cannot be found


@pytest.mark.parametrize("kind, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bits_a_colour(tmp_path, load, kind, channels):
    samples = np.random.default_rng(0).integers(0, 2**16, (16, 16, channels))
    if channels in (2, 4):
        samples[..., -1] = 2**16 - 1
    world, text = load(with_others(tmp_path / "mine", png(samples, 16, kind)))
    assert "1 file of 16 bits a colour: the upper 8 were kept." in text
    colour = samples[..., :3] if channels > 2 else samples[..., :1].repeat(3, axis=-1)
    np.testing.assert_array_equal(world.images[0], colour >> 8)
    if channels in (1, 3):  # 8 bits stored in 16: black, or 255 is white?
        with pytest.raises(SpriteError, match=r"00\.png: 16 bits a colour, and nearly black.*8\b"):
            load(with_others(tmp_path / "dark", png(samples >> 8, 16, kind)))


# ---- arrays of other kinds ----


@pytest.mark.parametrize(
    ("convert", "says", "exact"),
    [
        (lambda x: x.astype(np.float32) / 255, "Of float32 from 0 to .*, 0 is black, 1 is white.", True),
        (lambda x: x / 255, "Of float64 .*, 0 is black, 1 is white.", True),
        (lambda x: (x / 255).astype(np.float16), "Of float16 .*, 0 is black, 1 is white.", True),
        (lambda x: x.astype(np.float32) / 127.5 - 1, "Of float32 from -1 to .*, -1 is black, 1 is white.", True),
        (lambda x: x.astype(np.float64), "Of float64 .*, 0 is black, 255 is white", True),
        (lambda x: x.astype(np.int64), "Of int64 .*, 0 is black, 255 is white", True),
        (lambda x: x.astype(">u2"), "Of .*, 0 is black, 255 is white", True),
        (lambda x: x > 127, "Of bool .*, False is black, True is white.", False),
        (
            lambda x: x.transpose(0, 3, 1, 2),
            "channels of uint8 .10, 3, 16, 16. came first",
            True,
        ),
        (lambda x: x.transpose(0, 3, 1, 2) / np.float32(255), "came first.*\n.*, 0 is black, 1 is white.", True),
        (lambda x: np.asfortranarray(x), "10 sprites", True),
        (lambda x: x[..., :1], "Grey became equal red, green and blue.", False),
        (lambda x: x[..., 0], "Grey became equal red, green and blue.", False),
        (lambda x: x[:, None, :, :, 0], "Grey became", False),
        (lambda x: x[..., 0] / 255, "0 is black, 1 is white.*\n.*Grey became", False),
    ],
)
def test_arrays_with_one_reading(tmp_path, load, convert, says, exact):
    images = drawings(10)
    images[0, 0, 0] = 0
    np.save(tmp_path / "mine.npy", convert(images))
    np.savez_compressed(tmp_path / "mine.npz", sprites=convert(images))
    world, text = load(tmp_path / "mine.npy")
    assert re.search(says, text), text
    if exact:
        np.testing.assert_array_equal(world.images, images)
    elif "Grey" in says:
        np.testing.assert_array_equal(world.images, images[..., :1].repeat(3, axis=-1))
    else:
        np.testing.assert_array_equal(world.images, np.where(images > 127, 255, 0))
    np.testing.assert_array_equal(load(tmp_path / "mine.npz")[0].images, world.images)


def test_an_array_with_opacities(tmp_path, load):
    images = np.concatenate([drawings(6), np.stack([OPAQUE] * 5 + [CLEAR])], axis=-1)
    images[0, 0, 0, 3] = 0
    np.save(tmp_path / "mine.npy", images)
    world, text = load(tmp_path / "mine.npy")
    assert len(world) == 5 and "1 wholly transparent tile left out" in text and "See-through pixels of 1 sprite" in text
    assert world.images[0, 0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (drawings(5) / 100, r"holds float64 \(5, 16, 16, 3\) from 0 to 2\.54.*np\.save"),
        (drawings(5) / 127.5 - 1.5, r"from -1\.5 to .*black.*white.*np\.save"),
        (drawings(5).astype(np.int16) - 128, r"from -128 to 126.*np\.save"),
        (drawings(5).astype(np.uint16) * 257, r"from 0 to 65278.*np\.save"),
        (drawings(5) // 128, r"uint8 .* from 0 to 1\. .*np\.save"),  # shares, or nearly black?
        (drawings(5)[..., 0] // 16, r"from 0 to 15\. .*np\.save"),  # numbers of a palette?
        (np.where(drawings(5) > 9, np.nan, 1.0), r"from nan.*np\.save"),
        (np.where(drawings(5) > 9, np.inf, 1.0), r"to inf.*np\.save"),
        (drawings(5) * 1j, r"complex128.*np\.save"),
        (drawings(5).astype("U3"), r"<U3 \(5, 16, 16, 3\), not numbers.*np\.save"),
        (drawings(5).reshape(5, 768), r"\(5, 768\), not numbers.*reshape\(-1, 16, 16, 3\)"),
        (drawings(5).transpose(1, 2, 3, 0), r"np\.moveaxis\(np\.load\(path\), -1, 0\)"),
        (drawings(5)[0], r"\(16, 16, 3\), not numbers.*Image\.fromarray"),
        (drawings(5)[..., :2], r"\(5, 16, 16, 2\), not numbers"),
        (drawings(5)[:, :8], r"16×8 pixels"),
        (drawings(0), r"\(0, 16, 16, 3\)"),
        (np.uint8(3), r"uint8 \(\), not numbers"),
    ],
)
def test_arrays_without_one_reading(tmp_path, array, says):
    np.save(tmp_path / "mine.npy", array)
    with pytest.raises(SpriteError, match=r"mine\.npy: .*" + says):
        sprites.load(tmp_path / "mine.npy")


def test_an_npz_with_several_arrays_asks_which(tmp_path):
    np.savez(tmp_path / "mine.npz", train=drawings(5), test=drawings(5))
    with pytest.raises(SpriteError, match=r"mine\.npz: holds train\.npy, test\.npy.*np\.load\(path\)\[name\]"):
        sprites.load(tmp_path / "mine.npz")


def one_hot(classes, k=5):
    return np.eye(k)[classes]


CLASSES = np.array([0, 4, 1, 1, 3, 0, 4, 4, 0, 1])


@pytest.mark.parametrize(
    "labels",
    [
        one_hot(CLASSES),
        one_hot(CLASSES).astype(np.float32),
        one_hot(CLASSES).astype(np.uint8),
        one_hot(CLASSES).astype(bool),
        CLASSES,
        CLASSES.astype(np.uint8),
        CLASSES.astype(np.float64),
        CLASSES[:, None],
    ],
)
def test_labels_beside_an_array(tmp_path, load, labels):
    images = drawings(10)
    images[5] = images[0]  # a duplicate, whose label goes with it
    np.save(tmp_path / "sprites.npy", images)
    np.save(tmp_path / "labels.npy", labels)
    world, text = load(tmp_path / "sprites.npy", labels=tmp_path / "labels.npy")
    assert "4 classes: 0 (2), 1 (3), 3 (1), 4 (3)." in text
    assert not world.known and world.attributes == {"class": ("0", "1", "3", "4")}
    assert [world.describe(i)["class"] for i in range(9)] == list("041134401")


def test_labels_may_be_words(tmp_path, load):
    np.save(tmp_path / "sprites.npy", drawings(4))
    np.save(tmp_path / "labels.npy", np.array(["mage", "knight", "mage", "thief"]))
    assert load(tmp_path / "sprites.npy", labels=tmp_path / "labels.npy")[0].attributes["class"] == (
        "knight",
        "mage",
        "thief",
    )


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (CLASSES[:9], r"holds int64 \(9,\) for 10 pictures"),
        (one_hot(CLASSES)[:9], r"holds .* \(9,\) for 10 pictures"),
        (one_hot(CLASSES) * 0.9, r"10 of 10 rows are not all 0 but for one 1"),
        (np.maximum(one_hot(CLASSES), one_hot([2] * 10)), "10 of 10 rows"),
        (one_hot(CLASSES) * 0, "10 of 10 rows"),
        (CLASSES + 0.5, r"holds float64 \(10,\)"),
        (CLASSES * np.nan, r"holds float64 \(10,\)"),
        (one_hot(CLASSES)[None], r"\(1, 10, 5\)"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, says):
    np.save(tmp_path / "sprites.npy", drawings(10))
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(SpriteError, match=r"labels\.npy: .*" + says + r".*np\.save"):
        sprites.load(tmp_path / "sprites.npy", labels=tmp_path / "labels.npy")


def test_labels_that_are_not_there_or_go_with_a_folder(folder, tmp_path):
    np.save(tmp_path / "sprites.npy", drawings(10))
    with pytest.raises(SpriteError, match=r"gone\.npy: no such file or folder. Looked for"):
        sprites.load(tmp_path / "sprites.npy", labels=tmp_path / "gone.npy")
    with pytest.raises(SpriteError, match=r"mine: labels go with a \.npy. Put the pictures of a class in a folder"):
        sprites.load(folder, labels=tmp_path / "sprites.npy")


# ---- which are nearly alike ----


def test_frames_of_an_animation_are_said_to_be_nearly_alike(tmp_path, load):
    frames = drawings(1).repeat(46, axis=0)
    for i, frame in enumerate(frames):
        frame[i % 16, i // 16 :: 4] ^= 128  # a few pixels, and clearly
    others = drawings(20, seed=1)
    np.save(tmp_path / "mine.npy", np.concatenate([frames, others]))
    assert "46 of them are nearly alike" in load(tmp_path / "mine.npy")[1]
    np.save(tmp_path / "others.npy", others)
    assert "alike" not in load(tmp_path / "others.npy")[1]


def test_of_many_sprites_some_are_tried(tmp_path, load):
    images = drawings(16_000)
    images[8_000:] = images[:8_000]
    images[8_000:12_000, 5, 5] ^= 255  # 8,000 of the 12,000 that are left have a twin
    np.save(tmp_path / "mine.npy", images)
    text = load(tmp_path / "mine.npy")[1]
    k, n = re.search(r"([\d,]+) of ([\d,]+) that were tried are nearly alike", text).groups()
    assert n == "3,333" and 2_100 < int(k.replace(",", "")) < 2_340


# ---- damaged files, and files that would fill the memory ----


def header_only(width, height):
    """A PNG of some sixty bytes that claims to be width x height pixels."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def encoded(array, kind="PNG", mode="RGB"):
    stream = io.BytesIO()
    Image.fromarray(array).convert(mode).save(stream, kind)
    return stream.getvalue()


GOOD = encoded(drawings(1)[0])
BAD_PICTURES = {
    "not an image": (b"hello", r"not a PNG, JPEG, GIF, BMP or WebP picture. Save it as a plain PNG"),
    "empty": (b"", r"not a PNG"),
    "a text file's head": (b"\x89PNG\r\n\x1a\n" + b"nonsense" * 9, r"(not a PNG|damaged).*[Ss]ave it"),
    "cut short": (GOOD[:400], r"damaged or cut short.*Save it anew"),
    "one bit": (bytes(b ^ (i == 300) for i, b in enumerate(GOOD)), r"damaged or cut short"),
    "large": (header_only(16_000, 16_000), r"far too large.*Use at most 16,000,000 pixels"),
    "large, but not for Pillow": (header_only(8_000, 8_000), r"far too large.*Use at most 16,000,000 pixels"),
    "vast": (header_only(2_000_000, 2_000_000), r"far too large.*Use at most 16,000,000 pixels"),
    "a chunk too short": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(12)), r"damaged or cut short"),
    "a text that unpacks to gigabytes": (
        GOOD[:33] + chunk(b"zTXt", b"text\0\0" + zlib.compress(bytes(10**8))) + GOOD[33:],
        r"damaged or cut short.*too large",
    ),
    "a JPEG cut short": (encoded(drawings(1)[0], "JPEG")[:300], r"damaged or cut short"),
    "for print": (encoded(drawings(1)[0], "JPEG", "CMYK"), r"CMYK.*Image\.open"),
    "a TIFF": (encoded(drawings(1)[0], "TIFF"), r"not a PNG.*Image\.open"),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_bad_pictures(folder, kind):
    data, message = BAD_PICTURES[kind]
    (folder / "bad.png").write_bytes(data)
    for path in (folder, folder / "bad.png"):
        with pytest.raises(SpriteError, match=r"bad\.png: .*" + message):
            sprites.load(path)


def test_a_file_far_too_large(folder):
    with open(folder / "bad.png", "wb") as file:
        file.truncate(2**36)  # takes no room on the disk
    with pytest.raises(SpriteError, match=r"bad\.png: far too large \(68,719,476,736 bytes\)"):
        sprites.load(folder)


def test_pictures_are_counted_before_they_fill_the_memory(folder, monkeypatch):
    monkeypatch.setattr("helpers.world.own.MAX_SPRITES", 3)
    (folder / "09.png").write_bytes(b"not looked at any more")
    with pytest.raises(SpriteError, match=r"mine: more pixels than 3 sprites have. Use fewer"):
        sprites.load(folder)


def test_too_few_distinct_sprites(tmp_path, capsys):
    np.save(tmp_path / "mine.npy", drawings(3).repeat(5, axis=0))
    with pytest.raises(SpriteError, match=r"mine\.npy: 3 distinct sprites. Add more: 4 at least"):
        sprites.load(tmp_path / "mine.npy")
    assert "12 duplicates left out" in capsys.readouterr().out
    Image.new("RGBA", (64, 64)).save(tmp_path / "blank.png")
    with pytest.raises(SpriteError, match=r"blank\.png: 0 distinct sprites. Add more"):
        sprites.load(tmp_path / "blank.png")


class Trap:
    """Unpickling it raises the flag."""

    sprung = False

    def __setstate__(self, state):
        Trap.sprung = True

    def __getstate__(self):
        return {"a": 1}


@pytest.mark.parametrize("name", ["mine.npy", "mine.npz"])
def test_object_arrays_are_never_unpickled(tmp_path, name):
    Trap.sprung, path = False, tmp_path / name
    traps = np.array([Trap()] * 5, dtype=object)
    np.save(path, traps, allow_pickle=True) if name.endswith("y") else np.savez(path, traps)
    np.save(tmp_path / "sprites.npy", drawings(5))
    for load in (lambda: sprites.load(path), lambda: sprites.load(tmp_path / "sprites.npy", labels=path)):
        with pytest.raises(SpriteError, match=rf"{name}: not a readable array of plain numbers.*np\.save"):
            load()
    assert not Trap.sprung
    loaded = np.load(path, allow_pickle=True)
    loaded if name.endswith("y") else loaded["arr_0"]
    assert Trap.sprung  # the trap does work


NPY_HEADERS = {
    "negative": b"(-1, 16, 16, 3), }     ",
    "not whole": b"(20., 16, 16, 3), }    ",
    "beyond all numbers": b"(9**99, 16, 16, 3), }  ",
    "open": b"(20, 16, 16, 3         ",
    "a claim of terabytes": b"(9000000000, 16, 16, 3)}",
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", NPY_HEADERS)
def test_array_with_a_header_that_means_nothing(tmp_path, kind, packed):
    stream, path = io.BytesIO(), tmp_path / "mine.npy"
    np.save(stream, drawings(20))
    good = b"(20, 16, 16, 3), }      "[: len(NPY_HEADERS[kind])]
    assert good in stream.getvalue()
    content = stream.getvalue().replace(good, NPY_HEADERS[kind])
    path.write_bytes(content)
    if packed:
        path = tmp_path / "mine.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("sprites.npy", content)
    with pytest.raises(SpriteError, match=rf"{path.name}: not a readable array.*np\.save"):
        sprites.load(path)


@pytest.mark.parametrize(
    "kind", ["garbage", "empty", "cut short", "another version", "bomb", "no zip", "other content"]
)
def test_damaged_arrays(tmp_path, kind):
    path = tmp_path / "mine.npy"
    np.save(path, drawings(20))
    if kind == "garbage":
        path.write_bytes(b"hello")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "another version":  # whose header may have gigabytes, and is read first
        path.write_bytes(b"\x93NUMPY\2\0\xff\xff\xff\x7f" + path.read_bytes()[10:])
    elif kind == "no zip":
        path.write_bytes(b"PK\3\4" + path.read_bytes())
    elif kind == "bomb":  # two gigabytes of zeros
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f8", "fortran_order": False, "shape": (300_000, 16, 16, 3)}
            )
            file.write(bytes(2**24))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data.pkl", b"no array")
    with pytest.raises(SpriteError, match=r"mine\.npy: not a readable array.*np\.save"):
        sprites.load(path)


def test_names_that_cannot_be_printed(tmp_path, load):
    try:
        save(tmp_path / "mine" / os.fsdecode(b"\xff\xfe"), drawings(5))
    except OSError:
        pytest.skip("this system refuses such names")
    (tmp_path / "mine" / os.fsdecode(b"\xfe.txt")).touch()
    assert "1 class: " in load(tmp_path / "mine")[1]


def test_too_many_sprites(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.world.own.MAX_SPRITES", 9)
    np.save(tmp_path / "mine.npy", drawings(10))
    with pytest.raises(SpriteError, match=r"mine\.npy: 10 sprites. Use at most 9"):
        sprites.load(tmp_path / "mine.npy")
    monkeypatch.setattr(readers, "MAX_SPRITES", 5)
    with pytest.raises(SpriteError, match=r"Use at least 4 sprites and at most 5"):
        sprites.load(tmp_path / "mine.npy")
