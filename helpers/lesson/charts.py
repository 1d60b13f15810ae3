"""The style of all charts. What is drawn is computed in the notebook; charts_1.py and its sisters only draw.

Their functions return Figures for `pictures.show`. Lines differ in dash or marker as well as in colour.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.claims import wilson

INK, CORAL, GREEN, GOLD, GREY = "#28328c", "#d1495b", "#3a7d44", "#b8860b", "#8a8f9c"
LOOKS = [(INK, "-", "o"), (CORAL, "--", "s"), (GREEN, ":", "^"), (GOLD, "-.", "D")]  # colour, dash, marker of a line
STYLE = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
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
styled = plt.rc_context(STYLE)  # a decorator


def lines(ax, x, named: dict, **style) -> None:
    """Draw name -> values over x, each line with a look of its own."""
    for (name, values), (colour, dash, marker) in zip(named.items(), LOOKS, strict=False):
        ax.plot(x, values, color=colour, ls=dash, marker=marker, label=name, **style)


@styled
def shares(level: list[int], due: dict, hits: dict, n: int, xlabel: str, line: str, dots: str) -> Figure:
    """One panel an attribute, over the levels: a share that is due, and what was counted of n (Wilson 1927).

    level: L levels. due: attribute -> (L,) shares, 0..1. hits: attribute -> (L,) counts, 0..n. line and dots are their
    names in the legend. The attribute that is lost first comes first.
    """
    names = sorted(due, key=lambda name: np.sum(due[name]))
    rows = (len(names) + 1) // 2
    fig, axes = plt.subplots(rows, 2, figsize=(8.6, 1.25 * rows + 0.9), sharex=True, sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        low, high = np.array([wilson(int(k), n) for k in hits[name]]).T * 100
        ax.vlines(level, low, high, color=INK, lw=1.8)
        ax.plot(level, 100 * np.asarray(due[name]), color=CORAL, lw=1.6, ls="--", label=line)
        ax.plot(level, 100 * np.asarray(hits[name]) / n, color=INK, ls="", marker="o", ms=3.5, label=dots)
        ax.text(0.03, 0.08, name.replace("_", " "), transform=ax.transAxes, fontweight="bold")
        ax.set(ylim=(-6, 106), yticks=[0, 50, 100])
    fig.supxlabel(xlabel, fontsize=10)
    fig.supylabel("%", fontsize=10)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig
