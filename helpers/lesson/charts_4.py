"""The charts of notebook 4."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.charts import CORAL, GREY, INK, lines, styled


@styled
def shares(found: dict[str, tuple[float, float, tuple[float, float]]]) -> Figure:
    """Options, one a row: how often each was drawn (bar), the range of chance around it, and its true share (diamond).

    found: option -> (share drawn, true share, (lowest, highest)), each 0..1.
    """
    fig, ax = plt.subplots(figsize=(6.6, 0.2 * len(found) + 1))
    here, there, bands = zip(*found.values(), strict=True)
    low, high = 100 * np.array(bands).T
    rows = np.arange(len(found))
    ax.barh(rows, 100 * np.array(here), color=INK, alpha=0.35, height=0.7, label="drawn")
    ax.hlines(rows, low, high, color=INK, lw=1.5, label="range of chance")
    ax.plot(100 * np.array(there), rows, color=CORAL, ls="", marker="D", ms=4.5, label="should be")
    ax.set_yticks(rows, list(found), fontsize=8)
    ax.set(xlabel="% of the sprites", ylim=(len(found) - 0.4, -0.6), xlim=(0, None))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


@styled
def against_w(strength: list[float], curves: dict[str, np.ndarray], chance: float) -> Figure:
    """One panel for each who: shares obeyed, valid, and off the mix, against how strongly was asked.

    strength: K values of w. curves: who -> (K, 3), shares 0..1. chance: the mix that chance alone is off by.
    """
    fig, axes = plt.subplots(1, len(curves), figsize=(8.2, 3), sharey=True, squeeze=False)
    for ax, (who, rows) in zip(axes[0], curves.items(), strict=True):
        lines(ax, strength, dict(zip(("obeyed", "valid", "mix off"), 100 * rows.T, strict=True)))
        ax.axhline(100 * chance, color=GREY, lw=1, ls=":")
        ax.set_xscale("log", base=2)
        ax.set_xticks(strength, [f"{w:g}" for w in strength])
        ax.set(title=who, xlabel="w, how strongly was asked", ylim=(-3, 104))
    axes[0, 0].set_ylabel("%")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig
