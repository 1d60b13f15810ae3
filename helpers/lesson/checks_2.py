"""The exercises of notebook 2: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch

from helpers.lesson import checks
from helpers.lesson.checks import EMPTY, Result, right, wrong
from helpers.lesson.clinic import MISTAKES
from helpers.schedule import Schedule
from helpers.unet import UNet


def implied_noise(function: Callable, sched: Schedule) -> Result:
    """Check `function(xt, x0_guess, alpha_bar)`: the noise that a guess of the sprite implies."""

    def reference(xt, x0, alpha_bar):
        return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()

    def mistakes(xt, x0, alpha_bar):
        keep, add = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        weaker = "In the noisy picture the sprite is weaker than x0: it has the weight sqrt(alpha_bar)."
        return {
            "That is the noise as strong as in the picture. Divide by its weight, sqrt(1 - alpha_bar).": xt - keep * x0,
            weaker: (xt - x0) / add,
            weaker + " And divide by the weight of the noise.": xt - x0,
            "The weight of the sprite lacks its square root.": (xt - alpha_bar * x0) / add,
            "The weight of the noise lacks its square root.": (xt - keep * x0) / (1 - alpha_bar),
            "The two weights have changed places.": (xt - add * x0) / keep,
        }

    x0, noise = checks.samples()
    levels = sched.alpha_bar[[sched.T // 2, sched.T // 5]].cpu()
    inputs = [(a.sqrt() * x0 + (1 - a).sqrt() * noise, x0, a) for a in levels]
    praise = "Whoever knows the sprite knows the noise, and the other way round: one answer, two ways to say it."
    return checks.function(function, reference, mistakes, inputs, praise)


def coarse_shape(shape: tuple, net: UNet) -> Result:
    """Check the shape (C, h, w) on the coarse path of a picture of 32×32 pixels."""
    if shape is ...:
        return EMPTY
    try:
        shape = tuple(int(side) for side in shape)
    except (TypeError, ValueError):
        return wrong(f"A shape is three numbers, such as (3, 32, 32); this is {shape!r}.")
    channels = net.to_coarse.out_channels
    if shape == (channels, 8, 8):
        return right("Twice halved, by pixel_unshuffle and on the way to the coarse path; the channels stay.")
    if len(shape) == 4:
        return wrong("Leave out the batch: three numbers, channels, height, width.")
    if len(shape) != 3:
        return wrong(f"A shape is three numbers: channels, height, width. These are {len(shape)}.")
    if shape[0] != channels and shape[-1] == channels:
        return wrong("The channels come first in PyTorch.")
    if shape[0] != channels:
        return wrong("How many channels there are does not depend on the size of the picture. See the tour.")
    if shape[1:] == (16, 16):
        return wrong("That is the fine path, after pixel_unshuffle. The coarse one is half as high and wide.")
    if shape[1:] == (4, 4):
        return wrong("That is for a picture of 16 × 16. This one is twice as high and wide.")
    return wrong("The channels are right. Count how often the picture is halved on the way down.")


def running_mean(function: Callable) -> Result:
    """Check `function(mean, weights, decay)`: one step of an exponential moving average."""

    def reference(mean, weights, decay):
        return decay * mean + (1 - decay) * weights

    def mistakes(mean, weights, decay):
        return {
            "The two shares have changed places.": (1 - decay) * mean + decay * weights,
            "The two shares must add up to 1, or the mean grows and grows.": decay * mean + weights,
            "The mean must give up as much as it takes in: multiply it by decay.": mean + (1 - decay) * weights,
            "That is the plain mean of two. Use decay: of the old mean that share stays.": (mean + weights) / 2,
            "That throws away the mean and keeps the newest weights only.": weights,
        }

    inputs = [(*checks.samples(), decay) for decay in (0.9, 0.995)]
    praise = "The mean follows slowly, and the jitter of single steps averages out of it."
    return checks.function(function, reference, mistakes, inputs, praise)


def last_floor(value: float, images: torch.Tensor) -> Result:
    """Check the least error that any answer can have at the last level: the mean squared distance from the average.

    images: float (N, 3, 16, 16), the sprites that the learner was asked to use.
    """
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        return wrong(f"One number is wanted, for all pixels: take the mean of these {value.numel():,}.")
    value = checks.number(value)
    if isinstance(value, Result):
        return value
    off, off_one = images - images.mean(dim=0), images - images.mean()
    answer = off.square().mean().item()
    mistakes = {
        "That is the error of plain grey. The average of all sprites is a better guess.": images.square().mean(),
        "Square the differences instead of taking their absolute value.": off.abs().mean(),
        "That is one average over all pixels. Take the mean over dim=0 only.": off_one.square().mean(),
        "That is the root of it. The loss is the mean of the squares.": answer**0.5,
    }
    if checks.near(value, answer):
        return right(f"{answer:.3f}: with nothing known, nothing better can be said than the average, off by so.")
    for hint, mistake in mistakes.items():
        if checks.near(value, float(mistake)):
            return wrong(hint)
    return wrong("Not that number. What is the guess, and how far is each sprite from it, squared, on average?")


def clinic(diagnosis: dict) -> Result:
    """Check which mistake each of the patients in clinic.py has."""
    if not isinstance(diagnosis, dict) or all(diagnosis.get(name) is ... for name in MISTAKES):
        return EMPTY
    names = list(MISTAKES.values())
    said = {name: str(of).strip().lower() for name, of in diagnosis.items() if of is not ...}
    if unknown := [of for of in said.values() if of not in names]:
        return wrong(f"{unknown[0]!r} is none of the three: {', '.join(map(repr, names))}.")
    hints = {
        "A": "Patient A: the picture is full of strong noise at every step. Some noise is never removed: how much is?",
        "B": "Patient B: almost right, a veil of grain is left. The amount removed is right for a neighbouring level.",
        "C": "Patient C: no noise at all, but all is pale, and nothing is darker than grey. Which values are missing?",
    }
    for name, mistake in MISTAKES.items():
        if said.get(name) != mistake:
            return wrong(hints[name])
    return right("The pictures told you. Noise left over: a weight. A little left over: a level. Pale: a range.")
