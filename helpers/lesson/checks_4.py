"""The exercise of notebook 4: it takes a learner's answer and says whether it is right, or hints."""

from collections.abc import Callable

import torch

from helpers.lesson import checks
from helpers.lesson.checks import Result


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
