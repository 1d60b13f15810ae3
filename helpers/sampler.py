"""From pure noise to a sprite: what a network knows of noise, used to draw (Ho et al. 2020; Song et al. 2021).

The network looks at a noisy image and guesses the sprite in it. That guess is not the picture yet: at high noise it is
an average of many sprites. So only go down a little: mix the guess with the noise it implies, at the proportions of a
lower level, and ask again. `step_down` is that one step; `sample` repeats it down to level 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from helpers import expect
from helpers.schedule import Schedule

SHAPE = (3, 16, 16)  # of a sprite; give `sample` a starting noise of your own for any other


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Step:
    """One moment of sampling.

    t         the noise level of the image
    xt        (N, C, H, W) the noisy image at that level; at t = 0 the finished picture
    x0_guess  (N, C, H, W) which sprite the network thinks it is; at t = 0 the finished picture too
    """

    t: int
    xt: Tensor
    x0_guess: Tensor


@torch.no_grad()
def sample(
    net: Callable[[Tensor, Tensor], Tensor],
    sched: Schedule,
    n: int = 16,
    steps: int = 50,
    eta: float = 1.0,
    generator: torch.Generator | None = None,
    start: int | None = None,
    xt: Tensor | None = None,
    clip: bool = True,
) -> Iterator[Step]:
    """Remove noise step by step: yields a `Step` at each level, steps + 1 of them, from level `start` down to 0.

    net        anything that guesses: net(xt, t) -> guess of x0, where xt is (N, C, H, W) and t an int64 tensor (N,)
    n          how many pictures; not used where xt is given
    steps      how many times the network is asked: 1..start. The levels are spread evenly
    eta        how much of the noise is fresh at each step: 1 is DDPM (Ho et al. 2020, algorithm 2, with the smaller
               of its two variances), 0 is DDIM, which adds none (Song et al. 2021, eq. 12 and 16); 0..1
    generator  for all noise drawn here; not needed if xt is given and eta is 0. Noise is drawn where the generator
               lives, so that a CPU generator gives the same noise whatever device the network is on
    start      the level to start from, 1..T; T by default
    xt         (N, C, H, W) float, the noisy images to start from: for a start below T, sched.add_noise(x0, start,
               noise). By default n sprites of pure noise
    clip       clamp each guess to [-1, 1], where all images lie. `diffusers` calls it clip_sample

    Everything happens on the device of xt, or else of the network. For the pictures alone:
    `for step in sample(...): pass`, then `step.xt`.

    Raises TypeError or ValueError for bad input, at the first step; the messages say what to do.
    """
    start = sched.T if start is None else expect.count("start, a noise level", start, 1, sched.T)
    if not 0 <= eta <= 1:  # NaN is refused too
        raise ValueError(f"eta is in 0..1 (1: DDPM, 0: DDIM); got {eta}")
    if generator is None and (xt is None or eta > 0):
        raise TypeError("noise is needed: pass generator=torch.Generator().manual_seed(0), or any other seed")
    if xt is None:
        if start < sched.T:
            raise ValueError(
                f"at level {start} of {sched.T} an image is not pure noise: pass the noisy images to start from, "
                "xt=sched.add_noise(x0, start, noise)"
            )
        xt = draw_noise((expect.count("n", n), *SHAPE), generator, device_of(net, sched), torch.float32)
    expect.images("xt", xt)
    sched = sched.to("cpu")  # single numbers are read from it: no waiting for the device at each step

    for t, s in pairwise(levels(start, steps)):  # down from level t to level s
        x0_guess = net(xt, torch.full((len(xt),), t, device=xt.device)).to(xt.dtype)
        if x0_guess.shape != xt.shape:  # it would be stretched to fit, without a word
            raise ValueError(f"net must guess in the shape of xt, {tuple(xt.shape)}; got {tuple(x0_guess.shape)}")
        if clip:
            x0_guess = x0_guess.clamp(-1, 1)
        yield Step(t, xt, x0_guess)
        fresh = s > 0 and eta > 0  # else the step's share of fresh noise is 0
        noise = draw_noise(xt.shape, generator, xt.device, xt.dtype) if fresh else torch.zeros_like(xt)
        xt = step_down(xt, x0_guess, t, s, sched, eta, noise)
    yield Step(0, xt, xt)


def step_down(xt: Tensor, x0_guess: Tensor, t: int, s: int, sched: Schedule, eta: float, noise: Tensor) -> Tensor:
    """From level t to a lower level s: the guess, the noise that it implies, and fresh noise, mixed anew.

    xt, x0_guess, noise  (N, C, H, W); t > s >= 0; eta in 0..1. Returns x_s, (N, C, H, W).

    Song et al. 2021 (arXiv:2010.02502), eq. 12, with sigma from eq. 16. At s = 0 both kinds of noise have weight 0 and
    the guess is what remains.
    """
    a_t, a_s = float(sched.alpha_bar[t]), float(sched.alpha_bar[s])  # float64: small differences of large numbers
    noise_guess = (xt - a_t**0.5 * x0_guess) / (1 - a_t) ** 0.5
    sigma = eta * ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)) ** 0.5
    return a_s**0.5 * x0_guess + max(1 - a_s - sigma**2, 0) ** 0.5 * noise_guess + sigma * noise


def levels(start: int, steps: int) -> list[int]:
    """The levels that sampling passes through: steps + 1 of them, falling strictly from start to 0, evenly spread.

    levels(500, 4) == [500, 375, 250, 125, 0]. `diffusers` calls this spacing "trailing" (Lin et al. 2024,
    arXiv:2305.08891: the usual "leading" one leaves out the last level). Raises TypeError or ValueError unless
    1 <= steps <= start.
    """
    steps = expect.count(f"steps down from level {start}", steps, 1, start)
    return [round(start * (steps - k) / steps) for k in range(steps + 1)]


def draw_noise(shape, generator: torch.Generator | None, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Standard normal noise, drawn where the generator lives and moved to the device."""
    assert generator is not None  # `sample` has seen to it
    return torch.randn(shape, generator=generator, device=generator.device, dtype=dtype).to(device)


def device_of(net: Callable, sched: Schedule) -> torch.device:
    """Where the network's weights are; for a function without weights, where the schedule is."""
    weights = net.parameters() if isinstance(net, torch.nn.Module) else iter(())
    return next(weights, sched.alpha_bar).device
