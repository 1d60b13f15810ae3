"""The charts of notebook 2."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.charts import CORAL, GREY, INK, lines, styled

PLACES = (0, 1.9), (1.9, 1.9), (3.8, 0.3), (5.7, 1.9), (7.6, 1.9)  # left and bottom of the tour's stops


@styled
def tour(stops: dict, words: dict[str, str]) -> Figure:
    """What a U-Net makes of one picture, along its way: five stops, the third on the coarse path.

    stops: name -> (C, h, w) array. Three channels in [-1, 1] are shown as the picture that they are; of more, the one
    that differs most from place to place, in greys. words: name -> what happens there.
    """
    fig, ax = plt.subplots(figsize=(9.6, 3.9))
    for (name, x), (left, bottom) in zip(stops.items(), PLACES, strict=True):
        image = np.clip((x.transpose(1, 2, 0) + 1) / 2, 0, 1) if len(x) == 3 else x[x.std(axis=(1, 2)).argmax()]
        ax.imshow(image, cmap="gray", interpolation="nearest", extent=(left, left + 1.35, bottom, bottom + 1.35))
        shape = " × ".join(map(str, x.shape))
        ax.text(left + 0.67, bottom + 1.4, name, ha="center", va="bottom", fontsize=10, weight="bold")
        ax.text(left + 0.67, bottom - 0.06, f"{shape}\n{words[name]}", ha="center", va="top", fontsize=9)
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.6}
    for left in (0, 5.7):
        ax.annotate("", (left + 1.87, 2.57), (left + 1.38, 2.57), arrowprops=arrow)
    ax.annotate("", (3.77, 1.3), (3.28, 1.95), arrowprops=arrow)
    ax.annotate("", (5.67, 1.95), (5.18, 1.3), arrowprops=arrow)
    ax.annotate("", (5.67, 2.75), (3.28, 2.75), arrowprops={**arrow, "color": CORAL, "ls": "--"})
    ax.text(4.47, 2.83, "skip", color=CORAL, ha="center", weight="bold")
    ax.set(xlim=(-0.05, 9), ylim=(-0.35, 3.6), aspect="equal")
    ax.set_axis_off()
    return fig


@styled
def followed(shares: dict[str, tuple[float, float]]) -> Figure:
    """Sprites with a stranger's coarse path: attribute -> (share with the stranger's option, share with its own)."""
    names = sorted(shares, key=lambda name: shares[name][0] - shares[name][1])
    theirs, own = (np.array([100 * shares[name][k] for name in names]) for k in (0, 1))
    fig, ax = plt.subplots(figsize=(7.2, 3.3))
    ax.barh(names, theirs, color=INK, label="the stranger's")
    ax.barh(names, 100 - theirs - own, left=theirs, color="#e3e3e8", label="neither")
    ax.barh(names, own, left=100 - own, color=CORAL, hatch="///", edgecolor="white", label="its own")
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.set(xlabel="% of the sprites where the two differ", xlim=(0, 100))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3, fontsize=9)
    return fig


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
    """Mean squared error by level, on a logarithmic scale: the floor shaded, name -> (L,) above it.

    A floor below 1e-4, the lower edge of the chart, is not drawn.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.6))
    least, level = 1e-4, np.asarray(level)
    seen = np.where(np.asarray(floor) >= least, floor, np.nan)
    ax.fill_between(level, least, seen, color=GREY, alpha=0.3, lw=0)
    ax.plot(level, seen, color="black", lw=1.2, label="floor: the best possible answer")
    lines(ax, level, errors, ms=4, lw=1.6)
    ax.set(xlabel="level t", ylabel="mean squared error", yscale="log", ylim=(least, 3), xlim=(0, level[-1]))
    if np.isnan(seen).any():
        ax.text(level[0], 1.25 * least, "  floor below 0.0001", fontsize=9, color="black")
    ax.legend(loc="upper left", fontsize=9)
    return fig
