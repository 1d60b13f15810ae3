"""The exercises of notebook 2: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import numpy as np
import torch

from helpers import training
from helpers.lesson import checks
from helpers.lesson.checks import EMPTY, Result, right, wrong
from helpers.lesson.clinic import MISTAKES
from helpers.schedule import Schedule
from helpers.world import sprites
from helpers.world.sprites import World

HIDDEN = (43, 131, 212, 294, 366)  # levels for the meter to find
NEAR = 15  # levels


def training_loss(function: Callable, sched: Schedule) -> Result:
    """Check `loss(net, x0, t, noise)`: the loss of a training step, as `training.step_loss` has it."""

    def net(xt, t):  # answers something that depends on both
        return 0.7 * xt.flip(-1) + 0.1 + torch.as_tensor(t, device=xt.device).view(-1, 1, 1, 1) / 1000

    def reference(net, x0, t, noise):
        return training.step_loss(net, training.Batch(x0, t, noise), sched).cpu()

    def mistakes(net, x0, t, noise):
        xt, weight = sched.add_noise(x0, t, noise), sched.snr(t).clamp(0.05, 5)

        def against(right_answer, given=xt, power=2):
            off = net(given, t) - right_answer
            return off.square().mean(dim=(1, 2, 3)) if power == 2 else off.abs().mean(dim=(1, 2, 3))

        off, plain = net(xt, t) - x0, against(x0)
        found = {
            "The guess is compared with xt, which still has the noise. What should it be?": (
                weight * against(xt)
            ).mean(),
            "That takes the answer for the noise. Our network is asked for the sprite.": (
                weight * against(noise)
            ).mean(),
            "The weight is missing: each sprite's error counts w(t) times.": plain.mean(),
            "The network is shown the clean sprite. Then there is nothing to learn.": (weight * against(x0, x0)).mean(),
            "The network is shown the noise alone, with no sprite in it.": (weight * against(x0, noise)).mean(),
            "Square the differences instead of taking their absolute value.": (weight * against(x0, xt, 1)).mean(),
            "The weight has an upper bound, 5, too.": (sched.snr(t).clamp(min=0.05) * plain).mean(),
            "The weight has a lower bound, 0.05, too.": (sched.snr(t).clamp(max=5) * plain).mean(),
            "The weight has bounds: at least 0.05 and at most 5.": (sched.snr(t) * plain).mean(),
            "That is the weight of the image, alpha_bar. The weight is the signal-to-noise ratio, sched.snr(t).": (
                sched.alpha_bar[t].clamp(0.05, 5) * plain
            ).mean(),
            "There is one loss for each sprite. Take their mean: one number for the batch.": weight * plain,
            "Each error must meet its own weight before the mean is taken, not the mean weight.": (
                weight.mean() * plain.mean()
            ),
            "Take the mean over the batch too, not the sum.": (weight * plain).sum(),
            "Take the mean over the pixels, not their sum.": (weight * off.square().sum(dim=(1, 2, 3))).mean(),
            "Sum over pixels and batch? Take the mean over both.": (weight * off.square().sum(dim=(1, 2, 3))).sum(),
            "That is the root of it. The loss is the mean of the squares.": (weight * plain).mean().sqrt(),
        }
        return {hint: value.cpu() for hint, value in found.items()}

    def case(n, seed, levels):
        x0, noise = checks.samples(n, seed)
        return net, x0, torch.tensor(levels, device=sched.alpha_bar.device), noise

    inputs = [case(3, 7, [30, 240, 490]), case(4, 8, [5, 150, 260, 410]), case(1, 9, [470]), case(2, 10, [40, 455])]
    inputs = [(net, *(x.to(sched.alpha_bar.device) for x in rest)) for net, *rest in inputs]
    praise = "That is what training makes small, and all that tells the network what a sprite is."
    return checks.function(function, reference, mistakes, inputs, praise)


def level_meter(function: Callable, sched: Schedule, world: World) -> Result:
    """Check `level_of(xt)`: the level of sixteen noisy sprites that have the same one, to 15 levels."""
    device = sched.alpha_bar.device
    g = torch.Generator().manual_seed(11)
    pairs = []
    for level in HIDDEN:
        which = torch.randint(len(world), (16,), generator=g)
        x0 = sprites.to_tensor(world.images[which.numpy()]).to(device)
        noise = torch.randn(x0.shape, generator=g).to(device)
        got = checks.call(function, (sched.add_noise(x0, level, noise),))
        if isinstance(got, Result):
            return got
        if got.numel() != 1:
            return wrong(f"One number is wanted, the level that all sixteen share; these are {got.numel():,}.")
        pairs.append((got.item(), level))
    found, levels = np.array(pairs).T
    if (off := np.abs(found - levels)).max() <= NEAR:  # False for NaN
        return right(f"Five hidden levels, each found to {np.ceil(off.max()):.0f} or better. Nobody told you which.")
    if np.ptp(found) == 0:
        return wrong(f"It says {found[0]:g} whatever it is shown. Does it use xt?")
    if ((found > 0) & (found < 1)).all():
        return wrong("These are shares, not levels: which level t, from 0 to 500, has such a one?")
    hits, way = int((off <= NEAR).sum()), "off to both sides"
    way = "too low" if (found < levels).all() else "too high" if (found > levels).all() else way
    return wrong(
        f"{hits} of five hidden levels found to {NEAR}. The answers are {way}, one by {off.max():.0f}. Try it on "
        "sprites that you noise yourself, where you know the level."
    )


def noise_weight(function: Callable) -> Result:
    """Check `noise_weight(snr)`: what an error of the noise counts, where one of the sprite counts min(snr, 5)."""

    def reference(snr):
        return snr.clamp(max=5) / snr

    def mistakes(snr):
        weight = snr.clamp(max=5)
        return {
            "That is what an error of the sprite counts. The noise's error is another number.": weight,
            "The other way round: the noise's error is already SNR times as large.": weight * snr,
            "That undoes the SNR. Now let an error of the sprite count min(SNR, 5), not 1.": 1 / snr,
            "At high levels, where SNR is below 5, an error of the sprite counts SNR, not 5.": 5 / snr,
            "That would be right for v, whose error is SNR + 1 times the sprite's.": weight / (snr + 1),
            "That is one divided by what is wanted.": snr / weight,
            "Then an error of the sprite counts SNR at every level, also where it should count 5.": torch.ones_like(
                snr
            ),
        }

    inputs = [(torch.tensor(x),) for x in ([0.01, 0.4, 3.0, 8.0, 200.0], [[4.9, 5.1], [0.2, 60.0]], 12.5, 0.3)]
    praise = "The same loss, said of the noise. At high levels 1: there the plain error of the noise is this very loss."
    return checks.function(function, reference, mistakes, inputs, praise)


def clinic(diagnosis: dict) -> Result:
    """Check which mistake each of the patients in clinic.py has: how many are right, not which."""
    if diagnosis is ... or (isinstance(diagnosis, dict) and all(of is ... for of in diagnosis.values())):
        return EMPTY
    if not isinstance(diagnosis, dict):
        return wrong('A diagnosis for each patient is wanted, as a dict: {"A": "...", "B": "..."} and so on.')
    said = {str(name).strip().upper(): _plain(of) for name, of in diagnosis.items() if of is not ...}
    names = list(MISTAKES.values())
    if unknown := [of for of in said.values() if of not in map(_plain, names)]:
        return wrong(f"{unknown[0]!r} is none of the four: {', '.join(map(repr, sorted(names)))}.")
    hits = sum(said.get(name) == _plain(mistake) for name, mistake in MISTAKES.items())
    if hits == len(MISTAKES):
        return right("All four. Each of them ran without a word of complaint.")
    if len(set(said.values())) < len(said):
        return wrong(f"{hits} of 4 are right. No two patients have the same mistake.")
    return wrong(f"{hits} of 4 are right." + (" Some are left open." if len(said) < len(MISTAKES) else ""))


def _plain(text) -> str:
    """Without capitals, marks and spaces to spare: 'Missing-Root ' is missing root."""
    return " ".join("".join(c if c.isalpha() else " " for c in str(text).lower()).split())
