"""A learner's own sprites: pictures, folders of them and arrays become distinct 16x16 sprites.

Whatever is left out, cut, scaled or converted on the way is said, with numbers. Everything here raises SpriteError.
"""

import os
import textwrap
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from helpers import expect
from helpers.world import ideal, readers
from helpers.world.readers import MAX_SPRITES, SIZE, SpriteError, many


def load(path, labels, background, tile, margin, spacing) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """What `sprites.load` does for own sprites: (uint8 (N, 16, 16, 3), names of classes or (), class of each or None).

    Prints what was read and what became of it, a line a fact.
    """
    path, facts, classes = readers.find(path), [], None
    is_array = path.suffix.lower() in (".npy", ".npz") and not path.is_dir()
    if is_array:
        pictures = readers.to_pictures(path, readers.read_array(path), facts)
        names = [path] * len(pictures)
        if labels is not None:
            classes = readers.read_labels(readers.find(labels), len(pictures))
    elif labels is not None:
        raise SpriteError(f"{path}: labels go with a .npy. Put the pictures of a class in a folder of its own.")
    else:
        pictures, names, classes = read_files(path, facts)

    tiles, source, sprites, whole = [], [], Counter(), Counter()
    for i, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        some, manner = cut(name, picture, is_array, tile, margin, spacing)
        tiles.append(some)
        source += [i] * len(some)
        sprites[manner] += len(some)
        whole[manner] += 1
    for manner, n in sprites.items():
        facts.append(f"{many(n, 'sprite')} from {many(whole[manner], 'picture' if is_array else 'file')} {manner}.")
    if len(whole) == 1 < len(names) < len(source) and tile is None:
        height, width, _ = pictures[0].shape
        facts.append(f"All have this one larger size. If each is one sprite, say tile=({width}, {height}).")
    if len(source) > MAX_SPRITES:
        raise SpriteError(f"{path}: {len(source):,} sprites. Use at most {MAX_SPRITES:,}.")
    tiles, source = np.concatenate(tiles), np.array(source)
    drawn = tiles[..., 3].any(axis=(1, 2))
    if not drawn.all():
        facts.append(f"{many((~drawn).sum(), 'wholly transparent tile')} left out.")
        tiles, source = tiles[drawn], source[drawn]
    red, green, blue = (expect.count("each number of background", value, 0, 255) for value in background)
    colour = (red, green, blue)
    images = fit(lay_over(colour, tiles, [names[i] for i in source], facts), colour, facts)

    first, like = first_of_each(images)
    if len(first) < len(images):
        facts.append(f"{many(len(images) - len(first), 'duplicate')} left out.")
    images, options, codes = images[first], (), None
    if classes is not None:
        options, codes = np.unique(classes[source[first]], return_inverse=True)
        sizes = ", ".join(f"{name} ({n:,})" for name, n in zip(options, np.bincount(codes), strict=True))
        facts.append(f"{many(len(options), 'class')}: {textwrap.shorten(sizes, 300)}.")
        torn = (classes[source] != classes[source[like]]).sum()
        if torn:
            facts.append(f"{many(torn, 'duplicate')} had another class than the first of its like, which kept its own.")
    alike, tried = count_nearly_alike(images)
    if alike:
        of = "them" if tried == len(images) else f"{tried:,} that were tried"
        facts.append(
            f"{alike:,} of {of} are nearly alike: at most a tenth of the pixels differs from another sprite's, as in "
            "frames of an animation. What a network draws near them may be memory."
        )
    text = "\n- ".join([f"Loaded {many(len(images), 'sprite')}.", *facts])
    print(text.encode(errors="replace").decode())  # names of files may hold anything
    if len(images) < 4:
        raise SpriteError(f"{path}: {len(images)} distinct sprites. Add more: 4 at least, hundreds are better.")
    return images, tuple(map(str, options)), codes


