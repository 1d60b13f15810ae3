"""The charts of notebook 1."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from helpers.lesson.charts import CORAL, GREY, INK, lanes, styled

BANDS = ("#28328c", "#6f7fd1", "#b9c2ec", "#eef0f8")  # from "it's Bob" to "no idea", dark to light


@styled
def details(world, i: int) -> Figure:
    """Member i of a world, large, with what there is to learn about it pointed out.

    A detail is where its twin, equal in all other attributes, differs: so the arrows follow the art. Without a twin, as
    among a learner's own sprites, there is no arrow.
    """
    fig, ax = plt.subplots(figsize=(5.2, 3.4))
    ax.imshow(world.images[i], interpolation="nearest")
    ax.set_axis_off()
    ax.set_xlim(-11, 26)
    belt = world.describe(i).get("belt")
    for attribute, label in (("hair_colour", "the colour of the hair"), ("belt", "a buckle" * (belt == "buckle"))):
        if label and (detail := _detail(world, i, attribute)) is not None:
            row, column = np.argwhere(detail).mean(axis=0)
            arrow = {"arrowstyle": "-|>", "color": CORAL, "lw": 1.6}
            ax.annotate(label, (column - 0.4, row), (-1.5, row), ha="right", va="center", arrowprops=arrow)
    if (clothes := _detail(world, i, "outfit_colour")) is not None:
        waist = np.argwhere(clothes)[:, 0].min()  # the first row of clothes
        rows = np.flatnonzero((world.images[i] < 250).any(axis=(1, 2)))
        for label, top, bottom in (("a head", rows[0], waist - 1), ("a body", waist, rows[-1])):
            ax.plot([16.2, 17, 17, 16.2], [top - 0.3, top - 0.3, bottom + 0.3, bottom + 0.3], color=INK, lw=1.6)
            ax.text(17.7, (top + bottom) / 2, label, va="center")
    return fig


def _detail(world, i: int, attribute: str) -> np.ndarray | None:
    """Bool (16, 16): what of member i changes with this attribute alone, by its most similar twin. None without one."""
    if attribute not in world.labels:
        return None
    same = np.logical_and.reduce([of == of[i] for name, of in world.labels.items() if name != attribute])
    twins = np.flatnonzero(same & (world.labels[attribute] != world.labels[attribute][i]))
    changed = [(world.images[twin] != world.images[i]).any(axis=-1) for twin in twins]
    return min(changed, key=np.sum, default=None)


@styled
def spread(time: np.ndarray, measured: np.ndarray, predicted: np.ndarray) -> Figure:
    """Mean squared distance of a crowd of random walkers over time, measured and predicted, each (steps,)."""
    fig, ax = plt.subplots(figsize=(5.2, 2.7))
    ax.plot(time, predicted, color=CORAL, ls="--", label="predicted: 2 × steps × (step length)²")
    ax.plot(time[::5], measured[::5], color=INK, ls="", marker="o", ms=4, label="measured")
    ax.set(xlabel="steps", ylabel="mean squared distance", title="Nobody pushes, and yet the ink spreads")
    ax.legend()
    return fig


@styled
def walks(paths: list, alpha_bar) -> Figure:
    """Walks of one pixel value over the levels, without and with the pull to zero, and where the second should be.

    paths: for each level 0..T the values (free, pulled) of all walkers, two tensors (walkers,). alpha_bar: (T+1,).
    """
    free, pulled = (np.stack([np.asarray(pair[k]) for pair in paths]) for k in (0, 1))  # (T+1, walkers)
    level, alpha_bar = np.arange(len(paths)), np.asarray(alpha_bar)
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True)
    left.plot(level, free, color=INK, lw=0.7, alpha=0.5)
    left.set(xlabel="level t", ylabel="value of one pixel", title="Noise alone: ever wider")
    right.plot(level, pulled, color=INK, lw=0.7, alpha=0.5)
    middle, width = np.sqrt(alpha_bar) * pulled[0, 0], np.sqrt(1 - alpha_bar)
    right.plot(level, middle, color=CORAL, ls="--", label="expected middle")
    band = {"color": CORAL, "alpha": 0.25, "lw": 0, "label": "95 of 100 walks at any level"}
    right.fill_between(level, middle - 2 * width, middle + 2 * width, **band)
    right.set(xlabel="level t", title="Noise and a pull to zero: bounded")
    right.legend(fontsize=9, loc="lower left")
    return fig


@styled
def weights(alpha_bar: np.ndarray) -> Figure:
    """The two weights of the noising formula over the levels. alpha_bar: (T+1,)."""
    fig, ax = plt.subplots(figsize=(5.6, 2.8))
    keep, add, third = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar), len(alpha_bar) // 4
    ax.plot(keep, color=INK)
    ax.plot(add, color=CORAL, ls="--")
    ax.text(third, keep[third] + 0.04, "√alpha_bar: sprite kept", color=INK)
    ax.text(third + 8, add[third] - 0.12, "√(1 − alpha_bar): noise added", color=CORAL)
    ax.set(xlabel="level t", ylabel="weight", title="The sprite fades as the noise comes in")
    return fig


@styled
def verdicts(level: np.ndarray, bits: np.ndarray, total: float, starts: dict[str, int]) -> Figure:
    """Bits known about who it is over the levels, with the bands of the four verdicts.

    level, bits: (L,). total: bits that single out one sprite. starts: verdict -> first level, in rising order.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.1))
    edges = [*starts.values(), level[-1]]
    for (verdict, start), end, colour in zip(starts.items(), edges[1:], BANDS, strict=False):
        ax.axvspan(start, end, color=colour, alpha=0.55, lw=0)
        ax.text((start + end) / 2, total * 1.07, verdict, ha="center", fontsize=9)
        if start:
            ax.text(start, total * 0.45, f"t = {start}", rotation=90, ha="right", fontsize=8)
    ax.plot(level, bits, color="black")
    ax.axhline(total, color=GREY, lw=1, ls=":")
    ax.set(xlabel="level t", ylabel="bits known", xlim=(0, level[-1]), ylim=(0, total * 1.05))
    ax.set_title("How much a noisy sprite still tells about who it is", pad=22)
    return fig


