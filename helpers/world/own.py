"""A learner's own sprites: pictures, folders of them and arrays become distinct 16x16 sprites.

Whatever is left out, cut, scaled or converted on the way is said, with numbers. Everything here raises SpriteError.
"""

import os
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from helpers import expect
from helpers.world import ideal, readers
from helpers.world.readers import MAX_SPRITES, SIZE, SpriteError, many

ONE = "If each is one sprite, give its size, tile=(width, height); if it is a sheet, its tile=, margin= and spacing=."
COLOURS = ("red", "green", "blue")


def load(path, labels, background, tile, margin, spacing) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """What `sprites.load` does for own sprites: (uint8 (N, 16, 16, 3), names of classes or (), class of each or None).

    Prints what was read and what became of it, a line a fact.
    """
    path, facts, noun = readers.find(path), [], "file"
    if path.suffix.lower() in (".npy", ".npz") and not path.is_dir():
        pictures, noun = readers.to_pictures(path, readers.read_array(path), facts), "picture"
        stacks, names, classes = [(np.arange(len(pictures)), pictures)], [path] * len(pictures), None
        if labels is not None:
            classes = readers.read_labels(readers.find(labels), len(pictures))
    elif labels is not None:
        raise SpriteError(f"{path}: labels go with a .npy. Put the pictures of a class in a folder of its own.")
    else:
        stacks, names, classes = read_files(path, facts)

    pieces = list(cut(stacks, names, noun, tile, margin, spacing, facts))
    source = np.concatenate([which for which, _ in pieces])
    order = np.argsort(source, kind="stable")
    tiles, source = np.concatenate([tiles for _, tiles in pieces])[order], source[order]
    if len(tiles) > MAX_SPRITES:
        raise SpriteError(f"{path}: {len(tiles):,} sprites. Use at most {MAX_SPRITES:,}.")
    drawn = tiles[..., 3].any(axis=(1, 2))
    if not drawn.all():
        facts.append(f"{many((~drawn).sum(), 'wholly transparent tile')} left out.")
        tiles, source = tiles[drawn], source[drawn]
    colour = [expect.count(f"{of} of background", x, 0, 255) for of, x in zip(COLOURS, background, strict=True)]
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
    flat = (images == images[:, :1, :1]).all(axis=(1, 2, 3)).sum()
    if flat:
        facts.append(f"{many(flat, 'sprite')} of one colour all over: empty places of a sheet?")
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
        raise SpriteError(
            f"{path}: {len(images)} distinct sprites. Add more: at least 4 are needed, hundreds are better."
        )
    return images, tuple(map(str, options)), codes


def read_files(path: Path, facts: list[str]) -> tuple[list, list[Path], np.ndarray | None]:
    """(stacks, files, classes) of one picture or of all in a folder and below.

    stacks   for each size of picture: (which files, (n,); their pixels, uint8 (n, height, width, 4))
    classes  of each file, the folder it lies in; None if all lie in `path`
    """
    files = readers.list_pictures(path, facts) if path.is_dir() else [path]
    sizes, counts, pixels = {}, Counter(), 0
    for number, file in enumerate(files):
        picture = readers.read_picture(file, counts)
        sizes.setdefault(picture.shape, []).append((number, picture))
        pixels += picture.shape[0] * picture.shape[1]
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
    stacks = [(np.array([i for i, _ in of]), np.stack([picture for _, picture in of])) for of in sizes.values()]
    return stacks, files, np.char.replace(folders, os.sep, "/") if (folders != ".").any() else None


# ---- cutting, laying over a background, fitting ----


