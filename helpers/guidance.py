"""Asking for what is to be drawn: a crown, say.

In training the network is told of each sprite some of what it is (`tell_some`), beside the noise level (`Asked`). Then
it can be asked for that, or for more of it than there is (`guided`); the sampler knows nothing of all this.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class Asked(nn.Module):
    """What is asked for, as numbers beside the level's: a row for each option of each attribute, added up.

    Nothing asked adds nothing, so it cannot be taken for a first option. All rows begin at 0.
    """

    def __init__(self, options: Sequence[int], level: int):
        super().__init__()
        self.options = list(options)
        self.table = nn.Embedding(sum(options), level)
        nn.init.zeros_(self.table.weight)

    def forward(self, context: Tensor) -> Tensor:
        """context int64 (N, A), -1 where nothing is asked -> (N, level)."""
        most = torch.tensor(self.options, device=context.device)
        if context.ndim != 2 or context.shape[1] != len(most) or (context < -1).any() or (context >= most).any():
            raise ValueError(
                f"context must have shape (N, {len(most)}), with an option from 0 to less than {self.options} in each "
                "column, or -1 for any"
            )
        rows = self.table(context.clamp(min=0) + most.cumsum(0) - most)  # (N, A, level)
        return (rows * (context >= 0)[..., None]).sum(dim=1)


def tell_some(labels: Tensor, generator: torch.Generator, nothing: float = 0.1) -> Tensor:
    """Labels (N, A) with -1 where nothing is told: of each sprite other attributes, of some `nothing` at all.

    So one network learns to be asked for any of them, and for none, which guidance needs (Ho and Salimans 2022,
    arXiv:2207.12598). Each item has a share of its own that is told, from none to all.
    """
    on, n = generator.device, len(labels)
    share = torch.rand((n, 1), generator=generator, device=on)
    told = torch.rand(labels.shape, generator=generator, device=on) < share
    told &= torch.rand((n, 1), generator=generator, device=on) >= nothing
    return labels.where(told.to(labels.device), -1)


def guided(net: Callable[..., Tensor], context: Tensor, w: float = 1.0) -> Callable[[Tensor, Tensor], Tensor]:
    """A network that answers as if it had been told what the sprite is: (xt, t) -> guess of x0.

    net      (xt, t, context) -> guess; without context nothing is asked
    context  int64 (A,) for all pictures alike, or (N, A); -1 where an attribute may be anything
    w        how strongly: guess = without + w * (with - without). 1 is plain asking, 0 asks for nothing, more than 1
             goes beyond what was asked: classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598; their w is
             ours less 1, `diffusers`' guidance_scale is ours)
    """

    def guess(xt: Tensor, t: Tensor) -> Tensor:
        asked = torch.as_tensor(context, device=xt.device).expand(len(xt), -1)
        if w == 1:  # to the last bit, and at half the price
            return net(xt, t, asked)
        without = net(xt, t)
        return without if w == 0 else without + w * (net(xt, t, asked) - without)

    return guess
