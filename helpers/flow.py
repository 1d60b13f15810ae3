"""Flow matching: the road of diffusion, measured with another ruler (Lipman et al. 2023, arXiv:2210.02747).

A flow mixes sprite and noise in a straight line, from tau = 0 (the sprite) to tau = 1 (the noise), and asks for the
velocity along it:

    z = (1 - tau) * x0 + tau * noise        dz / dtau = noise - x0

Divide the noisy picture of a diffusion model by the sum of its two weights, and that is what stands there:

    z = xt / (signal + spread)        tau = spread / (signal + spread)

where signal = sqrt(alpha_bar) and spread = sqrt(1 - alpha_bar). So a network that guesses x0 is a flow model, too, and
Euler's step on z is DDIM's step on xt (Gao et al. 2024, "Diffusion meets flow matching: two sides of the same coin").
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from helpers.schedule import Schedule


def weights(sched: Schedule, t: int) -> tuple[float, float]:
    """(signal, spread) of level t: what multiplies the sprite and the noise."""
    a = float(sched.alpha_bar[t])
    return a**0.5, (1 - a) ** 0.5


def tau(sched: Schedule, t: int) -> float:
    """How far along the straight line level t is: 0 at the sprite, nearly 1 at level T."""
    signal, spread = weights(sched, t)
    return spread / (signal + spread)


def velocity(z: Tensor, x0_guess: Tensor, at: float) -> Tensor:
    """Which way, and how fast, z moves as tau grows: noise - x0, for the guess. z, x0_guess (N, C, H, W); at > 0."""
    return (z - x0_guess) / at


@torch.no_grad()
def euler(
    net: Callable[[Tensor, Tensor], Tensor], sched: Schedule, xt: Tensor, levels: Sequence[int], clip: bool = True
) -> list[Tensor]:
    """Follow the flow from the noisy images xt (N, C, H, W) at levels[0] through the levels: z at each of them.

    net(xt, t) guesses x0, as everywhere; levels are whole numbers that fall to 0, and clip clamps guesses to [-1, 1].
    """
    signal, spread = weights(sched, levels[0])
    path = [xt / (signal + spread)]
    for t, s in pairwise(levels):
        z = path[-1]
        guess = net(z * sum(weights(sched, t)), torch.full((len(z),), t, device=z.device)).to(z.dtype)
        guess = guess.clamp(-1, 1) if clip else guess
        path.append(z + (tau(sched, s) - tau(sched, t)) * velocity(z, guess, tau(sched, t)))
    return path
