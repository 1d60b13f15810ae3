"""From pure noise to a sprite: what a network knows of noise, used to draw (Ho et al. 2020; Song et al. 2021).

The network looks at a noisy image and guesses the sprite in it. That guess is not the picture yet: at high noise it is
an average of many sprites. So only go down a little: mix the guess with the noise it implies, at the proportions of a
lower level, and ask again. `step_down` is that one step; `sample` repeats it down to level 0.
"""

import operator
from dataclasses import dataclass
from itertools import pairwise

import torch

from helpers.schedule import check_images

SHAPE = (3, 16, 16)  # of a sprite; give `sample` a starting noise of your own for any other


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Step:
    """One moment of sampling.

    t         the noise level of the image
    xt        (N, C, H, W) the noisy image at that level; at t = 0 the finished picture
    x0_guess  (N, C, H, W) which sprite the network thinks it is; at t = 0 the finished picture too
    """

    t: int
    xt: torch.Tensor
    x0_guess: torch.Tensor


@torch.no_grad()
def sample(net, sched, n=16, steps=50, eta=1.0, generator=None, start=None, xt=None, clip=True):
    """Remove noise step by step: yields a `Step` at each level, steps + 1 of them, from level `start` down to 0.

    net        callable: net(xt, t) -> guess of x0, where xt is (N, C, H, W) and t an int64 tensor (N,). A network, or
               anything else that guesses: `lambda xt, t: ideal.denoise(xt, t, images, sched)` is the best possible
    n          how many pictures; not used where xt is given
    steps      how many times the network is asked: 1..start. The levels are spread evenly
    eta        how much of the noise is fresh at each step: 1 is DDPM (Ho et al. 2020, algorithm 2, with the smaller
               of its two variances), 0 is DDIM, which adds none (Song et al. 2021, eq. 12 and 16); 0..1
    generator  torch.Generator for all noise drawn here; not needed if xt is given and eta is 0. Noise is drawn where
               the generator lives, so that a CPU generator gives the same noise whatever device the network is on
    start      the level to start from, 1..T; T by default
    xt         (N, C, H, W) float, the noisy images to start from: for a start below T, sched.add_noise(x0, start,
               noise). By default n sprites of pure noise
    clip       clamp each guess to [-1, 1], where all images lie. `diffusers` calls it clip_sample

    Everything happens on the device of xt, or else of the network. For the pictures alone:
    `for step in sample(...): pass`, then `step.xt`.

    Raises TypeError or ValueError for bad input, at the first step; the messages say what to do.
    """
    start = sched.T if start is None else start
    path = levels(start, steps, T=sched.T)
    check_start(n, eta, generator, start, xt, sched.T)
    if xt is None:
        xt = draw_noise((n, *SHAPE), generator, device=device_of(net, sched), dtype=torch.float32)
    sched = sched.to("cpu")  # single numbers are read from it: no waiting for the device at each step

    for t, s in pairwise(path):  # down from level t to level s
        x0_guess = net(xt, torch.full((len(xt),), t, device=xt.device))
        check_guess(x0_guess, xt)
        x0_guess = x0_guess.to(xt.dtype)  # a network may answer in half precision
        if clip:
            x0_guess = x0_guess.clamp(-1, 1)
        yield Step(t, xt, x0_guess)
        fresh = s > 0 and eta > 0  # else the step's share of fresh noise is 0
        noise = draw_noise(xt.shape, generator, xt.device, xt.dtype) if fresh else torch.zeros_like(xt)
        xt = step_down(xt, x0_guess, t, s, sched, eta, noise)
    yield Step(0, xt, xt)


def step_down(xt, x0_guess, t, s, sched, eta, noise):
    """From level t to a lower level s: the guess, the noise that it implies, and fresh noise, mixed anew.

    xt, x0_guess, noise  (N, C, H, W); t > s >= 0 ints; eta in 0..1. Returns x_s, (N, C, H, W).

    Song et al. 2021 (arXiv:2010.02502), eq. 12, with sigma from eq. 16. At s = 0 both kinds of noise have weight 0 and
    the guess is what remains.
    """
    a_t, a_s = float(sched.alpha_bar[t]), float(sched.alpha_bar[s])  # float64: small differences of large numbers
    noise_guess = (xt - a_t**0.5 * x0_guess) / (1 - a_t) ** 0.5
    sigma = eta * ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)) ** 0.5
    return a_s**0.5 * x0_guess + max(1 - a_s - sigma**2, 0) ** 0.5 * noise_guess + sigma * noise


def levels(start, steps, T=None):
    """The levels that sampling passes through: steps + 1 ints, falling strictly from start to 0, evenly spread.

    levels(500, 4) == [500, 375, 250, 125, 0]. `diffusers` calls this spacing "trailing" (Lin et al. 2024,
    arXiv:2305.08891: any other leaves out the last level). Raises TypeError or ValueError unless
    1 <= steps <= start, and start <= T where T is given.
    """
    start, steps = whole("start", start), whole("steps", steps)
    if T is not None and start > T:
        raise ValueError(f"start is a noise level in 1..{T}; got {start}")
    if start < 1:
        raise ValueError("start is the noise level to come down from, at least 1: at level 0 there is no noise left")
    if not 1 <= steps <= start:
        raise ValueError(f"steps must be in 1..{start}: from level {start} there are no more levels; got {steps}")
    return [round(start * (steps - k) / steps) for k in range(steps + 1)]


def draw_noise(shape, generator, device, dtype):
    """Standard normal noise, drawn where the generator lives and moved to the device."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=dtype).to(device)


def device_of(net, sched):
    """Where the network's weights are; for a function without weights, where the schedule is."""
    weights = net.parameters() if isinstance(net, torch.nn.Module) else iter(())
    return next(weights, sched.alpha_bar).device


def whole(name, value):
    """A whole number as an int; refuses 50.0, as range() does."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int; got {value!r} ({type(value).__name__})") from None


def check_start(n, eta, generator, start, xt, T):
    """Refuse what sampling cannot start from."""
    if not isinstance(eta, int | float) or isinstance(eta, bool):
        raise TypeError(f"eta is a number in 0..1 (1: DDPM, 0: DDIM); got {eta!r}")
    if not 0 <= eta <= 1:  # NaN is refused too
        raise ValueError(f"eta is in 0..1 (1: DDPM, 0: DDIM); got {eta}")
    if generator is None and (xt is None or eta > 0):
        raise TypeError("noise is needed: pass generator=torch.Generator().manual_seed(0), or any other seed")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, such as torch.Generator().manual_seed({generator!r})")
    if xt is not None:
        check_images("xt", xt)
        return
    if whole("n", n) < 1:
        raise ValueError(f"n is the number of pictures, at least 1; got {n}")
    if start < T:
        raise ValueError(
            f"at level {start} of {T} an image is not pure noise: pass the noisy images to start from, "
            "xt=sched.add_noise(x0, start, noise)"
        )


def check_guess(x0_guess, xt):
    """Refuse a network's answer that is not one guess of x0 for each image."""
    if not isinstance(x0_guess, torch.Tensor) or not x0_guess.is_floating_point():
        raise TypeError(f"net(xt, t) must answer with a float tensor like xt; it gave {type(x0_guess).__name__}")
    if x0_guess.shape != xt.shape:
        raise ValueError(
            f"net(xt, t) must answer with a guess of x0 of shape {tuple(xt.shape)}; it gave {tuple(x0_guess.shape)}"
        )
