"""A learner's own sprites: good files load, and every bad one gets an error that names it and says how to mend it."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from helpers.world import own, sprites


def drawings(n, seed=0):
    """n different sprites, uint8 (n, 16, 16, 3)."""
    return np.random.default_rng(seed).integers(0, 255, size=(n, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """A folder of ten good sprites, 00.png to 09.png."""
    path = tmp_path / "mine"
    path.mkdir()
    for number, drawing in enumerate(drawings(10)):
        Image.fromarray(drawing).save(path / f"{number:02d}.png")
    return path


# ---- what loads ----


def test_folder(folder, capsys):
    world = sprites.load(folder)
    assert capsys.readouterr().out == "Loaded 10 sprites; 0 duplicates were dropped.\n"
    np.testing.assert_array_equal(world.images, drawings(10))
    assert not world.known
    assert world.attributes == world.labels == world.describe(0) == {}
    assert world.cast == {"Bob": 0, "Nancy": 1, "Fred": 2}


def test_npy(tmp_path):
    np.save(tmp_path / "mine.npy", drawings(50))
    world = sprites.load(tmp_path / "mine.npy")
    np.testing.assert_array_equal(world.images, drawings(50))
    world.images[0] = 0  # the learner's file stays as it is
    np.testing.assert_array_equal(np.load(tmp_path / "mine.npy"), drawings(50))


def test_sheet_is_cut_row_by_row_and_empty_tiles_are_skipped(tmp_path):
    tiles = drawings(6)
    sheet = np.zeros((32, 64, 4), dtype=np.uint8)  # eight tiles, the fourth and the last stay see-through
    for tile, (row, column) in zip(tiles, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], strict=True):
        sheet[16 * row :, 16 * column :][:16, :16] = np.dstack([tile, np.full((16, 16), 255, np.uint8)])
    Image.fromarray(sheet).save(tmp_path / "sheet.png")
    np.testing.assert_array_equal(sprites.load(tmp_path / "sheet.png").images, tiles)


def test_see_through_pixels_are_laid_over_white(folder):
    drawing = np.zeros((16, 16, 4), dtype=np.uint8)
    drawing[0, 0] = (200, 0, 0, 255)
    drawing[0, 1] = (200, 0, 0, 51)  # one fifth of red over white
    Image.fromarray(drawing).save(folder / "00.png")
    image = sprites.load(folder).images[0]
    assert image[0, 0].tolist() == [200, 0, 0]
    assert image[0, 1].tolist() == [244, 204, 204]
    assert (image[1:] == 255).all()


def test_indexed_and_grey_pngs_load(folder):
    Image.fromarray(drawings(1)[0]).convert("P").save(folder / "10.png")
    Image.fromarray(drawings(1)[0]).convert("L").save(folder / "11.png")
    (folder / "notes.txt").write_text("not a picture, and not read")
    assert len(sprites.load(folder)) == 12


def test_duplicates_are_dropped_before_the_split_and_counted(tmp_path, capsys):
    images = drawings(40)
    np.save(tmp_path / "mine.npy", np.concatenate([images[:1], images[:20], images]))
    world = sprites.load(tmp_path / "mine.npy")
    assert capsys.readouterr().out == "Loaded 40 sprites; 21 duplicates were dropped.\n"
    np.testing.assert_array_equal(world.images, images)  # the first of each, in their order


@pytest.mark.parametrize("n", [4, 10, 1_000, 12_000])
def test_split(tmp_path, n):
    np.save(tmp_path / "mine.npy", drawings(n))
    world = sprites.load(tmp_path / "mine.npy")
    train_idx, held_out_idx = world.split()
    np.testing.assert_array_equal(np.sort(np.concatenate([train_idx, held_out_idx])), np.arange(n))
    assert len(train_idx) == min(10_000, n * 9 // 10)
    assert {0, 1} <= set(train_idx) and 2 in held_out_idx
    np.testing.assert_array_equal(sprites.load(tmp_path / "mine.npy").split()[0], train_idx)


def test_link_inside_the_folder_loads(folder):
    (folder / "10.png").symlink_to(folder / "00.png")
    assert len(sprites.load(folder)) == 10


# ---- what does not ----


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header_only(width, height):
    """A PNG of some sixty bytes that claims to be width x height pixels."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def bomb():
    """A PNG with a packed text of 100 MB."""
    good = png_bytes(drawings(1)[0])
    return good[:33] + chunk(b"zTXt", b"text\0\0" + zlib.compress(bytes(10**8))) + good[33:]


