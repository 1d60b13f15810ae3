"""The network: a small U-Net that is shown a noisy sprite and its noise level, and answers which sprite it was.

A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) looks at a picture twice: a fine path, which sees details where they
are, and a coarse path at half the resolution, where a few steps span the whole sprite and the outline is settled. The
skip hands the fine path on past the coarse one, so that not all that it knows need squeeze through that.

                          (N, 3, 16, 16)  noisy sprite
      pixel_unshuffle     (N, 12, 8, 8)   a 2x2 block of pixels is now one place with 12 values: a quarter of the work
      fine path           (N, C, 8, 8)    -------------- skip --------------.
      coarse path         (N, 2C, 4, 4)   half the side, twice the channels  |
      fine path again     (N, C, 8, 8)    <-- both, side by side <----------'
      pixel_shuffle       (N, 3, 16, 16)  guess of the clean sprite
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.guidance import Asked


class UNet(nn.Module):
    """`net(xt, t)` is a guess of x0. 1.25 million parameters with the default 64 channels, 0.7 million with 48.

    channels   width C of the fine path, a multiple of 8 and at least 16; the coarse path has twice as many
    options    how many options each attribute has that it can be asked for; () for a network that cannot be asked
    generator  torch.Generator for the first weights; None draws them from torch's global one

    Raises ValueError for another width.
    """

    def __init__(self, channels: int = 64, generator: torch.Generator | None = None, *, options: Sequence[int] = ()):
        super().__init__()
        if channels < 16 or channels % 8:
            raise ValueError(f"channels must be a multiple of 8, at least 16; got {channels}: try 32, 48 or 64")
        self.arguments: dict = {
            "channels": channels
        }  # what a file of weights must say, so that they find their network
        if options:
            self.arguments["options"] = list(options)
        fine, coarse, level = channels, 2 * channels, 2 * channels
        self.level = nn.Sequential(nn.Linear(LEVEL, level), nn.SiLU(), nn.Linear(level, level), nn.SiLU())
        self.asked = Asked(options, level) if options else None

        self.enter = nn.Conv2d(3 * 4, fine, 3, padding=1)
        self.down = nn.ModuleList([Block(fine, fine, level), Block(fine, fine, level)])
        self.to_coarse = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(coarse, coarse, level), Attention(coarse), Block(coarse, coarse, level)])
        self.to_fine = nn.Conv2d(coarse, fine, 1)
        self.up = nn.ModuleList([Block(2 * fine, fine, level), Block(fine, fine, level)])
        self.leave = nn.Sequential(nn.GroupNorm(8, fine), nn.SiLU(), nn.Conv2d(fine, 3 * 4, 3, padding=1))

        self.reset_parameters(generator)
        # The same numbers, in the order that convolutions like best. PyTorch's own types do not know of it.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, xt: Tensor, t: int | Tensor, context: Tensor | None = None) -> Tensor:
        """Which sprite was it?

        xt       (N, 3, H, W) float, noisy images; H and W multiples of 4
        t        an int, or an integer tensor (N,) with the level of each image; 0..T
        context  int64 (N, A), what is asked for: an option of each attribute, or -1 where it may be any; None for
                 nothing asked

        Returns the guess of x0, (N, 3, H, W), of no fixed range: clamp it to [-1, 1] to show it.
        Raises ValueError for images or a context of another shape or range, TypeError for levels that are fractions.
        """
        if xt.ndim != 4 or xt.shape[1] != 3 or xt.shape[2] % 4 or xt.shape[3] % 4:
            raise ValueError(
                f"xt must have shape (N, 3, H, W) with H and W multiples of 4, got {tuple(xt.shape)}: "
                "give one image a batch axis with image[None], and pad odd sizes"
            )
        t = torch.as_tensor(t, device=xt.device).expand(len(xt))
        if t.is_floating_point():  # 0.5 of T would be taken for level 0.5
            raise TypeError(f"noise levels are whole numbers, but t is {t.dtype}: use an int, or t.long()")
        level = self.level(embed_level(t))  # (N, 2C)
        if context is not None:
            if self.asked is None:
                raise ValueError("this network cannot be asked for anything: build it with options, and train it so")
            level = level + self.asked(context)
        x = self.enter(F.pixel_unshuffle(xt, 2))  # (N, C, H/2, W/2)
        for block in self.down:
            x = block(x, level)
        y = self.to_coarse(x)  # (N, 2C, H/4, W/4)
        for block in self.middle:
            y = block(y, level)
        y = F.interpolate(self.to_fine(y), scale_factor=2)  # (N, C, H/2, W/2)
        x = torch.cat([x, y], dim=1)  # (N, 2C, H/2, W/2): the skip, and what the coarse path has to say
        for block in self.up:
            x = block(x, level)
        return F.pixel_shuffle(self.leave(x), 2)  # (N, 3, H, W)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """PyTorch's usual first weights, drawn from `generator`; at first no block adds to its shortcut."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = layer.weight[0].numel() ** -0.5
                for weights in layer.parameters():
                    weights.uniform_(-bound, bound, generator=generator)
        for layer in self.modules():
            if isinstance(layer, Block | Attention):
                for weights in layer.out.parameters():
                    weights.zero_()


class Block(nn.Module):
    """Two convolutions whose result is added to the input (He et al. 2016, arXiv:1512.03385).

    The noise level sets by how much each channel is scaled and shifted (FiLM: Perez et al. 2018, arXiv:1709.07871).
    """

    def __init__(self, channels_in: int, channels: int, level: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels_in)
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.film = nn.Linear(level, 2 * channels)
        self.norm2 = nn.GroupNorm(8, channels)
        self.out = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """x (N, channels_in, h, w), level (N, level) -> (N, channels, h, w)."""
        scale, shift = self.film(level)[:, :, None, None].chunk(2, dim=1)
        h = self.conv(F.silu(self.norm1(x)))
        h = self.out(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class Attention(nn.Module):
    """Every place looks at every other (Vaswani et al. 2017, arXiv:1706.03762): the left boot learns of the right."""

    def __init__(self, channels: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)  # a bias of the keys would change nothing
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, level: Tensor | None = None) -> Tensor:
        """x (N, C, h, w) -> (N, C, h, w)."""
        n, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).reshape(n, 3, self.heads, c // self.heads, h * w).transpose(-1, -2)
        q, k, v = qkv.unbind(1)  # each (N, heads, h * w, c / heads)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(n, c, h, w)
        return x + self.out(seen)


LEVEL = 64  # numbers that describe a level


def embed_level(t: Tensor) -> Tensor:
    """Sines and cosines of t at wavelengths from 6 to 5,000 levels (Vaswani et al. 2017): (N,) -> (N, 64) float32."""
    frequency = torch.exp(-math.log(1000) * torch.arange(LEVEL // 2, device=t.device) / (LEVEL // 2))
    angle = t[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)
