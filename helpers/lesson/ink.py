"""A drop of ink in a glass of water, told twice: as many particles on a random walk, and as an equation.

The glass is seen from the side, so this is diffusion in two dimensions. Nobody stirs. A particle is knocked about by
the water and forgets, step by step, where it came from (Einstein 1905); all of them together obey the diffusion
equation d(ink)/dt = D * laplacian(ink), and no ink leaves through a wall. Diffusion models are named after this
process (Sohl-Dickstein et al. 2015): noise does to an image what the water does to the drop.

Lengths are in widths of the glass, x to the right and y down from the surface of the water. Time is in units of
width^2 / D for the default D = 1: after one unit nothing is left to be seen of the drop.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch


@dataclass(frozen=True)
class Glass:
    """The water, the drop and how fast it spreads. Raises ValueError unless it makes sense physically.

    The drop is a Gaussian blob, folded back at the walls: the very shape into which a point of ink spreads, so that
    both accounts of what happens next are exact.
    """

    width: float = 1.0
    height: float = 1.25
    x: float = 0.5  # where the drop falls
    y: float = 0.2
    sigma: float = 0.03  # its radius, a standard deviation
    D: float = 1.0  # diffusivity: mean squared displacement is 2 D t in each direction

    def __post_init__(self):
        if not all(0 < v < math.inf for v in (self.width, self.height, self.sigma, self.D)):
            raise ValueError(f"width, height, sigma and D must be positive and finite: {self}")
        if not (0 <= self.x <= self.width and 0 <= self.y <= self.height):
            raise ValueError(f"the drop at ({self.x}, {self.y}) misses the glass: {self}")


GLASS = Glass()


@dataclass(frozen=True, eq=False)
class State:
    """The particles at one time: xy is (N, 2) float32, all inside the glass."""

    time: float
    xy: torch.Tensor


def walk(n, times, generator, glass=GLASS) -> Iterator[State]:
    """A random walk of n particles: yields their State at each of the times.

    times      increasing, none negative; 0 is the moment the drop is in
    generator  torch.Generator; the particles live on its device

    A step between two times is one normal sample with variance 2 D dt in x and in y (Einstein 1905), reflected at the
    walls. In a rectangular glass that is exact for steps of any length: small steps and large ones lead to the same
    distribution. Raises ValueError for bad times or n.
    """
    times = [float(time) for time in times]
    if n < 1:
        raise ValueError(f"n must be at least 1 particle, got {n}")
    if not all(0 <= time < math.inf for time in times):
        raise ValueError("times must be finite and not negative: the drop falls at time 0")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError("times must increase: a random walk cannot be run backwards")
    return _walk(n, times, generator, glass)


def _walk(n, times, generator, glass):
    walls = torch.tensor([glass.width, glass.height], device=generator.device)
    xy = torch.tensor([glass.x, glass.y], device=generator.device).expand(n, 2)
    variance, now = glass.sigma**2, 0.0  # the drop itself: a point that has spread by sigma
    for time in times:
        variance += 2 * glass.D * (time - now)
        xy = xy + math.sqrt(variance) * torch.randn(n, 2, generator=generator, device=generator.device)
        xy = xy.remainder(2 * walls)  # walls as mirrors: unfolded, the glass repeats every 2 widths ...
        xy = torch.minimum(xy, 2 * walls - xy)  # ... and every other copy is the wrong way round
        variance, now = 0.0, time
        yield State(time, xy)


def histogram(xy, shape, glass=GLASS):
    """Count particles: xy (N, 2) -> int64 (rows, columns) over a grid of that shape; the top row is the surface.

    Raises ValueError if a particle is outside the glass, or for a bad shape.
    """
    rows, columns = _check_shape(shape)
    walls = torch.tensor([glass.width, glass.height], device=xy.device)
    if not ((xy >= 0) & (xy <= walls)).all():  # NaN too
        raise ValueError("some particles are outside the glass (or NaN): was it another glass?")
    column = (xy[:, 0] / glass.width * columns).long().clamp(max=columns - 1)
    row = (xy[:, 1] / glass.height * rows).long().clamp(max=rows - 1)
    return torch.bincount(row * columns + column, minlength=rows * columns).view(rows, columns)


def field(time, shape, glass=GLASS):
    """The exact solution of the diffusion equation with walls that let nothing through, as a cosine series.

    Returns the share of the ink in each cell of a grid, float64 (rows, columns): what `histogram(...) / n` tends to for
    many particles. It is integrated over each cell, not sampled, so the shares sum to 1. Raises ValueError for a
    negative time or a bad shape.
    """
    if not 0 <= time < math.inf:
        raise ValueError(f"time must be finite and not negative: the drop falls at time 0; got {time}")
    rows, columns = _check_shape(shape)
    variance = glass.sigma**2 + 2 * glass.D * time
    # In a rectangle x and y spread independently: the field is a product.
    return _share(glass.y, glass.height, rows, variance)[:, None] * _share(glass.x, glass.width, columns, variance)


def _share(start, length, cells, variance):
    """The same in one dimension, (cells,): a point of ink at start, spread by the variance between two walls.

    density(x) = 1/L + 2/L * sum over k of cos(w start) cos(w x) exp(-w^2 variance / 2), where w = k pi / L: the cosines
    are level at both walls, so nothing flows there, and each decays at its own pace (Fourier 1822).
    """
    terms = math.ceil(9 * length / (math.pi * math.sqrt(variance)))  # those after it are below exp(-40)
    w = torch.arange(1, terms + 1, dtype=torch.float64)[:, None] * math.pi / length  # (K, 1)
    edges = torch.linspace(0, length, cells + 1, dtype=torch.float64)  # (cells+1,)
    decay = torch.exp(-(w**2) * variance / 2)
    below = edges / length + 2 / length * (torch.cos(w * start) * decay * torch.sin(w * edges) / w).sum(0)
    return below.diff()  # below: the share of the ink between 0 and each edge


def _check_shape(shape):
    rows, columns = shape
    if rows < 1 or columns < 1:
        raise ValueError(f"the grid must have at least one row and one column, got {shape}")
    return rows, columns


# ---- pictures ----

WATER = (180, 144)  # pixels of the water, (rows, columns): square ones, for the glass as it is by default
FRAME = (236, 184)  # pixels of the whole picture
TOP, LEFT = 32, 20  # where the water starts in it
ABSORBS = np.array([0.57, 0.35, 0.12])  # of red, green, blue, by ink mixed evenly: blue gets through best


def animate(generator, frames=100, n=300_000):
    """The story in pictures: uint8 (frames, 236, 184, 3), from a black drop to water of an even pale blue.

    n particles are walked and counted in every pixel. Time runs slowly at first, when most happens: frame i is at
    0.8 * (i / (frames - 1))^2.5. The colours mean the same in all frames. Raises ValueError for fewer than 2 frames.
    """
    if frames < 2:
        raise ValueError(f"an animation needs at least 2 frames, got {frames}")
    times = [0.8 * (i / (frames - 1)) ** 2.5 for i in range(frames)]
    return np.stack([picture(_soften(histogram(s.xy, WATER)) / n) for s in walk(n, times, generator)])


def picture(share):
    """The glass with the ink in it: uint8 (236, 184, 3), from shares of the ink in 180 x 144 cells, as of `field`.

    The light that comes through is exp(-ABSORBS * density), by the law of Beer and Lambert: twice the ink squares it.
    Raises ValueError for another grid.
    """
    share = np.asarray(share)
    if share.shape != WATER:
        raise ValueError(f"the picture has {WATER[0]} x {WATER[1]} cells of water, got shares of shape {share.shape}")
    behind, in_water, in_front, opacity = _glass()
    light = np.ones((*FRAME, 3))
    light[TOP : TOP + WATER[0], LEFT : LEFT + WATER[1]] = np.exp(-ABSORBS * share[..., None] * share.size)
    seen = behind * (1 - in_water * (1 - light))
    return (255 * (seen * (1 - opacity) + in_front * opacity) + 0.5).astype(np.uint8)


def _soften(counts):
    """Blur a little, (rows, columns): a particle is a speck as wide as a pixel or two, not a square."""
    weights = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    padded = torch.nn.functional.pad(counts.float().cpu()[None, None], (2, 2, 2, 2), mode="replicate")
    across = torch.nn.functional.conv2d(padded, weights.view(1, 1, 1, 5))
    return torch.nn.functional.conv2d(across, weights.view(1, 1, 5, 1))[0, 0]


@cache
def _glass():
    """The still parts of the picture: what lies behind the ink, where the water is, what lies before it, how opaque."""
    y, x = np.mgrid[: FRAME[0], : FRAME[1]] + 0.5
    left, right, top, bottom = LEFT, LEFT + WATER[1], TOP, TOP + WATER[0]

    def box(x0, x1, y0, y1, radius, soft=1.0):
        """1 inside a box with round corners, 0 outside; soft: width of the edge in pixels."""
        dx = np.abs(x - (x0 + x1) / 2) - (x1 - x0) / 2 + radius
        dy = np.abs(y - (y0 + y1) / 2) - (y1 - y0) / 2 + radius
        distance = np.hypot(dx.clip(0), dy.clip(0)) + np.minimum(np.maximum(dx, dy), 0) - radius
        return (0.5 - distance / soft).clip(0, 1)[..., None]

    def paint(onto, colour, where):
        return onto * (1 - where) + np.array(colour) / 255 * where

    inside = box(left, right, -99, bottom, 9)
    below_rim = (y > 14)[..., None]
    outside = box(left - 5, right + 5, -99, bottom + 9, 15) * below_rim
    wall = outside * (1 - inside)
    water = inside * box(left - 9, right + 9, top, bottom + 9, 0)

    behind = np.ones((*FRAME, 3)) * np.array([251, 249, 245]) / 255
    behind = paint(behind, (196, 190, 184), 0.55 * box(left, right, bottom + 7, bottom + 12, 2, soft=14))  # shadow
    behind = paint(behind, (243, 247, 250), 0.8 * outside)
    behind = paint(behind, (232, 243, 250), water)

    in_front, opacity = np.zeros((*FRAME, 3)), np.zeros((*FRAME, 1))

    def cover(colour, where):  # a layer of paint over all that is in front so far
        nonlocal in_front, opacity
        total = where + opacity * (1 - where)
        mixed = np.array(colour) / 255 * where + in_front * opacity * (1 - where)
        in_front, opacity = mixed / total.clip(1e-9), total

    cover((214, 226, 234), 0.75 * wall)
    cover((150, 170, 186), 0.8 * outside * (1 - box(left - 4, right + 4, -99, bottom + 8, 14)))  # outline
    cover((168, 188, 203), 0.7 * wall * box(left - 1, right + 1, -99, bottom + 1, 10))  # inner edge
    cover((168, 188, 203), 0.6 * box(left - 5, right + 5, 13, 14.2, 0))  # the rim
    cover((150, 178, 198), 0.8 * inside * box(left, right, top - 1, top + 0.6, 0))  # the surface
    cover((255, 255, 255), 0.30 * box(left + 9, left + 15, 26, bottom - 16, 3, soft=3))  # a window, reflected
    cover((255, 255, 255), 0.16 * box(left + 19, left + 21, 26, bottom - 40, 1, soft=2))
    cover((255, 255, 255), 0.14 * box(right - 10, right - 7, 40, bottom - 24, 1, soft=3))
    return behind, water, in_front, opacity