@styled
def lost(level: np.ndarray, left: dict[str, np.ndarray], gone: dict[str, int]) -> Figure:
    """How much can still be told of each attribute, first lost on top. As in `charts.lanes`."""
    fig, _ = lanes(level, left, gone)
    fig.axes[0].set_title("How much of each detail can still be told")
    fig.axes[-1].set_xlabel("level t")
    return fig


@styled
def frequencies(cycles: np.ndarray, drowned: np.ndarray) -> Figure:
    """The level at which noise drowns each spatial frequency, over a drawing of such a wave. Both (F,)."""
    fig, ax = plt.subplots(figsize=(7.2, 3))
    ax.bar_label(ax.bar(cycles, drowned, width=0.6, color=INK), fmt="t = {:g}", padding=3, fontsize=9)
    x = np.linspace(-0.3, 0.3, 100)
    for c in cycles:
        ax.plot(c + x, (-0.12 + 0.06 * np.cos(2 * np.pi * c * x / 0.6)) * drowned.max(), color=CORAL, lw=1.3)
    ax.set(ylabel="drowned from level t on", ylim=(-0.2 * drowned.max(), drowned.max() * 1.15), xticks=cycles)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= drowned.max()])
    ax.set(xlabel="waves across the picture: from 1, broad, to 8, fine", title="Fine patterns drown first")
    return fig


@styled
def bells(samples: dict[str, np.ndarray]) -> Figure:
    """Histogram over the bell curve, and quantile plot under it, for each named sample (n,)."""
    fig, axes = plt.subplots(2, len(samples), figsize=(2.9 * len(samples), 4.6), squeeze=False)
    x, share = np.linspace(-4, 4, 201), (np.arange(200) + 0.5) / 200
    quantiles = stats.norm.ppf(share)
    for (name, values), (top, bottom) in zip(samples.items(), axes.T, strict=True):
        top.hist(values, bins=80, range=(-4, 4), density=True, color=INK, alpha=0.55)
        top.plot(x, stats.norm.pdf(x), color=CORAL, ls="--")
        top.set(title=name, yticks=[], xlabel="pixel value")
        bottom.plot(quantiles, quantiles, color=CORAL, ls="--")
        bottom.plot(quantiles, np.quantile(values, share), color=INK, ls="", marker=".", ms=4)
        bottom.set(xlabel="quantile of the bell curve", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    axes[1, 0].set_ylabel("quantile of the pixels")
    return fig
