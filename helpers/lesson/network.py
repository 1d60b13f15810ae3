"""The network that draws in the lessons after the second: ours, or the one that a learner has trained."""

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.storage import weights
from helpers.world import sprites
from helpers.world.sprites import World


def load(
    world: World, wanted: str | None = None, device: str = "cpu"
) -> tuple[Callable[[Tensor, Tensor], Tensor], bool]:
    """(guess, shipped): what answers, and whether it is our network on our sprites, of which the lessons claim things.

    world   its training sprites decide whether the learner's network, which notebook 2 keeps, fits
    wanted  "mine" for the learner's network where ours would do; on sprites of their own it is taken anyway
    device  where the network works; what goes in and comes out is on the CPU

    guess(xt, t) takes noisy images (N, 3, 16, 16) and levels (N,) and returns guesses of x0, (N, 3, 16, 16).
    `guess.net` is the network. Prints whose network it is, unless it is ours on our sprites and nobody asked.
    """
    path, training = weights.own_path(), sprites.fingerprint(world.images[world.split()[0]])
    fits = path.exists() and weights.facts(path).get("training sprites") == training
    if fits and (wanted == "mine" or not world.shipped):
        print("The network that you trained on these sprites draws here.")
    else:
        path = weights.SHIPPED
        if wanted == "mine" or not world.shipped:
            print("Ours draws here, which knows only our sprites. Notebook 2 trains one on yours.")
    net = weights.load_pretrained(path, device)

    @torch.no_grad()
    def guess(xt: Tensor, t: Tensor) -> Tensor:
        return net(xt.to(device), t.to(device)).cpu()

    guess.net = net
    return guess, world.shipped and path == weights.SHIPPED