def read_files(path: Path, facts: list[str]) -> tuple[list[np.ndarray], list[Path], np.ndarray | None]:
    """(pixels, files, classes) of one picture or of all in a folder and below.

    A class is the folder that a file lies in; None if all lie in `path`.
    """
    files = readers.list_pictures(path, facts) if path.is_dir() else [path]
    pictures, counts, pixels = [], Counter(), 0
    for file in files:
        pictures.append(readers.read_picture(file, counts))
        pixels += pictures[-1].size // 4
        if pixels > MAX_SPRITES * SIZE * SIZE:  # before they fill the memory
            raise SpriteError(f"{path}: more pixels than {MAX_SPRITES:,} sprites have. Use fewer.")
    formats = {kind: counts[kind] for kind in readers.FORMATS.values() if counts[kind]}
    if list(formats) != ["PNG"]:
        blur = " JPEG blurs colours a little, PNG keeps them." if "JPEG" in formats else ""
        facts.append(f"Formats: {', '.join(f'{n:,} {kind}' for kind, n in formats.items())}.{blur}")
    if counts["animations"]:
        facts.append(
            f"{many(counts['animations'], 'animation')}: only the first frame of each was read, not the other "
            f"{counts['frames']:,}. Save frames as PNGs to use them."
        )
    if counts["16 bits"]:
        facts.append(f"{many(counts['16 bits'], 'file')} of 16 bits a colour: the upper 8 were kept.")
    folders = np.array([os.path.relpath(file.parent, path) if path.is_dir() else "." for file in files])
    return pictures, files, np.char.replace(folders, os.sep, "/") if (folders != ".").any() else None


# ---- cutting, laying over a background, fitting ----


def cut(name: Path, picture: np.ndarray, is_array: bool, tile, margin, spacing) -> tuple[np.ndarray, str]:
    """Cut uint8 (height, width, 4) row by row: (tiles, (n, tile height, tile width, 4); in words, from what and how).

    Where nothing is said about tiles they have 16x16 pixels, and a picture that consists of blocks of one colour, as
    whole-number enlargements do, is brought back to size first.
    """
    guess = tile is None and margin == 0 and spacing == 0
    height, width, _ = picture.shape
    manner = f"of {width}×{height}"
    if guess and height == width == SIZE:
        return picture[None], manner
    tile_x, tile_y = pair("tile", SIZE if tile is None else tile, least=1)
    (margin_x, margin_y), (gap_x, gap_y) = pair("margin", margin), pair("spacing", spacing)
    mend = "If each is one sprite, give its size, tile=(width, height); if it is a sheet, tile=, margin= and spacing="
    if tile_y + margin_y > height or tile_x + margin_x > width:
        raise SpriteError(f"{name}: {width}×{height} pixels, less than a tile of {tile_x}×{tile_y}. {mend}.")
    k = find_enlargement(picture) if guess else 1
    if k > 1:
        picture, height, width = picture[::k, ::k], height // k, width // k
        manner += f", enlarged {k} times and brought back to {width}×{height}"
    tiles = np.lib.stride_tricks.sliding_window_view(picture, (tile_y, tile_x), axis=(0, 1))
    tiles = tiles[margin_y :: tile_y + gap_y, margin_x :: tile_x + gap_x].transpose(0, 1, 3, 4, 2)
    rows, columns = tiles.shape[:2]
    rest_x = width - margin_x - columns * (tile_x + gap_x) + gap_x
    rest_y = height - margin_y - rows * (tile_y + gap_y) + gap_y
    if guess and (rest_x or rest_y or (is_array and rows * columns > 1)):
        raise SpriteError(f"{name}: {width}×{height} pixels, not {SIZE}×{SIZE} or a sheet of such tiles. {mend}.")
    if rows * columns > 1 or not guess:
        manner += f", cut into tiles of {tile_x}×{tile_y}"
    if any((margin_x, margin_y, gap_x, gap_y, rest_x, rest_y)):
        manner += f"; left out: {margin_x}×{margin_y} pixels before, {gap_x}×{gap_y} between, {rest_x}×{rest_y} after"
    return tiles.reshape(-1, tile_y, tile_x, 4), manner


def pair(what: str, value: int | tuple[int, int], least: int = 0) -> list[int]:
    """One whole number for both directions, or (across, down)."""
    return [expect.count(what, number, least) for number in np.broadcast_to(value, 2)]


