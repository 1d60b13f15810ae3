"""The charts of notebook 2. As in figures.py: what is drawn is computed in the notebook, only the drawing is here."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.charts_1 import CORAL, GOLD, GREEN, GREY, INK, STYLE

STOPS = ((0, 1), (1, 1), (2, 1), (3, 0), (4, 1), (5, 1), (6, 1))  # of the tour: place across, and 0 for the coarse path
TILES = 9  # channels shown of each stop


@plt.rc_context(STYLE)
def tour(stops: dict) -> Figure:
    """What a U-Net makes of one picture, along its way: seven stops, the fourth on the coarse path.

    stops: name -> (C, h, w) array. Three channels in [-1, 1] are shown as the picture that they are; of more, those
    nine that differ most from place to place, each in greys of its own.
    """
    if len(stops) != len(STOPS):
        raise ValueError(f"the tour has {len(STOPS)} stops; got {len(stops)}")
    fig, ax = plt.subplots(figsize=(9.6, 3.7), layout="constrained")
    for (name, x), (column, row) in zip(stops.items(), STOPS, strict=True):
        x = np.asarray(x)
        tiles = np.clip((x.transpose(1, 2, 0) + 1) / 2, 0, 1) if len(x) == 3 else _tiles(x)
        left, bottom = 1.35 * column, 1.75 * row
        ax.imshow(tiles, cmap="gray", interpolation="nearest", extent=(left, left + 1, bottom, bottom + 1))
        ax.text(left + 0.5, bottom - 0.06, name, ha="center", va="top", fontsize=9, weight="bold")
        ax.text(left + 0.5, bottom - 0.22, " × ".join(map(str, x.shape)), ha="center", va="top", fontsize=9)
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.6}
    for start, end in (((1.02, 2.25), (1.33, 2.25)), ((2.37, 2.25), (2.68, 2.25)), ((3.2, 1.35), (4.02, 0.7))):
        ax.annotate("", end, start, arrowprops=arrow)
    for start, end in (((5.07, 0.7), (5.9, 1.35)), ((6.42, 2.25), (6.73, 2.25)), ((7.77, 2.25), (8.08, 2.25))):
        ax.annotate("", end, start, arrowprops=arrow)
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


@plt.rc_context(STYLE)
def falling(losses: list[float]) -> Figure:
    """The loss of every training step, and its running mean over 50 steps, on a logarithmic scale."""
    fig, ax = plt.subplots(figsize=(7.2, 2.7), layout="constrained")
    steps = np.arange(1, len(losses) + 1)
    width = min(50, len(losses))
    ax.plot(steps, losses, color=GREY, lw=0.6, alpha=0.7, label="each step")
    mean = np.convolve(losses, np.ones(width) / width, mode="valid")
    ax.plot(steps[: len(mean)] + (width - 1) / 2, mean, color=INK, label=f"mean of {width} steps")
    ax.set(xlabel="step", ylabel="loss", yscale="log", title="The loss falls fast, then slowly")
    ax.legend()
    return fig


@plt.rc_context(STYLE)
def by_level(level, floor, lines: dict) -> Figure:
    """Mean squared error by level, on a logarithmic scale: the floor shaded, the lines (L,) above it."""
    fig, ax = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    least = 1e-4
    ax.fill_between(level, least, np.maximum(floor, least), color=GREY, alpha=0.3, lw=0)
    ax.plot(level, np.maximum(floor, least), color="black", lw=1.2, label="floor: the best possible answer")
    for (name, error), (colour, dash, mark) in zip(
        lines.items(), ((INK, "-", "o"), (CORAL, "--", "s"), (GREEN, ":", "^"), (GOLD, "-.", "D")), strict=False
    ):
        ax.plot(level, error, color=colour, ls=dash, marker=mark, ms=4, lw=1.6, label=name)
    ax.set(xlabel="level t", ylabel="mean squared error", yscale="log", ylim=(least, 1), xlim=(0, level[-1]))
    ax.set_title("How far the guess is off, level by level")
    ax.legend(loc="lower right", fontsize=9)
    return fig
