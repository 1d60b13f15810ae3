"""The charts of notebook 3."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from helpers.lesson.charts import CORAL, GREY, INK, LOOKS, lanes, lines, styled

TEXT, PALE = "#1c1c22", "#dfe2f1"


@styled
def mix(frequencies: dict[str, dict[str, tuple[float, float]]], names: list[str]) -> Figure:
    """How common each option is among the sprites drawn (bars) and in the world (diamonds), one panel an attribute.

    frequencies: as in judge.Report. names: the attributes to show.
    """
    most = max(len(frequencies[name]) for name in names)
    fig, axes = plt.subplots(1, len(names), figsize=(2.9 * len(names), 0.3 * most + 1.1), squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        options = list(frequencies[name])
        here, there = np.array([frequencies[name][option] for option in options]).T * 100
        ax.barh(options, here, color=INK, alpha=0.6, height=0.62, label="drawn by the network")
        ax.plot(there, options, color=CORAL, ls="", marker="D", ms=6, label="the world")
        ax.set(title=name.replace("_", " "), xlabel="%", ylim=(most - 0.4, -0.6))
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


@styled
def quality(steps: list[int], valid: dict, n: int, enough: int | None, what: str = "valid sprites") -> Figure:
    """Share of valid sprites against the number of steps, with the range that chance alone explains (Wilson 1927).

    steps: how many steps. valid: name -> share for each of them, 0..1. n: how many sprites each share was counted on.
    enough: where more steps stop helping, if anywhere. what: what was counted.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.1))
    lines(ax, steps, {name: 100 * np.array(share) for name, share in valid.items()})
    for share, (colour, *_) in zip(map(np.array, valid.values()), LOOKS, strict=False):
        middle, chance = share + 2 / n, 2 * np.sqrt(share * (1 - share) / n + 1 / n**2)
        low, high = (100 * (middle + sign * chance) / (1 + 4 / n) for sign in (-1, 1))
        ax.fill_between(steps, low, high, color=colour, alpha=0.13, lw=0)
    if enough:
        ax.axvline(enough, color=GREY, lw=1.2, ls=":")
        ax.text(enough * 1.04, 6, f"from {enough} steps on,\nmore help little", color="#555555", fontsize=9)
    ax.set_xscale("log")
    ax.set_xticks(steps, [str(s) for s in steps])
    ax.minorticks_off()
    ax.set(xlabel="steps (each asks the network once)", ylabel=f"{what}, %", ylim=(-3, 103))
    ax.set_title("How many steps does a sprite take?")
    ax.legend(loc="upper left")
    return fig


@styled
def noise_left(level: list[int], promised: np.ndarray, measured: dict[str, np.ndarray]) -> Figure:
    """How strong the noise in the picture is while sampling, and how strong the level says that it is. Each (L,)."""
    fig, ax = plt.subplots(figsize=(7.2, 2.9))
    ax.plot(level, promised, color=GREY, lw=7, alpha=0.45, label="what the level promises")
    lines(ax, level, measured, ms=3.5, lw=1.3)
    ax.set(xlabel="level t (sampling runs from right to left)", ylabel="noise in the picture", xlim=(0, max(level)))
    ax.set_title("Is there as much noise as the network is told?")
    ax.legend(loc="center right", bbox_to_anchor=(0.97, 0.36))
    return fig


@styled
def survivors(level, left: dict, gone: dict, tried: list[int], kept: dict, exact: dict) -> Figure:
    """Notebook 1's chart of what is lost when, with what came back through the sampler laid over it.

    level, left, gone  as in `charts.lanes`
    tried              the K levels that a sprite was noised to and came back from
    kept, exact        attribute -> (K,): share of those that came back with it; and what the posterior says
    """
    fig, axes = lanes(level, left, gone)
    for name, ax in axes.items():
        ax.plot(tried, exact[name], color="black", lw=1, ls="--", label="exact share (Bayes)")
        ax.plot(tried, kept[name], color=INK, ls="", marker="o", ms=5, label="came back with it")
    ax.set_xlabel("level t from which he came back")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8.5)
    return fig


@styled
def decisions(level: list[int], options: dict[str, list[str]], settled: dict[str, int], drawn: np.ndarray) -> Figure:
    """One lane an attribute: what the guess shows at each level of one descent, and where it settles for good.

    level: L falling levels. options: attribute -> L options. settled: attribute -> level. drawn: uint8 (16, 16, 3), the
    finished sprite.
    """
    names = sorted(options, key=settled.get, reverse=True)
    fig, ax = plt.subplots(figsize=(8.2, 0.46 * len(names) + 1.2))
    for row, name in enumerate(names):
        of = options[name]
        changes = [0, *(k for k in range(1, len(level)) if of[k] != of[k - 1]), len(level) - 1]
        for begin, end in pairwise(changes):
            right, wide, final = level[end], level[begin] - level[end], level[begin] <= settled[name]
            ax.barh(row, wide, left=right, height=0.7, color=INK if final else PALE, edgecolor="white", lw=1)
            if final or wide > 9 * len(of[begin]):  # a word needs room
                colour = "white" if final else TEXT
                ax.text(right + wide / 2, row, of[begin], ha="center", va="center", fontsize=8.5, color=colour)
    ax.set_yticks(range(len(names)), [f"{name.replace('_', ' ')} ({settled[name]})" for name in names])
    ax.set(xlim=(level[0], 0), ylim=(len(names) - 0.45, -0.55), xlabel="level t (time runs to the right)")
    ax.set_title("Dark: decided, and never changed again")
    sprite = OffsetImage(drawn, zoom=4, interpolation="nearest")
    ax.add_artist(AnnotationBbox(sprite, (1.08, 0.5), xycoords="axes fraction", frameon=False))
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    return fig
