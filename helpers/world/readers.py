"""What lies in a picture or an array, read without trusting the file.

Sizes are checked before decoding, nothing is unpickled, pipes are not waited for. What has no single reading is
refused by a SpriteError with the line of code that settles it.
"""

import io
import os
import textwrap
import warnings
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import numpy as np
from PIL import Image

SIZE = 16  # a sprite is SIZE x SIZE pixels
MAX_SPRITES = 300_000
MAX_PIXELS = 16_000_000  # of a picture: a small file can unpack to gigabytes
MAX_BYTES = 2**30  # of an array that has to be unpacked
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP"}
AS_PNG = "Save it as a plain PNG: PIL.Image.open(path).convert('RGBA').save('sprite.png')"
AS_NPY = "Save it with np.save('sprites.npy', sprites), where sprites is a uint8 array of shape (N, 16, 16, 3)"


class SpriteError(ValueError):
    """Something is wrong with a sheet, the recipe or a learner's file; the message names it and says what to do."""


def check_plain(path: Path) -> None:
    """Refuse what is no file: opening a pipe would wait for ever."""
    if not os.path.isfile(path):
        raise SpriteError(f"{path}: no such file, or not a plain one. Check the path.")


def many(n: int, noun: str) -> str:
    """1 class, 2 classes."""
    return f"{n:,} {noun}{'' if n == 1 else 'es' if noun.endswith('s') else 's'}"


def find(path: str | Path) -> Path:
    """The absolute path of a file or folder that is there; ~ is one's home."""
    given = os.path.expanduser(path)
    absolute = Path(os.path.abspath(given))
    if not os.path.exists(absolute):
        beside = "" if os.path.isabs(given) else " A relative path starts beside the notebook."
        raise SpriteError(f"{path}: no such file or folder. Looked for {absolute}.{beside} Check the path.")
    return absolute


def list_pictures(folder: Path, facts: list[str]) -> list[Path]:
    """Every picture in a folder and below, in an order that is the same on every system, whatever the case of names.

    Names that begin with a dot are not looked at. Links are followed, but no folder is entered twice.
    """
    pictures, others = [], []
    entered = {os.path.realpath(folder), *map(str, Path(os.path.realpath(folder)).parents)}

    def refuse(error: OSError) -> None:
        raise SpriteError(f"{error.filename}: may not be read ({error}). Open it to yourself, or copy it.") from error

    for where, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(where, name))
            if name[0] == "." or real in entered:
                folders.remove(name)
            entered.add(real)
        for name in names:
            if name[0] != ".":
                known = os.path.splitext(name)[1].lower() in FORMATS
                (pictures if known else others).append(Path(where, name))
    if not pictures:
        only = f"only files such as {min(others).name}" if others else "and no other files"
        raise SpriteError(f"{folder}: no {' '.join(FORMATS)}, {only}. Put pictures there. {AS_PNG}.")
    if others:
        facts.append(f"{many(len(others), 'other file')} not read, such as {min(others).name}.")

    parts = {file: file.relative_to(folder).parts for file in pictures}
    return sorted(parts, key=lambda file: ([normalize("NFC", part).casefold() for part in parts[file]], parts[file]))


