"""Three patients who do not listen, and a panel to ask for sprites: what lesson 4 shows beside its charts."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers import guidance

MISTAKES = {"A": "ends swapped", "B": "mask upside down", "C": "wrong silence"}  # which patient has which
SCALE, STEPS = 12, 25


def patients(net: Callable, wish: Tensor, w: float) -> dict[str, Callable]:
    """Name -> a sampler's network that asks for a wish (A,) with strength w, and makes one of the MISTAKES."""
    nothing = torch.full_like(wish, -1)
    first = torch.zeros_like(wish)
    upside_down = torch.where(wish < 0, first, nothing)
    return {
        "A": _mixed(net, asked=nothing, silence=wish, w=w),
        "B": guidance.guided(net, upside_down, w),
        "C": _mixed(net, asked=wish, silence=first, w=w),
    }


def _mixed(net: Callable, asked: Tensor, silence: Tensor, w: float) -> Callable:
    """silence + w * (asked - silence), whatever the two contexts (A,) ask for."""

    def guess(xt, t):
        without, given = (net(xt, t, context.expand(len(xt), -1)) for context in (silence, asked))
        return without + w * (given - without)

    return guess
