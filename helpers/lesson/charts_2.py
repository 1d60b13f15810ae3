"""The charts of notebook 2."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.charts import CORAL, GREY, INK, lines, styled

PLACES = (0, 2.25), (1.35, 2.25), (2.7, 2.25), (4.05, 0.5), (5.4, 2.25), (6.75, 2.25), (8.1, 2.25)  # the tour's stops
TILES = 9  # channels shown of each stop


@styled
def tour(stops: dict) -> Figure:
    """What a U-Net makes of one picture, along its way: seven stops, the fourth on the coarse path.

    stops: name -> (C, h, w) array. Three channels in [-1, 1] are shown as the picture that they are; of more, those
    nine that differ most from place to place, each in greys of its own.
    """
    fig, ax = plt.subplots(figsize=(9.6, 3.7))
    for (name, x), (left, middle) in zip(stops.items(), PLACES, strict=True):
        tiles = np.clip((x.transpose(1, 2, 0) + 1) / 2, 0, 1) if len(x) == 3 else _tiles(x)
        bottom = middle - 0.5
        ax.imshow(tiles, cmap="gray", interpolation="nearest", extent=(left, left + 1, bottom, bottom + 1))
        ax.text(left + 0.5, bottom - 0.06, name, ha="center", va="top", fontsize=9, weight="bold")
        ax.text(left + 0.5, bottom - 0.22, " × ".join(map(str, x.shape)), ha="center", va="top", fontsize=9)
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.6}
    for left, _ in (PLACES[0], PLACES[1], PLACES[4], PLACES[5]):
        ax.annotate("", (left + 1.33, 2.25), (left + 1.02, 2.25), arrowprops=arrow)
    ax.annotate("", (4.02, 0.7), (3.2, 1.35), arrowprops=arrow)
    ax.annotate("", (5.9, 1.35), (5.07, 0.7), arrowprops=arrow)
    ax.annotate("", (5.38, 2.25), (3.72, 2.25), arrowprops={**arrow, "color": CORAL, "ls": "--"})
    ax.text(4.55, 2.33, "skip", color=CORAL, ha="center", weight="bold")
    ax.set(xlim=(-0.05, 9.15), ylim=(-0.4, 2.8), aspect="equal")
    ax.set_axis_off()
    return fig


def _tiles(x: np.ndarray) -> np.ndarray:
    """(C, h, w) -> nine channels, three by three, with a white line between them."""
    busiest = np.sort(np.argsort(-x.std(axis=(1, 2)), kind="stable")[:TILES])
    low, high = (f(x[busiest], axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    tiles = (x[busiest] - low) / np.maximum(high - low, 1e-9)
    scale = 24 // x.shape[1]  # all stops alike in size
    tiles = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    tiles = np.pad(tiles, ((0, 0), (1, 1), (1, 1)), constant_values=1)
    return np.concatenate([np.concatenate(list(tiles[i : i + 3]), axis=1) for i in (0, 3, 6)])


@styled
def falling(losses: list[float]) -> Figure:
    """The loss of every training step, and its running mean over 50 steps, on a logarithmic scale."""
    fig, ax = plt.subplots(figsize=(7.2, 2.7))
    steps, width = np.arange(1, len(losses) + 1), min(50, len(losses))
    ax.plot(steps, losses, color=GREY, lw=0.6, alpha=0.7, label="each step")
    mean = np.convolve(losses, np.ones(width) / width, mode="valid")
    ax.plot(steps[: len(mean)] + (width - 1) / 2, mean, color=INK, label=f"mean of {width} steps")
    ax.set(xlabel="step", ylabel="loss", yscale="log", title="The loss falls fast, then slowly")
    ax.legend()
    return fig


@styled
def by_level(level, floor, errors: dict) -> Figure:
    """Mean squared error by level, on a logarithmic scale: the floor shaded, name -> (L,) above it."""
    fig, ax = plt.subplots(figsize=(7.2, 3.4))
    least = 1e-4
    floor = np.maximum(floor, least)
    ax.fill_between(level, least, floor, color=GREY, alpha=0.3, lw=0)
    ax.plot(level, floor, color="black", lw=1.2, label="floor: the best possible answer")
    lines(ax, level, errors, ms=4, lw=1.6)
    ax.set(xlabel="level t", ylabel="mean squared error", yscale="log", ylim=(least, 1), xlim=(0, level[-1]))
    ax.set_title("How far the guess is off, level by level")
    ax.legend(loc="lower right", fontsize=9)
    return fig