def png_bytes(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


BAD_PNG = {
    "wrong size": (png_bytes(drawings(1)[0][:15]), r"16x15 pixels. Make each side a multiple of 16"),
    "not an image": (b"hello", r"not a PNG image. Open it in a pixel editor"),
    "empty": (b"", r"not a PNG image"),
    "a text file's head": (b"\x89PNG\r\n\x1a\n" + b"nonsense" * 9, r"(not a PNG image|damaged).*save it again as PNG"),
    "cut short": (png_bytes(drawings(1)[0])[:400], r"damaged or cut short.*save it again as PNG"),
    "one bit": (bytes(b ^ (i == 300) for i, b in enumerate(png_bytes(drawings(1)[0]))), r"damaged or cut short"),
    "sixteen bits": (png_bytes(np.full((16, 16), 40_000, dtype=np.uint16)), r"Save it with 8 bits a colour"),
    "large": (header_only(16_000, 16_000), r"far too large.*Use at most 16,000,000 pixels"),
    "large, but not for Pillow": (header_only(8_000, 8_000), r"far too large.*Use at most 16,000,000 pixels"),
    "a chunk too short": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(12)), r"damaged or cut short"),
    "a text that unpacks to gigabytes": (bomb(), r"damaged or cut short.*too large"),
    "vast": (header_only(2_000_000, 2_000_000), r"far too large.*Use at most 16,000,000 pixels"),
}


@pytest.mark.parametrize("kind", BAD_PNG)
def test_bad_png_in_a_folder(folder, kind):
    data, message = BAD_PNG[kind]
    (folder / "bad.png").write_bytes(data)
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: .*" + message):
        sprites.load(folder)
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: .*" + message):
        sprites.load(folder / "bad.png")


def test_jpeg_named_png(folder):
    Image.fromarray(drawings(1)[0]).save(folder / "bad.png", "JPEG")
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: not a PNG image"):
        sprites.load(folder)


def test_link_that_leads_out_of_the_folder(folder, tmp_path):
    Image.fromarray(drawings(1)[0]).save(tmp_path / "elsewhere.png")
    (folder / "bad.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: a link that leads out.*Copy the picture itself"):
        sprites.load(folder)


def test_link_that_leads_nowhere(folder):
    (folder / "bad.png").symlink_to(folder / "gone.png")
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: no such file"):
        sprites.load(folder)


def test_links_that_lead_round_in_a_circle(folder):
    (folder / "bad.png").symlink_to("bad.png")
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: no such file"):
        sprites.load(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["bad.png", "bad.npy"])
def test_a_pipe_is_not_waited_for(folder, name):
    os.mkfifo(folder / name)
    with pytest.raises(sprites.SpriteError, match=rf"{name}: .*not a plain one. Check the path"):
        sprites.load(folder / name)


def test_a_file_far_too_large(folder):
    with open(folder / "bad.png", "wb") as file:
        file.truncate(2**36)  # takes no room on the disk
    with pytest.raises(sprites.SpriteError, match=r"bad\.png: far too large \(68,719,476,736 bytes\)"):
        sprites.load(folder)


def test_sheets_are_counted_before_they_fill_the_memory(folder, monkeypatch):
    monkeypatch.setattr(own, "MAX_SPRITES", 3)
    (folder / "09.png").write_bytes(b"not looked at any more")
    with pytest.raises(sprites.SpriteError, match=r"mine: over 3 sprites. Use fewer"):
        sprites.load(folder)


def test_empty_folder(tmp_path):
    with pytest.raises(sprites.SpriteError, match=r"holds no PNG files. Put your sprites there"):
        sprites.load(tmp_path)


def test_missing_paths(tmp_path):
    for name in ("gone", "gone.png", "gone.npy"):
        with pytest.raises(sprites.SpriteError, match=rf"{name}: .*Check the path"):
            sprites.load(tmp_path / name)


