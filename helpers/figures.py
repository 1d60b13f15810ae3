"""The charts of the notebooks: what is drawn is computed in the notebook, only the drawing is here.

Every function returns a matplotlib Figure for `viewer.show`. Lines differ in dash or label as well as in colour.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

INK, CORAL, GREEN, GOLD, GREY = "#28328c", "#d1495b", "#3a7d44", "#b8860b", "#8a8f9c"
BANDS = ("#28328c", "#6f7fd1", "#b9c2ec", "#eef0f8")  # from "it's Bob" to "no idea", dark to light
STYLE = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#555555",
    "legend.frameon": False,
    "lines.linewidth": 2,
}


def details(image: np.ndarray, spots: dict[str, np.ndarray], spans: dict[str, tuple[int, int]]) -> Figure:
    """One sprite, large, with what there is to learn pointed out.

    image: uint8 (16, 16, 3). spots: label -> bool (16, 16), the pixels of a fine detail, pointed at from the left.
    spans: label -> (first row, last row) of a coarse part, bracketed on the right.
    """
    fig, ax = _axes(4.6, 3.6)
    ax.imshow(image, interpolation="nearest")
    ax.set_axis_off()
    ax.set_xlim(-9, 24)
    for label, pixels in spots.items():
        row, column = np.argwhere(pixels).mean(axis=0)
        first = np.argwhere(pixels)[:, 1].min() if pixels.sum() > 6 else column  # the near edge of a large spot
        arrow = {"arrowstyle": "-|>", "color": CORAL, "lw": 1.6, "shrinkB": 2}
        ax.annotate(label, (first, row), (-3, row), ha="right", va="center", color="#222", arrowprops=arrow)
    for label, (top, bottom) in spans.items():
        ax.plot([16.2, 17, 17, 16.2], [top - 0.3, top - 0.3, bottom + 0.3, bottom + 0.3], color=INK, lw=1.6)
        ax.text(17.7, (top + bottom) / 2, label, va="center", color="#222")
    return fig


def spread(time: np.ndarray, measured: np.ndarray, predicted: np.ndarray) -> Figure:
    """Mean squared distance of a crowd of random walkers over time, measured and predicted, each (steps,)."""
    fig, ax = _axes(5.2, 2.7)
    ax.plot(time, predicted, color=CORAL, ls="--", label="predicted: 2 × steps × (step length)²")
    ax.plot(time[::5], measured[::5], color=INK, ls="", marker="o", ms=4, label="measured")
    ax.set(xlabel="steps", ylabel="mean squared distance", title="Nobody pushes, and yet the ink spreads")
    ax.legend()
    return fig


def walks(free: np.ndarray, pulled: np.ndarray, keep: np.ndarray, add: np.ndarray) -> Figure:
    """Walks of one pixel value without and with the pull to zero, each (walkers, T+1), beside their expected spread.

    keep, add: (T+1,) weights of the sprite and of the noise in the pulled walk.
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True, layout="constrained")
    level = np.arange(free.shape[1])
    steps = np.sqrt(np.diff(free, axis=1).var(axis=0).cumsum())
    middle, width = [np.full(len(level), free[0, 0]), keep * pulled[0, 0]], [np.r_[0, steps], add]
    for ax, walk, m, w, title in zip(
        axes,
        (free, pulled),
        middle,
        width,
        ("Noise alone: ever wider", "Noise and a pull to zero: bounded"),
        strict=True,
    ):
        ax.plot(level, walk.T, color=INK, lw=0.6, alpha=0.5)
        ax.plot(level, m, color=CORAL, ls="--", label="expected middle")
        ax.fill_between(
            level, m - 2 * w, m + 2 * w, color=CORAL, alpha=0.15, lw=0, label="19 of 20 walks should be here"
        )
        ax.set(xlabel="level t", title=title)
    axes[0].set_ylabel("value of one pixel")
    axes[1].legend(loc="lower left", fontsize=9)
    return fig


def weights(alpha_bar: np.ndarray) -> Figure:
    """The two weights of the noising formula over the levels. alpha_bar: (T+1,)."""
    fig, ax = _axes(5.6, 2.8)
    level = np.arange(len(alpha_bar))
    ax.plot(level, np.sqrt(alpha_bar), color=INK)
    ax.plot(level, np.sqrt(1 - alpha_bar), color=CORAL, ls="--")
    third = len(level) // 4
    ax.text(third, np.sqrt(alpha_bar[third]) + 0.04, "√alpha_bar: sprite kept", color=INK)
    ax.text(third + 8, np.sqrt(1 - alpha_bar[third]) - 0.12, "√(1 − alpha_bar): noise added", color=CORAL)
    ax.set(xlabel="level t", ylabel="weight", title="The sprite fades as the noise comes in")
    return fig