def read_picture(path: Path, counts: Counter) -> np.ndarray:
    """uint8 (height, width, 4): red, green, blue and opacity; 0 0 0 0 where nothing can be seen.

    Adds to counts: its format; "animations" of which only the first frame is read, "frames" left out; "16 bits" a
    colour of which the upper 8 are kept.
    """
    check_plain(path)
    try:
        if os.path.getsize(path) > 5 * MAX_PIXELS:  # 4 bytes for a pixel that is not packed at all, and some more
            raise Image.DecompressionBombError(f"{os.path.getsize(path):,} bytes")
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=sorted(set(FORMATS.values())))
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
        if image.mode == "CMYK":  # there are many ways from inks to light
            raise SpriteError(f"{path}: colours for print, CMYK. {AS_PNG}.")
        frames = getattr(image, "n_frames", 1)
        counts.update({image.format: 1, "animations": int(frames > 1), "frames": frames - 1})
        pixels = _decode_png(path, image, data, counts) if image.format == "PNG" else np.array(image.convert("RGBA"))
    except SpriteError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SpriteError(f"{path}: far too large ({error}). Use at most {MAX_PIXELS:,} pixels.") from error
    except Image.UnidentifiedImageError as error:
        raise SpriteError(
            f"{path}: not a PNG, JPEG, GIF, BMP or WebP picture. {AS_PNG}; an array: np.save('sprites.npy', array)."
        ) from error
    except Exception as error:  # damaged, and then readers raise almost anything
        raise SpriteError(f"{path}: damaged or cut short ({error}). Save it anew in a pixel editor.") from error
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def _decode_png(path: Path, image: Image.Image, data: bytes, counts: Counter) -> np.ndarray:
    """RGBA pixels of a PNG. What is see-through is read from the file itself, as Pillow misreads some of it.

    Of a palette it takes the opacities 00 0a for 00 alone. The one colour that is see-through in grey of 1, 2 or 4 bits
    it does not find.
    """
    depth, kind, key, at = data[24], data[25], b"", 8
    while data[at + 4 : at + 8] not in (b"IDAT", b""):
        size = int.from_bytes(data[at : at + 4])
        key = data[at + 8 : at + 8 + size] if data[at + 4 : at + 8] == b"tRNS" else key
        at += size + 12
    if key and kind == 3:
        image.info["transparency"] = key
    elif key and depth < 16:
        highest = 2**depth - 1
        colour = [int(v & highest) * 255 // highest for v in np.frombuffer(key, dtype=">u2")]
        image.info["transparency"] = colour[0] if kind == 0 else tuple(colour)
    if image.mode[0] == "I":  # 16 bits of grey
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    pixels = np.array(image.convert("RGBA"))
    counts["16 bits"] += depth == 16
    if depth == 16 and kind in (0, 2) and (key or not pixels[..., :3].any()):
        mend = "PIL.Image.fromarray(np.asarray(PIL.Image.open(path)).astype('uint8')).save('sprite.png')"
        mend = "Save it with 8 bits a colour in a pixel editor" if key or kind else f"Make 255 white: {mend}"
        raise SpriteError(f"{path}: 16 bits a colour, and nearly black or with a see-through colour. {mend}.")
    return pixels


def read_array(path: Path) -> np.ndarray:
    """The one array of numbers or words in an .npy or .npz file; where it is not packed, it is mapped, not read."""
    check_plain(path)
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            held = archive.zip.infolist()
            if len(held) != 1:
                names = textwrap.shorten(", ".join(info.filename for info in held), 200)
                raise SpriteError(f"{path}: holds {names}. Choose one: np.save('sprites.npy', np.load(path)[name]).")
            if held[0].file_size > MAX_BYTES:
                raise ValueError("it unpacks to over a gigabyte")
            return archive[archive.files[0]][...]  # an error where it is no array, but bytes
    except SpriteError:
        raise
    except Exception as error:  # damaged, and then readers raise almost anything
        why = textwrap.shorten(str(error) or repr(error), 200)
        raise SpriteError(f"{path}: not a readable array of plain numbers ({why}). {AS_NPY}.") from error


def to_pictures(path: Path, array: np.ndarray, facts: list[str]) -> np.ndarray:
    """An array of pictures as uint8 (N, height, width, 4). Adds to facts how it was understood."""
    given = f"{array.dtype} {array.shape}"
    if array.ndim == 4 and array.shape[1] in (1, 3, 4) and array.shape[-1] not in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
        facts.append(f"The channels of {given} came first and were put last.")
    if array.ndim == 3 and array.shape[-1] > 4:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4) or array.dtype.kind not in "buif":
        raise SpriteError(
            f"{path}: holds {given}, not numbers (N, 16, 16, 3). Save x with np.save('sprites.npy', x), where x is "
            "np.load(path).reshape(-1, 16, 16, 3) for pixels in flat rows, np.moveaxis(np.load(path), -1, 0) with N as "
            "the last. Save one sheet with PIL.Image.fromarray(np.load(path)).save('sheet.png')."
        )
    if not 0 < array.size <= MAX_SPRITES * SIZE * SIZE * 4:
        raise SpriteError(f"{path}: holds {given}. Use at least 4 sprites and at most {MAX_SPRITES:,}.")
    low, high, channels = float(array.min()), float(array.max()), array.shape[-1]
    least = 2 if array.dtype == np.uint8 and channels > 1 else 32  # below, they may be shares or numbers of a palette
    if array.dtype.kind == "b":
        scale, shift, meaning = 255, 0, "False is black, True is white"
    elif low >= 0 and least <= high <= 255:
        scale, shift, meaning = 1, 0, "0 is black, 255 is white, fractions were rounded"
    elif array.dtype.kind == "f" and low >= -0.001 and high <= 1.001:
        scale, shift, meaning = 255, 0, "0 is black, 1 is white"
    elif array.dtype.kind == "f" and low >= -1.001 and high <= 1.001:
        scale, shift, meaning = 127.5, 127.5, "-1 is black, 1 is white"
    else:
        raise SpriteError(
            f"{path}: holds {given} from {low:g} to {high:g}. Which is black, and which white? Put it right and save: "
            "np.save('sprites.npy', ((np.load(path) - black) / (white - black) * 255).clip(0, 255).astype('uint8'))."
        )
    if array.dtype != np.uint8:
        facts.append(f"Of {array.dtype} from {low:g} to {high:g}, {meaning}.")
    if channels == 1:
        facts.append("Grey became equal red, green and blue.")
    pictures = np.full((*array.shape[:3], 4), 255, dtype=np.uint8)
    for i in range(0, len(array), 4096):
        some = array[i : i + 4096]
        some = some if array.dtype == np.uint8 else np.rint(some.astype(np.float64) * scale + shift).clip(0, 255)
        pictures[i : i + 4096, ..., : max(channels, 3)] = some
    pictures[pictures[..., 3] == 0] = 0
    return pictures


def read_labels(path: Path, n: int) -> np.ndarray:
    """The class of each of n pictures, (n,) whole numbers or words, from integers, words or one-hot rows."""
    labels = read_array(path)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "buif":
        one_hot = ((labels == 0) | (labels == 1)).all(1) & (labels.sum(1) == 1)
        if not one_hot.all():
            bad = f"{(~one_hot).sum():,} of {len(labels):,} rows are not all 0 but for one 1"
            raise SpriteError(f"{path}: {bad}. Choose the largest: np.save('labels.npy', labels.argmax(1)).")
        labels = labels.argmax(1)
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.shape != (n,) or labels.dtype.kind not in "biuU":
        raise SpriteError(
            f"{path}: holds {labels.dtype} {labels.shape} for {n:,} pictures. Save one whole number, word or one-hot "
            "row for each, in their order: np.save('labels.npy', labels)."
        )
    return np.asarray(labels)