def test_other_kinds_of_file(tmp_path):
    (tmp_path / "mine.gif").write_bytes(b"GIF89a")
    with pytest.raises(sprites.SpriteError, match=r"mine\.gif: not a folder, a \.png or a \.npy"):
        sprites.load(tmp_path / "mine.gif")


def test_too_few_distinct_sprites(tmp_path):
    np.save(tmp_path / "mine.npy", drawings(3).repeat(5, axis=0))
    with pytest.raises(sprites.SpriteError, match=r"mine\.npy: 3 distinct sprites. Add more: at least 4"):
        sprites.load(tmp_path / "mine.npy")


def test_nothing_but_empty_tiles(tmp_path):
    Image.new("RGBA", (64, 64)).save(tmp_path / "blank.png")
    with pytest.raises(sprites.SpriteError, match=r"blank\.png: 0 distinct sprites. Add more"):
        sprites.load(tmp_path / "blank.png")
    np.save(tmp_path / "none.npy", drawings(0))
    with pytest.raises(sprites.SpriteError, match=r"none\.npy: "):
        sprites.load(tmp_path / "none.npy")


class Trap:
    """Unpickling it raises the flag."""

    sprung = False

    def __setstate__(self, state):
        Trap.sprung = True

    def __getstate__(self):
        return {"a": 1}


def test_object_array_is_never_unpickled(tmp_path):
    np.save(tmp_path / "mine.npy", np.array([Trap()] * 5, dtype=object), allow_pickle=True)
    with pytest.raises(sprites.SpriteError, match=r"mine\.npy: not a readable array of plain numbers.*np\.save"):
        sprites.load(tmp_path / "mine.npy")
    assert not Trap.sprung
    np.load(tmp_path / "mine.npy", allow_pickle=True)
    assert Trap.sprung  # the trap does work


@pytest.mark.parametrize(
    "array",
    [
        drawings(5).astype(np.float32),
        drawings(5)[..., :1],
        drawings(5)[:, :8],
        drawings(5)[0],
        drawings(5).transpose(0, 3, 1, 2),
        np.uint8(3),
    ],
    ids=["float", "one channel", "too low", "one sprite", "channels first", "no shape"],
)
def test_wrong_kind_of_npy(tmp_path, array):
    np.save(tmp_path / "mine.npy", array)
    with pytest.raises(sprites.SpriteError, match=r"mine\.npy: .*not uint8 \(N, 16, 16, 3\).*np\.save"):
        sprites.load(tmp_path / "mine.npy")


NPY_HEADERS = {
    "negative": b"(-1, 16, 16, 3), }     ",
    "not whole": b"(20., 16, 16, 3), }    ",
    "beyond all numbers": b"(9**99, 16, 16, 3), }  ",
    "open": b"(20, 16, 16, 3         ",
    "a claim of terabytes": b"(9000000000, 16, 16, 3)}",
}


@pytest.mark.parametrize("kind", NPY_HEADERS)
def test_npy_with_a_header_that_means_nothing(tmp_path, kind):
    path = tmp_path / "mine.npy"
    np.save(path, drawings(20))
    content = path.read_bytes()
    good = b"(20, 16, 16, 3), }      "[: len(NPY_HEADERS[kind])]
    assert good in content
    path.write_bytes(content.replace(good, NPY_HEADERS[kind]))
    with pytest.raises(sprites.SpriteError, match=r"mine\.npy: not a readable array.*np\.save"):
        sprites.load(path)


@pytest.mark.parametrize("kind", ["garbage", "empty", "cut short", "an npz", "another version"])
def test_damaged_npy(tmp_path, kind):
    path = tmp_path / "mine.npy"
    np.save(path, drawings(20))
    if kind == "garbage":
        path.write_bytes(b"hello")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "an npz":
        np.savez(tmp_path / "x.npz", drawings(5))
        (tmp_path / "x.npz").rename(path)
    else:  # whose header may have gigabytes, and is read first
        path.write_bytes(b"\x93NUMPY\2\0\xff\xff\xff\x7f" + path.read_bytes()[10:])
    with pytest.raises(sprites.SpriteError, match=r"mine\.npy: .*np\.save"):
        sprites.load(path)
