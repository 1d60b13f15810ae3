"""How much noise at which level: the noising process of a diffusion model (Ho et al. 2020, arXiv:2006.11239).

The level `t` (the field's *timestep*) is an integer: 0 is the clean image, T is "no idea". Between them

    xt = sqrt(alpha_bar[t]) * x0 + sqrt(1 - alpha_bar[t]) * noise        noise ~ N(0, 1), of the shape of x0

so that `alpha_bar[t]`, from 1 down to almost 0, is the share of the variance that still belongs to the image. The
noise is often called *epsilon*, and the process goes back to Sohl-Dickstein et al. 2015 (arXiv:1503.03585).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers import expect


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Schedule:
    """A noise schedule: two float32 tensors of shape (T+1,), indexed by the level. Made by `cosine` or `linear`.

    alpha_bar  share of the image left at level t: alpha_bar[0] == 1 exactly, and it never rises
    beta       variance of the noise that the single step from t-1 to t adds: beta[0] == 0. One step is
               x_t = sqrt(1 - beta[t]) * x_{t-1} + sqrt(beta[t]) * noise, and alpha_bar is the running product
               of 1 - beta (Ho et al. 2020, eq. 2 and 4; their index starts at 1 too)
    """

    alpha_bar: Tensor
    beta: Tensor

    @property
    def T(self) -> int:
        """The last level, "no idea"."""
        return len(self.alpha_bar) - 1

    def add_noise(self, x0: Tensor, t: int | Tensor, noise: Tensor) -> Tensor:
        """Jump straight to level t (Ho et al. 2020, eq. 4).

        x0     (N, C, H, W) float, values in [-1, 1]
        t      an int, or an integer tensor (N,) with a level for each image; 0..T
        noise  (N, C, H, W) float, standard normal. It is passed in, never drawn here: hold it fixed and move only t,
               and the picture does not jitter

        Returns xt, (N, C, H, W). Raises TypeError for integer images or fractional levels, ValueError for a wrong
        shape, value or level; both say what to do.
        """
        expect.images("x0", x0, limit=2)
        expect.images("noise", noise)
        if noise.shape != x0.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)} but x0 has {tuple(x0.shape)}: every pixel needs its own "
                "sample, as torch.randn(x0.shape, generator=g) draws them"
            )
        signal, spread = self.amplitudes(t, len(x0))
        return signal * x0 + spread * noise

    def amplitudes(self, t: int | Tensor, n: int) -> tuple[Tensor, Tensor]:
        """What multiplies the image and the noise at level t, for n images: two tensors (1 or n, 1, 1, 1)."""
        alpha_bar = self.alpha_bar[expect.levels(t, self.T, n)].view(-1, 1, 1, 1)
        return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()

    def snr(self, t: int | Tensor) -> Tensor:
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar) (Kingma et al. 2021, arXiv:2107.00630): inf at t = 0.

        t  an int or an integer tensor of any shape; 0..T. Returns a tensor of t's shape. Raises as `add_noise` does.
        """
        alpha_bar = self.alpha_bar[expect.levels(t, self.T)]
        return alpha_bar / (1 - alpha_bar)

    def to(self, device: str | torch.device) -> "Schedule":
        """The same schedule on another device."""
        return Schedule(self.alpha_bar.to(device), self.beta.to(device))


def cosine(T: int = 500) -> Schedule:
    """The cosine schedule (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17): loses the image evenly over the levels.

    Raises TypeError or ValueError unless T is a whole number of at least 1.
    """
    s = 0.008  # keeps the first steps from being too small to notice
    levels = torch.arange(expect.count("T", T) + 1, dtype=torch.float64)
    f = torch.cos((levels / T + s) / (1 + s) * math.pi / 2) ** 2
    # The very last step would have beta == 1, after which nothing at all is left to divide by: hence the paper's cap.
    return from_beta((1 - f[1:] / f[:-1]).clamp(max=0.999))


def linear(T: int = 500) -> Schedule:
    """The linear schedule of Ho et al. 2020 (section 4): beta rises evenly from 1e-4 to 0.02.

    The two ends were chosen for T = 1000, and are kept here at any T, as much code does: at T = 500 the last level
    still holds 8 % of the image's amplitude. Raises as `cosine` does.
    """
    return from_beta(torch.linspace(1e-4, 0.02, expect.count("T", T), dtype=torch.float64))


def from_beta(beta: Tensor) -> Schedule:
    """The schedule whose steps 1..T add the variances beta, (T,) float64: products of many factors near 1 need it."""
    beta = torch.cat([beta.new_zeros(1), beta])  # level 0: no step taken yet
    return Schedule(alpha_bar=(1 - beta).cumprod(0).float(), beta=beta.float())
