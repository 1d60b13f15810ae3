"""The checks of notebook 2's exercises. What a check is, checks.py says."""

from collections.abc import Callable

import torch

from helpers.lesson.checks_1 import EMPTY, Result, _function, _two_samples
from helpers.schedule import Schedule
from helpers.unet import UNet


def implied_noise(function: Callable, sched: Schedule) -> Result:
    """Check `function(xt, x0_guess, alpha_bar)`: the noise that a guess of the sprite implies."""
    x0, noise = _two_samples()
    alpha_bar = sched.alpha_bar[sched.T // 2].cpu()
    keep, add = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    xt = keep * x0 + add * noise
    hints = [
        (
            xt - keep * x0,
            "That is the noise as strong as in the picture. Divide by its weight, sqrt(1 - alpha_bar).",
        ),
        (xt - x0, "In the noisy picture the sprite is weaker than x0: it has the weight sqrt(alpha_bar)."),
        ((xt - x0) / add, "In the noisy picture the sprite is weaker than x0: it has the weight sqrt(alpha_bar)."),
        ((xt - alpha_bar * x0) / add, "The weight of the sprite lacks its square root."),
        ((xt - keep * x0) / (1 - alpha_bar), "The weight of the noise lacks its square root."),
        ((xt - add * x0) / keep, "The two weights have changed places."),
    ]
    right = "Whoever knows the sprite knows the noise, and the other way round: one answer, two ways to say it."
    return _function(function, (xt, x0, alpha_bar), noise, hints, right)


def coarse_shape(shape: tuple, net: UNet) -> Result:
    """Check the shape (C, h, w) on the coarse path of a picture of 32×32 pixels."""
    if shape is ...:
        return EMPTY
    try:
        shape = tuple(int(side) for side in shape)
    except TypeError:
        return Result(False, f"A shape is three numbers, such as (3, 32, 32); this is {shape!r}.")
    channels = net.to_coarse.out_channels
    if shape == (channels, 8, 8):
        return Result(True, "Twice halved, by pixel_unshuffle and on the way to the coarse path; the channels stay.")
    if len(shape) == 4:
        return Result(False, "Leave out the batch: three numbers, channels, height, width.")
    if len(shape) != 3:
        return Result(False, f"A shape is three numbers: channels, height, width. These are {len(shape)}.")
    if shape[0] != channels and shape[-1] == channels:
        return Result(False, "The channels come first in PyTorch.")
    if shape[0] != channels:
        return Result(False, "How many channels there are does not depend on the size of the picture. See the tour.")
    if shape[1:] == (16, 16):
        return Result(False, "That is the fine path, after pixel_unshuffle. The coarse one is half as high and wide.")
    if shape[1:] == (4, 4):
        return Result(False, "That is for a picture of 16 × 16. This one is twice as high and wide.")
    return Result(False, "The channels are right. Count how often the picture is halved on the way down.")


def running_mean(function: Callable) -> Result:
    """Check `function(mean, weights, decay)`: one step of an exponential moving average."""
    mean, weights = _two_samples()
    hints = [
        (0.1 * mean + 0.9 * weights, "The two shares have changed places: the mean keeps decay of itself, so is slow."),
        (0.9 * mean + weights, "The two shares must add up to 1, or the mean grows and grows."),
        (mean + 0.1 * weights, "The mean must give up as much of itself as it takes in: multiply it by decay."),
        (
            (mean + weights) / 2,
            "That is the plain mean of two. Use decay: of the old mean 0.9 stays here.",
        ),
        (weights, "That throws away the mean and keeps the newest weights only."),
    ]
    right = "The mean follows slowly, and the jitter of single steps averages out of it."
    return _function(function, (mean, weights, 0.9), 0.9 * mean + 0.1 * weights, hints, right)


def last_floor(value: float, images: torch.Tensor) -> Result:
    """Check the least error that any answer can have at the last level: the mean squared distance from the average.

    images: float (N, 3, 16, 16), the sprites that the learner was asked to use.
    """
    if value is ...:
        return EMPTY
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        return Result(False, f"One number is wanted, for all pixels: take the mean of these {value.numel():,}.")
    try:
        value = float(value)
    except (TypeError, ValueError):
        return Result(False, f"One number is wanted; this is {value!r}.")
    answer = (images - images.mean(dim=0)).square().mean().item()

    def near(other):
        return abs(value - float(other)) <= 0.01 * abs(float(other))

    if near(answer):
        return Result(
            True, f"{answer:.3f}: with nothing known, the average is the best that can be said, and it is off by so."
        )
    if near(images.square().mean()):
        return Result(False, "That is the error of plain grey. The average of all sprites is a better guess.")
    if near((images - images.mean(dim=0)).abs().mean()):
        return Result(False, "Square the differences instead of taking their absolute value.")
    if near((images - images.mean()).square().mean()):
        return Result(False, "That is one average over all pixels. Take the average sprite: the mean over dim=0 only.")
    if near(answer**0.5):
        return Result(False, "That is the root of it. The loss is the mean of the squares.")
    return Result(False, "Not that number. What is the guess, and how far is each sprite from it, squared, on average?")


def clinic(diagnosis: dict) -> Result:
    """Check which mistake each of the three patients A, B and C has."""
    truth = {"A": "missing root", "B": "level off by one step", "C": "wrong range"}
    if diagnosis is ... or not isinstance(diagnosis, dict) or all(diagnosis.get(name) is ... for name in truth):
        return EMPTY
    unknown = [said for said in diagnosis.values() if said is not ... and said not in truth.values()]
    if unknown:
        return Result(False, f"{unknown[0]!r} is none of the three: " + ", ".join(map(repr, truth.values())) + ".")
    hints = {
        "A": "Patient A: the picture is full of strong noise at every step. Some noise is never removed: how much is?",
        "B": "Patient B: almost right, a veil of grain is left. The amount removed is right for a neighbouring level.",
        "C": "Patient C: no noise at all, but all is pale, and nothing is darker than grey. Which values are missing?",
    }
    for name, mistake in truth.items():
        if diagnosis.get(name) != mistake:
            return Result(False, hints[name])
    return Result(True, "The pictures told you. Noise left over: a weight. A little left over: a level. Pale: a range.")
