"""The exercises of notebook 4: each function takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch

from helpers.lesson import checks
from helpers.lesson.asking import MISTAKES
from helpers.lesson.checks import Result, right, wrong


def share_due(due: Callable) -> Result:
    """Check `due(p, has)`: how many of the noisy pictures should come back with an option, as a share.

    p is (N, M), the posterior of each picture over M sprites; has is bool (M,), which of them have the option.
    """

    def reference(p, has):
        return p[:, has].sum(dim=1).mean()

    def mistakes(p, has):
        likeliest = has[p.argmax(dim=1)].float()
        return {
            "That asks only who is likeliest. Less likely ones come back too, each as often as it is likely.": (
                likeliest.mean()
            ),
            "You average over the sprites that have it. Their probabilities add up.": p[:, has].mean(),
            "That is how common the option is among all sprites. What does the noisy picture say?": has.float().mean(),
            "That is how many pictures; as a share, divide by how many there are.": p[:, has].sum(),
            "That is the share for each picture. What do you expect of all of them together?": p[:, has].sum(dim=1),
            "That is the share of those that come back without it.": p[:, ~has].sum(dim=1).mean(),
        }

    praise = "Probabilities of those that have it, added up for each picture, and averaged over the pictures."
    return checks.function(due, reference, mistakes, map(_posterior, (3, 4, 5)), praise)


def _posterior(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Some pictures' posterior over some sprites, and which of these have an option; sizes differ from seed to seed."""
    g = torch.Generator().manual_seed(seed)
    p = torch.softmax(2 * torch.randn(3 + seed, 7 * seed, generator=g), dim=1)
    return p, torch.rand(7 * seed, generator=g) < 0.35


def best_given(answer: Callable) -> Result:
    """Check `answer(p, images, members)`: the average over those who have what was asked for, E[x0 | xt, wish]."""

    def reference(p, images, members):
        p = p * members
        return torch.einsum("m,mchw->chw", p / p.sum(), images)

    def mistakes(p, images, members):
        told = p * members
        average = torch.einsum("m,mchw->chw", told, images)
        return {
            "The others are left out, but what is left no longer adds up to 1: divide by its sum.": average,
            "That is the answer when nothing was asked: those who are not members still count.": torch.einsum(
                "m,mchw->chw", p, images
            ),
            "That is the plain average of the members. Some are likelier than others: use p.": images[members].mean(0),
            "That is the likeliest member. The best answer weighs in the others too.": images[told.argmax()],
            "These are the ones who are out of the question: keep the members.": reference(p, images, ~members),
        }

    inputs = []
    for n, seed in ((4, 1), (6, 2)):
        g = torch.Generator().manual_seed(seed)
        p = torch.rand(n, generator=g)
        members = torch.arange(n) % 3 != 1  # some, and not all
        inputs.append((p / p.sum(), checks.samples(n)[0], members))
    praise = "Bayes' rule again: whoever has not what was asked for is out of the question, and the rest share it."
    return checks.function(answer, reference, mistakes, inputs, praise)


def guided_guess(answer: Callable) -> Result:
    """Check `answer(net, xt, t, context, w)`: classifier-free guidance with w = 1 as plain asking."""

    def net(xt, t, context=None):
        return 0.5 * xt if context is None else 0.5 * xt + 0.1 * context.sum(dim=1).view(-1, 1, 1, 1) - 0.2

    def reference(net, xt, t, context, w):
        return net(xt, t) + w * (net(xt, t, context) - net(xt, t))

    def mistakes(net, xt, t, context, w):
        asked, plain = net(xt, t, context), net(xt, t)
        return {
            "The ends have changed places: at w = 0 nothing is asked, at w = 1 the wish.": asked + w * (plain - asked),
            "There w = 0 is plain asking, as in Ho and Salimans' paper. Ours begins at without.": asked
            + w * (asked - plain),
            "That is the difference alone. Add it to the answer without the wish.": w * (asked - plain),
            "That is plain asking, whatever w is.": asked,
            "That never asks.": plain,
            "The two answers are mixed, but their weights do not add up to 1.": plain + w * asked,
        }

    inputs = []
    for n, w in ((2, 3.0), (3, 0.5)):
        xt = checks.samples(n)[1]
        inputs.append((net, xt, torch.full((n,), 300), torch.arange(2 * n).view(n, 2) % 3, w))
    praise = "Two answers, and more of their difference than there is."
    return checks.function(answer, reference, mistakes, inputs, praise)


def tell_half(answer: Callable) -> Result:
    """Check `answer(labels, u)`: each attribute of each sprite told, or -1, by a random number of its own."""

    def reference(labels, u):
        return labels.where(u < 0.5, -1)

    def other_half(labels, u):
        return labels.where(u >= 0.5, -1)

    def mistakes(labels, u):
        return {
            "One decision for each sprite: all of its attributes are told, or none. Decide for each of them.": (
                labels.where(u[:, :1] < 0.5, -1)
            ),
            "One decision for the whole batch.": labels if u.mean() < 0.5 else torch.full_like(labels, -1),
            "What is not told is 0, and that is the first option. Silence is -1.": labels.where(u < 0.5, 0),
            "All is told.": labels,
        }

    inputs = []
    for n, seed in ((6, 3), (5, 4), (7, 5)):
        g = torch.Generator().manual_seed(seed)
        inputs.append((torch.randint(0, 4, (n, 4), generator=g), torch.rand((n, 4), generator=g)))
    praise = "Each sprite is told in a way of its own, so every wish is met in training."
    found = checks.function(answer, other_half, mistakes, inputs, praise)  # which half is told does not matter
    return found if found.passed is not False else checks.function(answer, reference, mistakes, inputs, praise)


def diagnosis(answer: dict) -> Result:
    """Check which of the three mistakes each patient has."""
    if not isinstance(answer, dict) or set(answer) != set(MISTAKES):
        return wrong(f"Give one diagnosis for each of {', '.join(MISTAKES)}.")
    if all(name is ... for name in answer.values()):
        return checks.EMPTY
    said = {who: " ".join(str(name).lower().split()) for who, name in answer.items() if name is not ...}
    unknown = [name for name in said.values() if name not in MISTAKES.values()]
    if unknown:
        return wrong(f"{unknown[0]!r} is none of the three: {', '.join(sorted(MISTAKES.values()))}.")
    hits = sum(MISTAKES[who] == name for who, name in said.items())
    if hits == len(MISTAKES):
        return right("Each of them listens to something, and none to the wish.")
    return wrong(f"{hits} of 3 are right. Where do the numbers go when the wish is turned around, or not heard?")