def verdicts(level: np.ndarray, bits: np.ndarray, total: float, starts: dict[str, int], name: str) -> Figure:
    """Bits known about who it is over the levels, with the bands of the four verdicts.

    level, bits: (L,). total: bits that single out one sprite. starts: verdict -> first level, in rising order.
    """
    fig, ax = _axes(7.2, 3.1)
    edges = [*starts.values(), level[-1]]
    for (verdict, start), end, colour in zip(starts.items(), edges[1:], BANDS, strict=True):
        ax.axvspan(start, end, color=colour, alpha=0.55, lw=0)
        ax.annotate(
            verdict, ((start + end) / 2, 1.02), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=9
        )
        if start:
            ax.annotate(f"t = {start}", (start, total * 0.04), rotation=90, ha="right", va="bottom", fontsize=8)
    ax.plot(level, bits, color="black")
    ax.axhline(total, color=GREY, lw=1, ls=":")
    ax.set(xlabel="level t", ylabel="bits known", xlim=(0, level[-1]), ylim=(0, total * 1.05))
    ax.set_title(f"How much a noisy {name} still tells about who it is", pad=22)
    return fig


def lost(level: np.ndarray, left: dict[str, np.ndarray], gone: dict[str, int]) -> Figure:
    """How much can still be told of each attribute, one row each, first lost on top.

    left: attribute -> (L,) share still known, 1 to 0. gone: attribute -> its level of no return.
    """
    names = sorted(left, key=gone.get)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            len(names), 1, figsize=(7.2, 0.5 * len(names) + 0.8), sharex=True, layout="constrained"
        )
    for ax, name in zip(axes, names, strict=True):
        ax.fill_between(level, left[name], color=INK, alpha=0.75, lw=0)
        ax.axvline(gone[name], color=CORAL, lw=2)
        ax.text(gone[name] + 5, 0.5, f"t = {gone[name]}", color=CORAL, fontsize=9, va="center", weight="bold")
        ax.set(ylim=(0, 1), yticks=[], xlim=(0, level[-1]))
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.spines["left"].set_visible(False)
    axes[0].set_title("How much of each detail can still be told")
    axes[-1].set_xlabel("level t")
    return fig


def frequencies(cycles: np.ndarray, gone: np.ndarray, waves: np.ndarray) -> Figure:
    """Level at which the noise drowns each spatial frequency, with a picture of a wave of that frequency.

    cycles, gone: (F,). waves: (F, 16, 16) values in [-1, 1].
    """
    fig, ax = _axes(7.2, 2.9)
    ax.bar(cycles, gone, width=0.6, color=INK)
    for c, t, wave in zip(cycles, gone, waves, strict=True):
        ax.text(c, t + 4, f"{t:.0f}", ha="center", fontsize=9)
        inset = ax.inset_axes((c - 0.26, 4, 0.52, 0.16 * gone.max()), transform=ax.transData)
        inset.imshow(wave, cmap="gray", vmin=-1, vmax=1, interpolation="nearest", aspect="auto")
        inset.set_xticks([])
        inset.set_yticks([])
    ax.set(xlabel="waves across the picture (coarse to fine)", ylabel="drowned at level t", xticks=cycles)
    ax.set(ylim=(0, gone.max() * 1.15), title="Fine patterns drown first")
    return fig


def bells(samples: dict[str, np.ndarray]) -> Figure:
    """Histogram over the bell curve, and quantile plot under it, for each named sample (n,)."""
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(
            2, len(samples), figsize=(2.9 * len(samples), 4.6), layout="constrained", squeeze=False
        )
    x = np.linspace(-4, 4, 201)
    quantiles = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    for (name, values), (top, bottom) in zip(samples.items(), axes.T, strict=True):
        top.hist(values, bins=80, range=(-4, 4), density=True, color=INK, alpha=0.55)
        top.plot(x, stats.norm.pdf(x), color=CORAL, ls="--")
        top.set(title=name, yticks=[], xlabel="pixel value")
        bottom.plot(quantiles, quantiles, color=CORAL, ls="--")
        bottom.plot(quantiles, np.quantile(values, (np.arange(200) + 0.5) / 200), color=INK, ls="", marker=".", ms=4)
        bottom.set(xlabel="quantile of the bell curve", xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
    axes[1, 0].set_ylabel("quantile of the pixels")
    return fig


def _axes(width: float, height: float):
    with plt.rc_context(STYLE):
        return plt.subplots(figsize=(width, height), layout="constrained")
