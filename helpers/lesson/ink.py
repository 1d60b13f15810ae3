"""A drop of ink in a glass of water, as many particles on a random walk; and the walk of a sprite.

The glass is seen from the side, so this is diffusion in two dimensions. Nobody stirs. A particle is knocked about by
the water and forgets, step by step, where it came from (Einstein 1905); no ink leaves through a wall. Diffusion models
are named after this process (Sohl-Dickstein et al. 2015): noise does to an image what the water does to the drop.

Lengths are in widths of the glass, x to the right and y down from the surface. Time is in units of width^2 over the
diffusivity: after one unit nothing is left to be seen of the drop.
"""

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from helpers.schedule import Schedule

WALLS = (1.0, 1.25)  # width and depth of the water
DROP, SIGMA = (0.5, 0.2), 0.03  # where it falls, and its radius, a standard deviation: a point that has spread a little
CELLS = (180, 144)  # the water in square cells, (rows, columns); in pictures each is a pixel


def particles(n: int, times, generator: torch.Generator) -> Iterator[Tensor]:
    """A random walk of n particles: yields where they are, (n, 2) float32, at each of the increasing times.

    A step is one normal sample with variance 2 dt in x and in y (Einstein 1905), reflected at the walls. In a
    rectangular glass that is exact for steps of any length. Raises ValueError if the times do not increase from 0 on.
    """
    walls = torch.tensor(WALLS, device=generator.device)
    xy = torch.tensor(DROP, device=generator.device).expand(n, 2)
    now = -(SIGMA**2) / 2  # when the drop was a point
    for time in times:
        if not (time > now and time >= 0):
            raise ValueError(f"times must increase from 0 on, since a random walk cannot be run backwards: {time}")
        step = torch.randn(n, 2, generator=generator, device=generator.device)
        xy = (xy + math.sqrt(2 * (time - now)) * step).remainder(2 * walls)  # walls as mirrors: unfolded, the glass ...
        xy = torch.minimum(xy, 2 * walls - xy)  # ... repeats every 2 widths, every other copy the wrong way round
        now = time
        yield xy


def count(xy: Tensor) -> Tensor:
    """Particles (n, 2) in each cell of the water: int64 (180, 144); the top row is the surface."""
    rows, columns = CELLS
    column = (xy[:, 0] / WALLS[0] * columns).long().clamp(max=columns - 1)
    row = (xy[:, 1] / WALLS[1] * rows).long().clamp(max=rows - 1)
    return torch.bincount(row * columns + column, minlength=rows * columns).view(rows, columns)


def walk(x: Tensor, sched: Schedule, generator: torch.Generator, pull: bool = True) -> Iterator[Tensor]:
    """Take the values x, of any shape, through all levels step by step: yields them at levels 1, 2, ..., T.

    A step multiplies x by sqrt(1 - beta[t]) and adds noise of variance beta[t] (Ho et al. 2020, eq. 2). Without the
    pull, it adds noise of variance 0.01 and multiplies by nothing, as the water does to the ink.
    """
    for beta in sched.beta[1:]:
        noise = torch.randn(x.shape, generator=generator)
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise if pull else x + 0.1 * noise
        yield x


# ---- pictures ----

FRAME, TOP, LEFT = (236, 184), 32, 20  # pixels of the whole picture, (rows, columns), and where the water starts in it
ABSORBS = np.array([0.57, 0.35, 0.12])  # of red, green, blue, by ink mixed evenly: blue gets through best


