"""A learner's own sprites: everything that reads their files, and the sheets of the world too."""

import io
import os
import textwrap
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 16  # a sprite is SIZE x SIZE pixels
MAX_SPRITES = 300_000
MAX_PIXELS = 16_000_000  # of a picture, checked before decoding: a small file can unpack to gigabytes
MAX_BYTES = 5 * MAX_PIXELS  # of its file: 4 for a pixel that is not packed at all, and some for the rest


class SpriteError(ValueError):
    """Something is wrong with a sheet, the recipe or a learner's file; the message names it and says what to do."""


def load(path: str | Path) -> np.ndarray:
    """uint8 (N, 16, 16, 3): the distinct sprites of a folder of PNGs, a PNG sheet or an .npy. Raises SpriteError."""
    path = Path(path)
    if os.path.isdir(path):
        images = _folder(path)
    elif path.suffix.lower() == ".npy":
        images = _array(path)
    elif path.suffix.lower() == ".png":
        images = _tiles(path)
    else:
        raise SpriteError(f"{path}: not a folder, a .png or a .npy file. Check the path.")
    if len(images) > MAX_SPRITES:
        raise SpriteError(f"{path}: {len(images):,} sprites. Use at most {MAX_SPRITES:,}.")
    images = np.ascontiguousarray(images)
    first, _ = first_of_each(images)
    print(f"Loaded {len(first):,} sprites; {len(images) - len(first):,} duplicates were dropped.")
    if len(first) < 4:
        raise SpriteError(
            f"{path}: {len(first)} distinct sprites. Add more: at least 4 are needed, hundreds are better."
        )
    return images[first]


def _folder(folder: Path) -> np.ndarray:
    """The sprites of every PNG in a folder, in the order of their names; each is one sprite or a sheet of them."""
    try:
        names = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png")
    except OSError as error:
        raise SpriteError(f"{folder}: may not be read ({error}). Open it to yourself, or copy the sprites.") from error
    if not names:
        raise SpriteError(f"{folder}: holds no PNG files. Put your sprites there as .png.")
    tiles, total = [], 0
    for file in names:
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
            raise SpriteError(f"{file}: a link that leads out of the folder. Copy the picture itself here.")
        tiles.append(_tiles(file))
        total += len(tiles[-1])
        if total > MAX_SPRITES:  # before they fill the memory
            raise SpriteError(f"{folder}: over {MAX_SPRITES:,} sprites. Use fewer.")
    return np.concatenate(tiles)


def _array(path: Path) -> np.ndarray:
    """The sprites of a .npy file: uint8 (N, 16, 16, 3). Object arrays are never unpickled."""
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
    return array


def _tiles(path: Path) -> np.ndarray:
    """uint8 (N, 16, 16, 3): the tiles of one PNG that are not empty, over white."""
    pixels = read_picture(path)
    height, width = pixels.shape[:2]
    if height % SIZE or width % SIZE:
        raise SpriteError(f"{path}: {width}x{height} pixels. Make each side a multiple of {SIZE}.")
    alpha = pixels[..., 3:].astype(np.float32) / 255
    over_white = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    tiles = over_white.reshape(height // SIZE, SIZE, width // SIZE, SIZE, 3).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)
    return tiles[(tiles < 255).any(axis=(1, 2, 3))]


def first_of_each(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 (N, 16, 16, 3): (sorted indices of the first of each distinct image; for each, (N,), its first)."""
    size = SIZE * SIZE * 3
    as_items = images.reshape(len(images), size).view(np.dtype((np.void, size))).ravel()  # one item an image
    _, first, of = np.unique(as_items, return_index=True, return_inverse=True)
    return np.sort(first), first[of]


def read_picture(path: Path, formats: tuple[str, ...] = ("PNG",)) -> np.ndarray:
    """uint8 (height, width, 4), red, green, blue and opacity. The size is checked before any pixel is decoded."""
    mend = "Open it in a pixel editor and save it again as PNG."
    if not os.path.isfile(path):  # opening a pipe would wait for ever
        raise SpriteError(f"{path}: no such file, or not a plain one. Check the path.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Image.DecompressionBombError(f"{path.stat().st_size:,} bytes")
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
        if image.mode[0] in "IF":
            raise SpriteError(f"{path}: more than 8 bits a colour. Save it with 8 bits a colour.")
        return np.asarray(image.convert("RGBA"))
    except SpriteError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SpriteError(f"{path}: far too large ({error}). Use at most {MAX_PIXELS:,} pixels.") from error
    except Image.UnidentifiedImageError as error:
        raise SpriteError(f"{path}: not a PNG image. {mend}") from error
    except Exception as error:  # damaged, and then readers raise almost anything
        raise SpriteError(f"{path}: damaged or cut short ({error}). {mend}") from error
