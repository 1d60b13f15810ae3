"""The charts of notebook 3: what is drawn is computed in the notebook, only the drawing is here.

Every function returns a picture for `viewer.show`: charts are matplotlib Figures, sheets of sprites PIL Images. Lines
differ in dash or marker as well as in colour.
"""

import math
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from PIL import Image, ImageDraw

from helpers.lesson.charts_1 import CORAL, GREY, INK, STYLE
from helpers.lesson.viewer import _font

TEXT, PALE = "#1c1c22", "#dfe2f1"
GRAPH = [("o", "-"), ("s", "--"), ("^", ":"), ("D", "-.")]  # one marker and one dash for each line


def beside(drawn: np.ndarray, others: np.ndarray, words: list[str], columns: int = 4, scale: int = 4) -> Image.Image:
    """Pairs of sprites, each with a few words above: left what was drawn, right what it is compared with.

    drawn, others: uint8 (N, 16, 16, 3). words: N strings; a line break starts a second line. scale: pixels of the
    result per pixel of a sprite.
    """
    font, side, arrow = _font(12), drawn.shape[1] * scale, 28
    lines = [text.split("\n") for text in words]
    wide = 16 + max([2 * side + arrow, *(math.ceil(font.getlength(line)) for text in lines for line in text)])
    above = 16 * max(map(len, lines))
    tall = above + side + 18
    columns = min(columns, len(drawn))
    sheet = Image.new("RGB", (columns * wide, math.ceil(len(drawn) / columns) * tall), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (left, right, text) in enumerate(zip(drawn, others, lines, strict=True)):
        x, y = k % columns * wide + wide // 2, k // columns * tall
        for row, line in enumerate(text):
            draw.text((x, y + above - 16 * (len(text) - row) + 10), line, fill=TEXT, font=font, anchor="mm")
        draw.text((x, y + above + side / 2), "→", fill=GREY, font=_font(16), anchor="mm")
        sheet.paste(_big(left, scale), (x - arrow // 2 - side, y + above + 4))
        sheet.paste(_big(right, scale), (x + arrow // 2, y + above + 4))
    return sheet


def rows(strips: dict[str, np.ndarray], notes: dict[str, str] | None = None, scale: int = 3) -> Image.Image:
    """Rows of sprites with a name to the left and, if given, a note to the right.

    strips: name -> uint8 (N, 16, 16, 3). notes: name -> text. scale: pixels of the result per pixel of a sprite.
    """
    font, side = _font(13), next(iter(strips.values())).shape[1] * scale
    before, after = (
        4 + math.ceil(max(map(font.getlength, texts))) for texts in (strips, [*(notes or {}).values(), ""])
    )
    most, tall = max(map(len, strips.values())), side + 8
    right = before + 14 + most * (side + 6)
    sheet = Image.new("RGB", (right + (after + 8 if notes else 0), len(strips) * tall), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (name, strip) in enumerate(strips.items()):
        y = row * tall + tall / 2
        draw.text((before, y), name.strip(), fill=TEXT, font=font, anchor="rm")
        draw.text((right + 8, y), (notes or {}).get(name, ""), fill=TEXT, font=font, anchor="lm")
        for k, sprite in enumerate(strip):
            sheet.paste(_big(sprite, scale), (before + 14 + k * (side + 6), row * tall + 4))
    return sheet


def _big(sprite: np.ndarray, scale: int) -> Image.Image:
    """Each pixel a square: no smoothing, and no colour changed, as a chart's would be."""
    return Image.fromarray(sprite.repeat(scale, axis=0).repeat(scale, axis=1))


@plt.rc_context(STYLE)
def mix(frequencies: dict[str, dict[str, tuple[float, float]]], names: list[str]) -> Figure:
    """How common each option is among the sprites drawn (bars) and in the world (diamonds), one panel an attribute.

    frequencies: as in judge.Report. names: the attributes to show.
    """
    most = max(len(frequencies[name]) for name in names)
    fig, axes = plt.subplots(1, len(names), figsize=(2.9 * len(names), 0.3 * most + 1.1), layout="constrained")
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        options = list(frequencies[name])
        here, there = np.array([frequencies[name][option] for option in options]).T * 100
        ax.barh(options, here, color=INK, alpha=0.6, height=0.62, label="drawn by the network")
        ax.plot(there, options, color=CORAL, ls="", marker="D", ms=6, label="the world")
        ax.invert_yaxis()
        ax.set(title=name.replace("_", " "), xlabel="%", ylim=(most - 0.4, -0.6))
    fig.legend(*np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


@plt.rc_context(STYLE)
def quality(steps: list[int], valid: dict[str, list[float]], n: int, enough: int | None = None) -> Figure:
    """Share of valid sprites against the number of steps, with the range that chance alone explains.

    steps: how many steps. valid: name -> share for each of them, 0..1. n: how many sprites each share was counted on.
    enough: where more steps stop helping; marked if given.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.1), layout="constrained")
    for k, (name, share) in enumerate(valid.items()):
        marker, dash = GRAPH[k]
        share = np.array(share)
        chance = 2 * np.sqrt(share * (1 - share) / n)  # two standard errors of a share
        colour = (INK, CORAL)[k % 2]
        ax.fill_between(steps, 100 * (share - chance), 100 * (share + chance), color=colour, alpha=0.13, lw=0)
        ax.plot(steps, 100 * share, color=colour, marker=marker, ls=dash, label=name)
    if enough is not None:
        ax.axvline(enough, color=GREY, lw=1.2, ls=":")
        ax.text(enough * 1.04, 6, f"from {enough} steps on,\nmore help little", color="#555555", fontsize=9)
    ax.set_xscale("log")
    ax.set_xticks(steps, [str(s) for s in steps])
    ax.minorticks_off()
    ax.set(xlabel="steps (each asks the network once)", ylabel="valid sprites, %", ylim=(-3, 103))
    ax.set_title("How many steps does a sprite take?")
    ax.legend(loc="upper left")
    return fig


@plt.rc_context(STYLE)
def noise_left(level: list[int], promised: np.ndarray, measured: dict[str, np.ndarray]) -> Figure:
    """How strong the noise in the picture is while sampling, and how strong the level says that it is. Each (L,)."""
    fig, ax = plt.subplots(figsize=(7.2, 2.9), layout="constrained")
    ax.plot(level, promised, color=GREY, lw=7, alpha=0.45, label="what the level promises")
    for (name, strength), colour, (marker, dash) in zip(measured.items(), (INK, CORAL, "black"), GRAPH, strict=False):
        ax.plot(level, strength, color=colour, ls=dash, marker=marker, ms=3.5, lw=1.3, label=name)
    ax.set(xlabel="level t (sampling runs from right to left)", ylabel="noise in the picture", xlim=(0, max(level)))
    ax.set_title("Is there as much noise as the network is told?")
    ax.legend(loc="center right", bbox_to_anchor=(0.97, 0.36))
    return fig


@plt.rc_context(STYLE)
def survivors(
    level: np.ndarray,
    left: dict[str, np.ndarray],
    gone: dict[str, int],
    tried: list[int],
    kept: dict[str, np.ndarray],
    exact: dict[str, np.ndarray],
) -> Figure:
    """Notebook 1's chart of what is lost when, with what came back through the sampler laid over it.

    level, left, gone  as in figures.lost: (L,), attribute -> (L,), attribute -> its level of no return
    tried              the K levels that a sprite was noised to and came back from
    kept, exact        attribute -> (K,): share of those that came back with it; and what the posterior says
    """
    names = sorted(left, key=gone.get)
    fig, axes = plt.subplots(len(names), 1, figsize=(7.6, 0.55 * len(names) + 1.2), sharex=True, layout="constrained")
    for ax, name in zip(np.atleast_1d(axes), names, strict=True):
        area = ax.fill_between(level, left[name], color=INK, alpha=0.3, lw=0)
        line = ax.axvline(gone[name], color=CORAL, lw=2)
        ax.text(1.01, 0.5, f"t = {gone[name]}", color=CORAL, fontsize=9, va="center", transform=ax.transAxes)
        (truth,) = ax.plot(tried, exact[name], color="black", lw=1, ls="--")
        (dots,) = ax.plot(tried, kept[name], color=INK, ls="", marker="o", ms=5)
        ax.set(ylim=(-0.08, 1.12), yticks=[], xlim=(0, level[-1] + 6))
        ax.set_ylabel(name.replace("_", " "), rotation=0, ha="right", va="center")
        ax.spines["left"].set_visible(False)
    np.atleast_1d(axes)[-1].set_xlabel("level t from which he came back")
    words = ["came back with it", "exact share (Bayes)", "notebook 1: can be told", "level of no return"]
    fig.legend([dots, truth, area, line], words, loc="outside upper center", ncols=4, fontsize=8.5)
    return fig


@plt.rc_context(STYLE)
def decisions(level: list[int], said: dict[str, list[str]], settled: dict[str, int], drawn: np.ndarray) -> Figure:
    """One lane an attribute: what the guess shows at each level of one descent, and where it settles for good.

    level: L falling levels. said: attribute -> L options. settled: attribute -> level. drawn: uint8 (16, 16, 3), the
    finished sprite.
    """
    names = sorted(said, key=settled.get, reverse=True)
    fig, ax = plt.subplots(figsize=(8.2, 0.46 * len(names) + 1.2), layout="constrained")
    for row, name in enumerate(names):
        changes = [0, *(k for k in range(1, len(level)) if said[name][k] != said[name][k - 1]), len(level) - 1]
        for begin, end in pairwise(changes):
            option, right, wide = said[name][begin], level[end], level[begin] - level[end]
            final = level[begin] <= settled[name]
            ax.barh(row, wide, left=right, height=0.7, color=INK if final else PALE, edgecolor="white", lw=1)
            if final or wide > 9 * len(option):  # a word needs room
                colour = "white" if final else TEXT
                ax.text(right + wide / 2, row, option, ha="center", va="center", fontsize=8.5, color=colour)
    ax.set_yticks(range(len(names)), [f"{name.replace('_', ' ')} ({settled[name]})" for name in names])
    ax.set(xlim=(level[0], 0), ylim=(len(names) - 0.45, -0.55), xlabel="level t (time runs to the right)")
    ax.set_title("Dark: decided, and never changed again")
    ax.add_artist(
        AnnotationBbox(
            OffsetImage(drawn, zoom=4, interpolation="nearest"), (1.08, 0.5), xycoords="axes fraction", frameon=False
        )
    )
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    return fig