def animate(generator: torch.Generator, frames: int = 100, n: int = 300_000) -> np.ndarray:
    """The story in pictures: uint8 (frames, 236, 184, 3), from a black drop to water of an even pale blue.

    n particles are counted in every cell. Time runs slowly at first, when most happens: frame i of 0..frames-1 is at
    0.8 * (i / (frames - 1))^2.5. The colours mean the same in all frames.
    """
    times = [0.8 * (i / (frames - 1)) ** 2.5 for i in range(frames)]
    blur = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16  # a particle is a speck as wide as a pixel or two, no square
    blur = (blur[:, None] * blur)[None, None]
    counts = (count(xy).float().cpu()[None, None] for xy in particles(n, times, generator))
    padded = (torch.nn.functional.pad(x, (2, 2, 2, 2), mode="replicate") for x in counts)
    return np.stack([picture(torch.nn.functional.conv2d(x, blur)[0, 0] / n) for x in padded])


def picture(share) -> np.ndarray:
    """The glass with the ink in it: uint8 (236, 184, 3), from the share of the ink in each cell.

    The light that comes through is exp(-ABSORBS * density), by the law of Beer and Lambert: twice the ink squares it.
    """
    share = np.asarray(share)[..., None]
    behind, water, glass = _glass()
    seen = np.array(behind, dtype=float)
    where = slice(TOP, TOP + CELLS[0]), slice(LEFT, LEFT + CELLS[1])
    inside = np.asarray(water)[where][..., None] / 255  # the corners of the glass are round
    seen[where] *= 1 - inside * (1 - np.exp(-ABSORBS * share * share.size))
    picture = Image.fromarray((seen + 0.5).astype(np.uint8))
    picture.paste(glass, mask=glass)
    return np.asarray(picture)


@cache
def _glass() -> tuple[Image.Image, Image.Image, Image.Image]:
    """The still parts of the picture: what lies behind the ink, where the water is, and the glass before it."""
    big = 4  # drawn so much larger, then made smaller: smooth edges
    right, bottom = LEFT + CELLS[1], TOP + CELLS[0]

    def layer(mode, ground, *boxes):
        """Boxes with round corners: (left, top, right, bottom, radius, colour of the inside, of the outline)."""
        image = Image.new(mode, (FRAME[1] * big, FRAME[0] * big), ground)
        for *box, radius, fill, outline in boxes:
            where = [big * v for v in box]
            ImageDraw.Draw(image).rounded_rectangle(where, big * radius, fill=fill, outline=outline, width=big)
        return image.resize((FRAME[1], FRAME[0]), Image.Resampling.LANCZOS)

    outer, inner = (LEFT - 5, -40, right + 5, bottom + 9, 15), (LEFT - 1, -40, right + 1, bottom + 1, 10)
    water = layer("L", 0, (LEFT, TOP, right, bottom, 9, 255, None), (LEFT, TOP, right, bottom - 20, 0, 255, None))
    paper, wall, line = (251, 249, 245), (226, 233, 239), (150, 170, 186)
    behind = layer("RGB", paper, (LEFT, bottom + 8, right, bottom + 13, 2, (205, 200, 195), None))
    behind = behind.filter(ImageFilter.GaussianBlur(4))
    behind.paste(layer("RGB", (244, 248, 250)), mask=layer("L", 0, (*outer, 255, None)))
    behind.paste(layer("RGB", (232, 243, 250)), mask=water)
    white = [
        ((LEFT + 9, TOP + 8, LEFT + 15, bottom - 16, 3), 77),
        ((LEFT + 19, TOP + 8, LEFT + 21, bottom - 40, 1), 41),
    ]
    glass = layer(
        "RGBA",
        (0, 0, 0, 0),
        (*outer, (*wall, 200), (*line, 220)),
        (*inner, (0, 0, 0, 0), (*line, 190)),
        (LEFT, TOP - 1, right, TOP, 0, (*line, 200), None),
        *((*box, (255, 255, 255, strength), None) for box, strength in white),
    )
    above = layer("RGB", paper, (0, 14, *FRAME[::-1], 0, None, None)).crop((0, 0, FRAME[1], 14))
    behind.paste(above, (0, 0))
    glass.paste((0, 0, 0, 0), (0, 0, FRAME[1], 14))
    return behind, water, glass
