"""The charts of notebook 6, and the three answers that they show."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.lesson.charts import CORAL, GREEN, INK, LOOKS, styled
from helpers.lesson.claims import wilson
from helpers.world.judge import Report


@dataclass(frozen=True)
class Answers:
    """What a fast sampler is asked: three shares, 0..1.

    valid  how many are sprites; of a learner's own, near one of the training set
    mix    how far hair, hat and outfit are off the world's mix: of all sprites, how many would have to change each, on
           average; None for a learner's own, whose mix nobody knows
    same   how many are the sprite that the long road leads to from the same start
    n      on how many it was counted
    """

    valid: float
    mix: float | None
    same: float
    n: int

    def __str__(self) -> str:
        mix = "" if self.mix is None else f", mix {self.mix:.1%} off"
        return f"valid {self.valid:.1%}{mix}, same {self.same:.1%}"


def answers(few: Report, many: Report) -> Answers:
    """few, many: what came of few calls, and of many, from the same starts (or from more, these first)."""
    right = few.close if few.valid is None else few.valid
    off = [
        sum(abs(here - there) for here, there in few.frequencies[name].values()) / 2
        for name in ("hair", "hat", "outfit")
        if name in few.frequencies
    ]
    same = few.nearest == many.nearest[: len(few)]
    return Answers(float(right.mean()), float(np.mean(off)) if off else None, float(same.mean()), len(few))


@styled
def three_questions(ways: dict[str, Answers]) -> Figure:
    """One panel a question, one bar a way of spending the calls, with the range that chance explains (Wilson 1927)."""
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 0.5 * len(ways) + 1.3), sharey=True)
    asked = {"valid": "valid, %", "mix": "mix: off by, %", "same": "same as 100 calls, %"}
    for ax, (name, words), colour in zip(axes, asked.items(), (INK, CORAL, GREEN), strict=True):
        for row, a in enumerate(ways.values()):
            share = getattr(a, name)
            if share is None:
                continue
            ax.barh(row, 100 * share, height=0.6, color=colour, alpha=0.55)
            ax.text(1, row, f"{100 * share:.0f}", va="center", fontsize=10, fontweight="bold")
            if name != "mix":
                low, high = wilson(round(share * a.n), a.n)
                ax.plot([100 * low, 100 * high], [row, row], color="#1c1c22", lw=1.6)
        ax.set(title=words, yticks=range(len(ways)), yticklabels=list(ways), ylim=(len(ways) - 0.5, -0.5))
        ax.set_xlim(0, 102 if name == "valid" else None)
    return fig


@styled
def against_calls(calls: list[int], found: dict[str, list[Answers]]) -> Figure:
    """Valid and same against the number of calls, a line for each driver, with the range that chance explains."""
    fig, axes = plt.subplots(1, 2, figsize=(9.2, 3.1), sharey=True)
    for ax, name in zip(axes, ("valid", "same"), strict=True):
        for (driver, each), (colour, dash, marker) in zip(found.items(), LOOKS, strict=False):
            shares = np.array([getattr(a, name) for a in each])
            ax.plot(calls, 100 * shares, color=colour, ls=dash, marker=marker, label=driver)
            low, high = np.array([wilson(round(s * a.n), a.n) for s, a in zip(shares, each, strict=True)]).T
            ax.fill_between(calls, 100 * low, 100 * high, color=colour, alpha=0.13, lw=0)
        ax.set(xlabel="calls of the network", ylim=(-3, 103), xticks=calls)
        ax.set_title("valid, %" if name == "valid" else "the sprite of the long road, %")
    axes[1].legend(loc="lower right")
    return fig