def cut(stacks, names, noun: str, tile, margin, spacing, facts: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut stacks of pictures into tiles: yields (source of each tile, (m,); tiles (m, tile height, tile width, 4)).

    Where nothing is said about tiles they have 16x16 pixels, and a picture that consists of blocks of one colour, as
    whole-number enlargements do, is brought back to size first.
    """
    guess = tile is None and margin == 0 and spacing == 0
    tile_x, tile_y = pair("tile", SIZE if tile is None else tile, least=1)
    (margin_x, margin_y), (gap_x, gap_y) = pair("margin", margin), pair("spacing", spacing)
    for which, stack in stacks:
        size = f"{stack.shape[2]}×{stack.shape[1]}"
        factors = find_enlargements(stack) if guess else np.ones(len(stack), dtype=int)
        for k in np.unique(factors):
            source, some = which[factors == k], stack[factors == k, ::k, ::k]
            _, height, width, _ = some.shape
            if tile_y + margin_y > height or tile_x + margin_x > width:
                raise SpriteError(f"{names[source[0]]}: {size} pixels, less than a tile of {tile_x}×{tile_y}. {ONE}")
            tiles = np.lib.stride_tricks.sliding_window_view(some, (tile_y, tile_x), axis=(1, 2))
            tiles = tiles[:, margin_y :: tile_y + gap_y, margin_x :: tile_x + gap_x].transpose(0, 1, 2, 4, 5, 3)
            n, rows, columns = tiles.shape[:3]
            rest_x = width - margin_x - columns * (tile_x + gap_x) + gap_x
            rest_y = height - margin_y - rows * (tile_y + gap_y) + gap_y
            if guess and (rest_x or rest_y or (noun == "picture" and rows * columns > 1)):
                raise SpriteError(
                    f"{names[source[0]]}: {size} pixels, not {SIZE}×{SIZE} or a sheet of such tiles. {ONE}"
                )
            fact = f"{many(n * rows * columns, 'sprite')} from {many(n, noun)} of {size}"
            if k > 1:
                fact += f", enlarged {k} times and brought back to {width}×{height}"
            if rows * columns > 1 or not guess:
                fact += f", cut into tiles of {tile_x}×{tile_y}"
            if any((margin_x, margin_y, gap_x, gap_y, rest_x, rest_y)):
                fact += f"; left out: {margin_x}×{margin_y} pixels before them, {gap_x}×{gap_y} between, "
                fact += f"{rest_x}×{rest_y} after"
            facts.append(f"{fact}.")
            if guess and n == len(names) > 1 and rows * columns > 1:
                facts.append(f"All have this one larger size. If each is one sprite, say tile=({width}, {height}).")
            yield np.repeat(source, rows * columns), tiles.reshape(-1, tile_y, tile_x, 4)


def pair(what: str, value: int | tuple[int, int], least: int = 0) -> list[int]:
    """One whole number for both directions, or (across, down)."""
    return [expect.count(what, number, least) for number in np.broadcast_to(value, 2)]


def find_enlargements(stack: np.ndarray) -> np.ndarray:
    """For each picture the largest k for which all its blocks of k x k pixels are of one colour and its size allows."""
    _, height, width, _ = stack.shape
    largest = np.ones(len(stack), dtype=int)
    for k in range(2, min(height, width) // SIZE + 1):
        if height % (SIZE * k) == 0 and width % (SIZE * k) == 0:
            again = stack[:, ::k, ::k].repeat(k, axis=1).repeat(k, axis=2)
            largest[(stack == again).all(axis=(1, 2, 3))] = k
    return largest


def lay_over(colour: list[int], tiles: np.ndarray, names: list, facts: list[str]) -> np.ndarray:
    """uint8 (N, height, width, 4) over a colour, (N, height, width, 3). Refuses what could not be seen on it."""
    images, lost = tiles[..., :3].copy(), []
    see_through = np.flatnonzero((tiles[..., 3] < 255).any(axis=(1, 2)))
    for i in see_through:
        opacity = tiles[i, ..., 3:].astype(np.float32) / 255
        images[i] = np.rint(images[i] * opacity + np.float32(colour) * (1 - opacity))
        if (images[i] == colour).all():
            lost.append(names[i])
    if lost:
        raise SpriteError(
            f"{lost[0]}: what is drawn there has the colour of the background, {colour}, and would not be seen; so in "
            f"{many(len(lost), 'sprite')}. Choose another one: sprites.load(path, background=(90, 110, 140))."
        )
    if len(see_through):
        facts.append(
            f"See-through pixels of {many(len(see_through), 'sprite')} took the colour of the background, {colour}; "
            "background=(r, g, b) chooses another."
        )
    return images


def fit(images: np.ndarray, colour: list[int], facts: list[str]) -> np.ndarray:
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
    x = torch.cat([x for _, x in ideal.chunks(images[tried], "cpu")])
    best, nearest = torch.full((len(x),), torch.inf), torch.zeros(len(x), dtype=torch.int64)
    for columns, x0 in ideal.chunks(images, "cpu"):
        distance = x0.square().sum(1) - 2 * x @ x0.T
        itself = torch.from_numpy(tried)[:, None] == torch.arange(columns.start, columns.start + len(x0))
        least, i = distance.masked_fill(itself, torch.inf).min(dim=1)
        nearest = torch.where(least < best, i + columns.start, nearest)
        best = torch.minimum(least, best)
    differ = np.abs(images[tried].astype(np.int16) - images[nearest.numpy()]) > 25
    return int((differ.any(-1).sum((1, 2)) <= SIZE * SIZE // 10).sum()), len(tried)
