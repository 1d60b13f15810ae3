"""A look inside the network: what passes through it, and what it says when one of its two paths is silenced or swapped.

The fine path and the coarse path meet where the network begins its way back up (unet.py): all that is done here is done
at that place, by PyTorch's hooks, and leaves the network as it was.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from helpers.unet import UNet
from helpers.world import judge
from helpers.world.sprites import World


@torch.no_grad()
def maps(net: UNet, xt: Tensor, t: int) -> dict[str, Tensor]:
    """The last feature maps on the way: fine path (N, C, 8, 8), coarse (N, 2C, 4, 4), fine again (N, C, 8, 8).

    xt  (N, 3, 16, 16) noisy sprites at level t
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        return lambda part, given, answer: seen.update({name: answer})

    ends = {"fine path": net.down[-1], "coarse path": net.middle[-1], "fine path again": net.up[-1]}
    hooks = [part.register_forward_hook(keep(name)) for name, part in ends.items()]
    try:
        net(xt, t)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


@torch.no_grad()
def guess(net: UNet, xt: Tensor, t: int, without: str = "", coarse_of: Tensor | None = None) -> Tensor:
    """The network's guess, (N, 3, 16, 16), when the two paths do not meet as they should.

    xt         (N, 3, 16, 16) noisy sprites at level t
    without    "the skip" or "the coarse path": that one's channels are set to 0
    coarse_of  (N,) integers: each sprite gets the coarse path of the sprite with that number, and keeps its own skip

    Raises ValueError for another path.
    """
    if without not in ("", "the skip", "the coarse path"):
        raise ValueError(f"without is 'the skip' or 'the coarse path'; got {without!r}")

    def meet(block, given):
        both, level = given
        skip, coarse = both.chunk(2, dim=1)  # as unet.UNet.forward lays them side by side
        skip, coarse = skip * (without != "the skip"), coarse * (without != "the coarse path")
        coarse = coarse if coarse_of is None else coarse[coarse_of]
        return torch.cat([skip, coarse], dim=1), level

    hook = net.up[0].register_forward_pre_hook(meet)
    try:
        return net(xt, t)
    finally:
        hook.remove()


def options(pictures: Tensor, world: World) -> dict[str, np.ndarray]:
    """attribute -> (N,) integers: the option that the nearest member of the world has, for N pictures."""
    report = judge.judge(pictures, world, world.split()[0])
    return {name: of[report.nearest] for name, of in world.labels.items()}


def detector(features: Tensor, has: Tensor) -> tuple[int, int, int, float]:
    """The one number of a path that best tells whether a sprite has something: (channel, row, column, share right).

    features  (N, C, h, w); has  (N,) bool. Number and threshold are chosen on the first half of the sprites, and tried
    on the second; the share is the mean of that among those which have it and that among those which have not.
    """
    half = len(features) // 2
    numbers, known = features.flatten(1), has.to(features.device)
    yes, no = numbers[:half][known[:half]], numbers[:half][~known[:half]]
    spread = (yes.var(0) + no.var(0)).sqrt().clamp(min=1e-9)
    best = int(((yes.mean(0) - no.mean(0)).abs() / spread).argmax())
    middle = (yes[:, best].mean() + no[:, best].mean()) / 2
    told = (numbers[half:, best] > middle) == (yes[:, best].mean() > middle)
    told_right = [(told == known[half:])[group].float().mean().item() for group in (known[half:], ~known[half:])]
    _, _, height, width = features.shape
    channel, place = divmod(best, height * width)
    return channel, place // width, place % width, sum(told_right) / 2


def painted(maps: Tensor, row: int, column: int, side: int = 80) -> np.ndarray:
    """Maps (N, h, w) in greys on one scale, the place (row, column) framed: uint8 (N, side, side, 3)."""
    maps = maps.float().cpu()
    low, high = maps.aminmax()
    grey = (255 * (maps - low) / (high - low).clamp(min=1e-9)).byte().numpy()
    height, width = side // grey.shape[1], side // grey.shape[2]
    image = grey.repeat(height, axis=1).repeat(width, axis=2)[..., None].repeat(3, axis=-1)
    place = image[:, row * height : (row + 1) * height, column * width : (column + 1) * width]
    inside = place[:, 2:-2, 2:-2].copy()
    place[:] = (209, 73, 91)
    place[:, 2:-2, 2:-2] = inside
    return image
