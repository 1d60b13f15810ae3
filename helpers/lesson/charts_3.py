"""The charts of notebook 3, and the picture in which a learner meets a sprite."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from helpers.lesson import pictures
from helpers.lesson.charts import CORAL, GREY, INK, LOOKS, lines, styled
from helpers.lesson.claims import wilson


def meet(sixteen: np.ndarray, number: int, cousin: np.ndarray, words: tuple[str, str]) -> Image.Image:
    """Sprites, uint8 (N, 16, 16, 3), numbered from 1, with a frame around one; beside them that one and its cousin.

    words: what stands above either.
    """
    tiles = pictures.grid(sixteen, labels=range(1, len(sixteen) + 1), columns=4, scale=4, gap=3)
    row, column = divmod(number - 1, 4)
    high, wide = tiles.height // -(-len(sixteen) // 4), (tiles.width - 3) // 4  # of a tile with its number
    left, top = 3 + column * wide, 3 + row * high
    ImageDraw.Draw(tiles).rectangle((left - 3, top - 3, left + 66, top + 66), outline=CORAL, width=3)
    two = [pictures.enlarge(image, 11) for image in (sixteen[number - 1], cousin)]
    pair = pictures.paint([pictures.Row(two, above=words)], size=15, gap=12)
    sheet = Image.new("RGB", (tiles.width + 12 + pair.width, max(tiles.height, pair.height)), "white")
    sheet.paste(tiles, (0, 0))
    sheet.paste(pair, (tiles.width + 12, (sheet.height - pair.height) // 2))
    return sheet


@styled
def mix(frequencies: dict[str, dict[str, tuple[float, float]]], names: list[str], n: int) -> Figure:
    """How common each option is among n sprites drawn (bars, with Wilson's bands) and in the world (diamonds).

    frequencies: as in judge.Report. names: the attributes to show, one panel each.
    """
    most = max(len(frequencies[name]) for name in names)
    fig, axes = plt.subplots(1, len(names), figsize=(2.9 * len(names), 0.3 * most + 1.1), squeeze=False)
    for ax, name in zip(axes.flat, names, strict=True):
        options = list(frequencies[name])
        here, there = np.array([frequencies[name][option] for option in options]).T * 100
        low, high = np.array([wilson(round(share * n / 100), n) for share in here]).T * 100
        ax.barh(options, here, color=INK, alpha=0.45, height=0.62, label="drawn by the network")
        ax.hlines(options, low, high, color=INK, lw=2, label="what that many may stand for")
        ax.plot(there, options, color=CORAL, ls="", marker="D", ms=6, label="the world")
        ax.set(title=name.replace("_", " "), xlabel="%", ylim=(most - 0.4, -0.6))
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


@styled
def quality(steps: list[int], valid: dict[str, list[int]], n: int, enough: int | None, what: str) -> Figure:
    """Share of valid sprites against the number of steps, with the shares that so many may stand for (Wilson's bands).

    steps: how many steps. valid: name -> how many of n, for each of them. enough: where more steps stop helping, if
    anywhere. what: what was counted.
    """
    fig, ax = plt.subplots(figsize=(7.2, 3.1))
    lines(ax, steps, {name: 100 * np.array(count) / n for name, count in valid.items()})
    for count, (colour, *_) in zip(valid.values(), LOOKS, strict=False):
        low, high = 100 * np.array([wilson(int(k), n) for k in count]).T
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
