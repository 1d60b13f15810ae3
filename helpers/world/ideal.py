"""The best possible answer to "which sprite was this?", with no network and no training.

For a known, finite set of images, all equally likely at first, Bayes' rule makes the probability that xt was made
from image i a softmax over squared distances:

    p(i | xt)  is proportional to  exp(-||xt - sqrt(alpha_bar[t]) * x0_i||^2 / (2 * (1 - alpha_bar[t])))

and the mean of the images under it, E[x0 | xt], is the guess of x0 with the least squared error that anything can
reach: the ideal denoiser (Vincent 2011; Karras et al. 2022, arXiv:2206.00364, appendix B.3).

A set of images is a uint8 array or tensor (M, H, W, C), as the world stores them, or a float tensor (M, C, H, W) in
[-1, 1]. It is read in chunks, so that 300,000 sprites never have to exist as floats all at once.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from helpers import expect
from helpers.schedule import Schedule

CHUNK = 2048  # images turned to floats at a time: 13 MB as float64, for sprites
ROWS = 256  # items of a batch handled at a time: 256 x 200,000 float64 log-probabilities are 0.4 GB


def posterior(xt: Tensor, t: int | Tensor, images: np.ndarray | Tensor, sched: Schedule) -> Tensor:
    """The probability of each image of the set, given its noisy picture: p(x0 | xt), exact.

    xt      (B, C, H, W) float
    t       an int, or an integer tensor (B,) with the level of each item; 0..T
    images  the M images that it can be: uint8 (M, H, W, C) or float (M, C, H, W)

    Returns (B, M) float32 on the device of xt; rows sum to 1. Works inside in float64 (which Apple's "mps" lacks: pass
    xt.cpu() there), since at t = 1 the distances are divided by a variance of 1e-4. At t = 0 there is no noise, and
    the image equal to xt has all the probability (shared evenly if the set holds it several times).

    Raises TypeError or ValueError for bad input; ValueError also if t is 0 and xt is not in the set.
    """
    expect.images("xt", xt, limit=50)  # noise reaches 6 or so; pixels in 0..255 more
    shape = image_shape(images)
    if xt.shape[1:] != shape:
        raise ValueError(f"xt holds images of shape (C, H, W) = {tuple(xt.shape[1:])}, but the set's are {shape}")
    t = expect.levels(t, sched.T, n=len(xt)).to(sched.alpha_bar.device)
    alpha_bar = sched.alpha_bar[t].to(xt.device, torch.float64).expand(len(xt))  # (B,)

    xt = xt.detach().flatten(1).double()  # (B, D), D = C * H * W
    p = torch.empty(len(xt), len(images), device=xt.device)  # (B, M)
    for i in range(0, len(xt), ROWS):
        rows = slice(i, i + ROWS)
        p[rows] = torch.softmax(log_likelihood(xt[rows], alpha_bar[rows], images), dim=1)

    for row in (alpha_bar == 1).nonzero()[:, 0]:
        nearest = int(p[row].argmax())
        _, x0 = next(chunks(images[nearest : nearest + 1], xt.device))
        if (x0 - xt[row]).abs().max() > 1e-4:
            raise ValueError(f"at t = 0 there is no noise, so xt must be in the set of images, but xt[{row}] is not")
    return p


def log_likelihood(xt: Tensor, alpha_bar: Tensor, images: np.ndarray | Tensor) -> Tensor:
    """log p(xt | x0) up to a constant in each row: xt (B, D) and alpha_bar (B,), both float64 -> (B, M) float64.

    Multiplied out, ||xt - s x0||^2 = ||xt||^2 - 2 s xt.x0 + s^2 ||x0||^2, where s = sqrt(alpha_bar). The first term is
    the same for every image; the other two are one dot product of (xt, s) with (x0, ||x0||^2), suitably scaled.
    """
    log_p = xt.new_empty(len(xt), len(images))
    signal = alpha_bar.sqrt()[:, None]  # (B, 1)
    variance = (1 - alpha_bar[:, None]).clamp(min=1e-9)  # at t = 0 the limit: one step of a uint8 pixel is 30,000 nats
    left = torch.cat([xt, -signal / 2], dim=1) * (signal / variance)  # (B, D+1)
    for columns, x0 in chunks(images, xt.device):
        x0 = x0.double()  # (m, D)
        right = torch.cat([x0, x0.square().sum(1, keepdim=True)], dim=1)  # (m, D+1)
        torch.mm(left, right.T, out=log_p[:, columns])
    return log_p


def mean(p: Tensor, images: np.ndarray | Tensor) -> Tensor:
    """The mean of the images under each row of p: the ideal denoiser's answer, from a posterior already at hand.

    p  (B, M) float, rows that sum to 1; images as in `posterior`. Returns (B, C, H, W) float32 on the device of p.
    Raises ValueError for what is no posterior, or one of another set.
    """
    shape = image_shape(images)
    check_posterior(p, len(images))
    x = torch.zeros(len(p), math.prod(shape), device=p.device)  # (B, D)
    for columns, x0 in chunks(images, p.device):
        x += p[:, columns].float() @ x0
    return x.view(-1, *shape)


def denoise(xt: Tensor, t: int | Tensor, images: np.ndarray | Tensor, sched: Schedule) -> Tensor:
    """E[x0 | xt], exact: no network can have a smaller mean squared error on this set of images.

    Arguments and errors as for `posterior`. Returns (B, C, H, W) float32. Where the posterior is wanted as well, take
    `p = posterior(...)` and `mean(p, images)`: that is all this does.
    """
    return mean(posterior(xt, t, images, sched), images)


def sweep(
    x0: Tensor, t: Tensor, images: np.ndarray | Tensor, sched: Schedule, generator: torch.Generator
) -> Iterator[Tensor]:
    """What can be told of each of some images at each of some levels: one posterior per image, streamed.

    x0         (N, C, H, W) float in [-1, 1]. Each gets a noise of its own, held fixed over the levels
    t          (L,) integer tensor of levels
    generator  for the noise, which is drawn where it lives: one on the CPU gives the same on every device

    Yields N times (L, M) float32, as `posterior` returns it for that image at the levels t. Raises as `posterior` and
    `Schedule.add_noise` do.

    The product of a noisy picture with each of the set, which is most of the work, is made of those of the image and of
    the noise, which serve all levels. Several images share one pass over the set.
    """
    t = expect.levels(t, sched.T, n=len(t)).to(sched.alpha_bar.device)
    alpha_bar = sched.alpha_bar[t].to(x0.device, torch.float64)[:, None]  # (L, 1)
    keep, add, variance = alpha_bar.sqrt(), (1 - alpha_bar).sqrt(), (1 - alpha_bar).clamp(min=1e-9)
    for few in x0.split(max(1, ROWS // 8)):
        noise = torch.randn(few.shape, generator=generator, device=generator.device).to(few.device)
        sched.add_noise(few, 0, noise)  # raises where it must
        both = torch.cat([few, noise]).flatten(1).double()  # (2n, D)
        products, half = both.new_empty(len(both), len(images)), both.new_empty(len(images))
        for columns, pixels in chunks(images, few.device):
            pixels = pixels.double()
            products[:, columns], half[columns] = both @ pixels.T, pixels.square().sum(1) / 2
        for clean, noisy in zip(*products.split(len(few)), strict=True):
            log_p = (keep * (clean - half) + add * noisy).mul_(keep / variance)  # (L, M), as in log_likelihood
            yield torch.softmax(log_p.sub_(log_p.amax(1, keepdim=True)).float(), dim=1)


def bits_known(p: Tensor) -> Tensor:
    """How much is known about which image it is: log2(M) - entropy(p), in bits.

    p  (B, M) float, a posterior. Returns (B,) float32, from 0 (no idea) to log2(M) (certain). Averaged over images
    and noise it is the mutual information between image and noisy picture (Shannon 1948). Raises as `mean` does.
    """
    check_posterior(p)
    entropy = [torch.special.entr(row).sum() / math.log(2) for row in p]  # by row: no second (B, M) in memory
    return (math.log2(p.shape[1]) - torch.stack(entropy)).clamp(min=0).float()


def attribute_posterior(p: Tensor, labels: np.ndarray | Tensor, n: int) -> Tensor:
    """The probability of each option of an attribute (say, each hair colour): p summed over the images that have it.

    p       (B, M) float, a posterior
    labels  (M,) integers in 0..n-1: the option of each image
    n       number of options

    Returns (B, n) float32; rows sum to 1. Raises ValueError for labels out of range and as `mean` does.
    """
    labels = (labels if isinstance(labels, Tensor) else torch.tensor(labels)).long()
    check_posterior(p, len(labels))
    if not (labels.min() >= 0 and labels.max() < n):
        raise ValueError(f"with n = {n} options labels are in 0..{n - 1}, but they hold {labels.min()}..{labels.max()}")
    has_option = torch.nn.functional.one_hot(labels, n).to(p)  # (M, n)
    return (p @ has_option).float()


def nearest(x: Tensor, images: np.ndarray | Tensor, but: Tensor | None = None) -> Tensor:
    """The image of a set with the smallest squared distance from each picture, leaving out image but[i] for the i-th.

    x       (N, C, H, W) float
    images  the set: uint8 (M, H, W, C) or float (M, C, H, W), such as world.images or world.images[train_idx]

    Returns indices, (N,) int64 on the device of x. Multiplied out, ||x - x0||^2 = ||x||^2 - 2 x.x0 + ||x0||^2, whose
    first term is the same for every x0: one matrix product for each chunk of the set. It must be a float32 one, since
    some members are only 0.02 RMS apart: leave torch.set_float32_matmul_precision at "highest".
    """
    x = x.flatten(1)
    best, index = x.new_full((len(x),), torch.inf), torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for columns, x0 in chunks(images, x.device):
        distance = torch.addmm(x0.square().sum(1), x, x0.T, alpha=-2)  # (N, m)
        if but is not None:
            itself = but[:, None] == torch.arange(columns.start, columns.start + len(x0), device=x.device)
            distance = distance.masked_fill(itself, torch.inf)
        least, i = distance.min(dim=1)
        closer = least < best
        best, index = torch.where(closer, least, best), torch.where(closer, i + columns.start, index)
    return index


def chunks(images: np.ndarray | Tensor, device: torch.device | str) -> Iterator[tuple[slice, Tensor]]:
    """Read a set chunk by chunk: yields (which columns of a posterior these are, pixels (m, D) float32 in [-1, 1])."""
    for i in range(0, len(images), CHUNK):
        columns = slice(i, i + CHUNK)
        x0 = images[columns]
        x0 = (torch.tensor(x0) if isinstance(x0, np.ndarray) else x0).to(device)  # a copy: arrays may be read-only
        if x0.dtype == torch.uint8:
            x0 = x0.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)  # the values of sprites.to_tensor
        yield columns, x0.flatten(1).float()


def image_shape(images: np.ndarray | Tensor) -> tuple[int, ...]:
    """The shape (C, H, W) of a set's images. Refuses what is neither uint8 (M, H, W, C) nor float (M, C, H, W)."""
    if getattr(images, "dtype", None) in (np.uint8, torch.uint8):
        if images.ndim != 4:
            raise ValueError(f"uint8 images must have shape (M, H, W, C), got {tuple(images.shape)}")
        shape = (images.shape[3], *images.shape[1:3])
    else:
        expect.images("images", images, limit=2)
        shape = tuple(images.shape[1:])
    if len(images) == 0:
        raise ValueError("images is empty: a posterior needs at least one image to choose from")
    return shape


def check_posterior(p: Tensor, m: int | None = None) -> None:
    """Refuse anything but a tensor (B, M) of probabilities, with M = m where that is given."""
    if m is not None and p.shape[1] != m:
        raise ValueError(f"p has {p.shape[1]} columns for a set of {m} images: was it computed on another set?")
    if not torch.allclose(p.sum(1), p.new_ones(()), atol=1e-3):
        raise ValueError("the rows of p must sum to 1: they are probabilities")
