"""The charts of notebook 1."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from scipy import stats

from helpers.lesson import pictures
from helpers.lesson.charts import CORAL, GOLD, GREEN, GREY, INK, styled

MARKS = {"99 %": (INK, "o"), "50 %": (CORAL, "s"), "1 bit": (GREEN, "^")}  # where each is lost: colour and marker
FONT = ImageFont.load_default(12)
BAR, SECOND, FAINT = "#9fb0ee", "#dde3fa", "#f3f4f8"  # dark text can be read on each


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


@styled
def neighbours(lost: dict[str, dict[str, np.ndarray]]) -> Figure:
    """At which level Bob falls under 99 % and under 50 %, for each village: every noise a mark, their middle a line.

    lost: village -> {"99 %": (n,), "50 %": (n,)}, levels.
    """
    fig, ax = plt.subplots(figsize=(7.6, 0.75 * len(lost) + 0.9))
    for y, levels in enumerate(lost.values()):
        for (name, values), side in zip(levels.items(), (-0.17, 0.17), strict=True):
            colour, marker = MARKS[name]
            here = y + side + 0.09 * np.linspace(-1, 1, len(values))
            label = f"falls under {name}" if y == 0 else None
            ax.plot(values, here, color=colour, marker=marker, ls="", ms=3.5, alpha=0.45, label=label)
            middle = np.median(values)
            ax.plot([middle, middle], [y + side - 0.15, y + side + 0.15], color=colour, lw=2.5)
            ax.text(514, y + side, f"{middle:.0f}", color=colour, va="center", fontsize=9)
    ax.set(yticks=range(len(lost)), yticklabels=lost, xlim=(60, 507), xlabel="level t")
    ax.invert_yaxis()
    ax.text(514, -0.62, "middle", fontsize=9, va="center")
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, fontsize=9)
    return fig


@styled
def thresholds(lost: dict[str, np.ndarray]) -> Figure:
    """One line for each of n sprites: the levels from which it is under 99 %, 50 % and 1 bit. name -> (n,)."""
    order = np.lexsort([lost["99 %"], lost["50 %"]])
    fig, ax = plt.subplots(figsize=(7.4, 3.4))
    for y in range(len(order)):
        ax.plot([0, 500], [y, y], color="#e4e6ee", lw=1, zorder=0)
    for name, levels in lost.items():
        colour, marker = MARKS[name]
        label = f"under {name}: middle {np.median(levels):.0f}, from {levels.min():.0f} to {levels.max():.0f}"
        ax.plot(levels[order], range(len(order)), color=colour, marker=marker, ls="", ms=3.2, label=label)
    ax.set(yticks=[], ylabel=f"{len(order)} sprites", xlabel="level t", xlim=(0, 500))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    return fig


@styled
def one_number(distance2: dict[str, np.ndarray], lost: dict[str, np.ndarray], alone: np.ndarray) -> Figure:
    """When a detail is lost, over the squared distance to the nearest sprite with another option of it.

    Both: attribute -> (n,), one value a sprite. alone: (T,), the squared distance at which one single rival would leave
    the middle noise at 90 %, for levels 1..T.
    """
    fig, ax = plt.subplots(figsize=(7.4, 3.9))
    looks = zip("os^Dv<>pP*X", (INK, CORAL, GREEN, GOLD, GREY) * 3, strict=False)
    for (name, values), (marker, colour) in zip(distance2.items(), looks, strict=False):
        label = name.replace("_", " ")
        ax.plot(values, lost[name], color=colour, marker=marker, ls="", ms=4, alpha=0.55, label=label)
    ax.plot(alone, np.arange(1, len(alone) + 1), color="black", lw=1.2, ls="--", label="a single rival")
    every = np.concatenate([*distance2.values()])
    every = every[np.isfinite(every)]
    ax.set(xscale="log", xlim=(every.min() * 0.8, every.max() * 1.25), ylim=(100, 510))
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000) if every.min() * 0.8 < tick < every.max() * 1.25]
    ax.set_xticks(ticks, labels=map(str, ticks))
    ax.minorticks_off()
    ax.set(xlabel="squared distance to the nearest sprite with another option", ylabel="lost at level t")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9)
    return fig


# ---- panels of a slider: uint8 (H, W, 3), always of the same size ----

WIDE = 170  # so wide is each of four panels side by side in a notebook: no pixel of their words is dropped


def likeliest(world, p, n: int = 5) -> np.ndarray:
    """The n likeliest sprites under p (M,), each with its bar; white where there are fewer."""
    best = np.argsort(-np.asarray(p), kind="stable")[:n]
    picture = Image.new("RGB", (WIDE, 52 * n - 4), "white")
    for y, i in enumerate(best):
        picture.paste(pictures.enlarge(world.images[i], 3), (0, 52 * y))
        _bar(picture, (56, 52 * y + 10, WIDE, 52 * y + 38), [(float(p[i]), BAR)], _percent(float(p[i])))
    return np.asarray(picture)


def likely_details(world, p) -> np.ndarray:
    """For each attribute its likeliest option under p (M,), and the next, with their bars; white without any."""
    picture = Image.new("RGB", (WIDE, max(24 * len(world.attributes), 24) - 4), "white")
    for y, (name, options) in enumerate(world.attributes.items()):
        share = np.bincount(world.labels[name], weights=np.asarray(p), minlength=len(options))
        first, *second = np.argsort(-share, kind="stable")[:2]
        words = [f"{name.replace('_', ' ')}: {options[first]} {_percent(share[first])}"]
        if second and share[second[0]] >= 0.005:
            words += [f"{words[0]}, {options[second[0]]}"]
            words += [f"{words[1]} {_percent(share[second[0]])}"]
        words = max((line for line in words if FONT.getlength(line) < WIDE - 8), key=len, default=words[0])
        parts = [(share[k], colour) for k, colour in zip([first, *second], (BAR, SECOND), strict=False)]
        _bar(picture, (0, 24 * y, WIDE, 24 * y + 20), parts, words)
    return np.asarray(picture)


def _percent(share: float) -> str:
    """As in "40 %", "4.2 %" and "< 0.1 %"."""
    if share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def _bar(picture: Image.Image, box: tuple, parts: list, words: str) -> None:
    """A bar within the box (left, top, right, bottom), its parts (share, colour) side by side, words on top."""
    pen, (left, top, right, bottom) = ImageDraw.Draw(picture), box
    pen.rectangle(box, fill=FAINT)
    for share, colour in parts:
        end = left + share * (right - box[0])
        if end - left >= 1:
            pen.rectangle((round(left), top, round(end), bottom), fill=colour)
        left = end
    pen.text((box[0] + 5, (top + bottom) / 2), words, fill="#1c1c22", font=FONT, anchor="lm")