def find_enlargement(picture: np.ndarray) -> int:
    """The largest k for which all blocks of k x k pixels are of one colour and what is left consists of tiles."""
    height, width, _ = picture.shape
    for k in range(min(height, width) // SIZE, 1, -1):
        is_divided = height % (SIZE * k) == 0 and width % (SIZE * k) == 0
        if is_divided and (picture == picture[::k, ::k].repeat(k, axis=0).repeat(k, axis=1)).all():
            return k
    return 1


def lay_over(colour: tuple[int, int, int], tiles: np.ndarray, names: list[Path], facts: list[str]) -> np.ndarray:
    """uint8 (N, height, width, 4) over a colour, (N, height, width, 3). Refuses what could not be seen on it."""
    images, lost = tiles[..., :3].copy(), []
    see_through = np.flatnonzero((tiles[..., 3] < 255).any(axis=(1, 2)))
    for i in see_through:
        opacity = tiles[i, ..., 3:].astype(np.float32) / 255
        images[i] = np.rint(images[i] * opacity + np.float32(colour) * (1 - opacity))
        if np.abs(images[i] - np.int16(colour)).max() <= 16:
            lost.append(names[i])
    if lost:
        raise SpriteError(
            f"{lost[0]}: what is drawn there has, or nearly, the colour of the background, {colour}, as in "
            f"{many(len(lost), 'sprite')}. Choose another one: sprites.load(path, background=(90, 110, 140))."
        )
    if len(see_through):
        facts.append(
            f"See-through pixels of {many(len(see_through), 'sprite')} took the colour of the background, {colour}; "
            "background=(r, g, b) chooses another."
        )
    return images


def fit(images: np.ndarray, colour: tuple[int, int, int], facts: list[str]) -> np.ndarray:
    """Tiles of any size as (N, 16, 16, 3): averaged where a side is a multiple, else where most is drawn, or padded."""
    n, height, width, _ = images.shape
    k = height // SIZE
    if height == width == SIZE:
        return images
    if height == width == k * SIZE:
        facts.append(f"Tiles of {width}×{height} became {SIZE}×{SIZE}: each {k}×{k} pixels their average.")
        return np.rint(images.reshape(n, SIZE, k, SIZE, k, 3).mean(axis=(2, 4))).astype(np.uint8)
    canvas = np.empty((n, max(height, SIZE), max(width, SIZE), 3), dtype=np.uint8)
    canvas[:] = colour
    top, left = (canvas.shape[1] - height) // 2, (canvas.shape[2] - width) // 2
    canvas[:, top : top + height, left : left + width] = images
    drawn = (canvas != colour).any(-1)
    top, left = (np.convolve(drawn.sum(axis), np.ones(SIZE), "valid").argmax() for axis in ((0, 2), (0, 1)))
    kept = slice(None), slice(top, top + SIZE), slice(left, left + SIZE)
    torn = (drawn.sum((1, 2)) > drawn[kept].sum((1, 2))).sum()
    facts.append(
        f"Tiles of {width}×{height} became {SIZE}×{SIZE} by cutting off or adding background; {many(torn, 'sprite')} "
        "lost something that is drawn."
    )
    return canvas[kept]


# ---- which are alike ----


def first_of_each(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 (N, 16, 16, 3): (sorted indices of the first of each distinct image; for each, (N,), its first)."""
    size = SIZE * SIZE * 3
    as_items = images.reshape(len(images), size).view(np.dtype((np.void, size))).ravel()  # one item an image
    _, first, of = np.unique(as_items, return_index=True, return_inverse=True)
    return np.sort(first), first[of]


def count_nearly_alike(images: np.ndarray) -> tuple[int, int]:
    """(k, n): of n sprites that are tried, k differ from their nearest other in at most a tenth of the pixels.

    Differences of at most 25 of 255 steps, as JPEG makes them, do not count.
    """
    if len(images) < 2:
        return 0, len(images)
    tried = np.random.default_rng(0).permutation(len(images))[: max(200, 40_000_000 // len(images))]  # within seconds
    x = torch.from_numpy(images[tried]).permute(0, 3, 1, 2).float() / 127.5 - 1
    nearest = ideal.nearest(x, images, but=torch.from_numpy(tried)).numpy()
    differ = np.abs(images[tried].astype(np.int16) - images[nearest]) > 25
    return int((differ.any(-1).sum((1, 2)) <= SIZE * SIZE // 10).sum()), len(tried)
