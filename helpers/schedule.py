"""How much noise at which level: the noising process of a diffusion model (Ho et al. 2020, arXiv:2006.11239).

Level `t` is an integer: 0 is the clean image, T is "no idea". Between them

    xt = sqrt(alpha_bar[t]) * x0 + sqrt(1 - alpha_bar[t]) * noise        noise ~ N(0, 1), of the shape of x0

so that `alpha_bar[t]`, from 1 down to almost 0, is the share of the variance that still belongs to the image.
"""

import math
import operator
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)  # eq: comparing tensors has no single truth value
class Schedule:
    """A noise schedule: two float32 tensors of shape (T+1,), indexed by the level. Made by `cosine` or `linear`.

    alpha_bar  share of the image left at level t: alpha_bar[0] == 1 exactly, strictly decreasing
    beta       variance of the noise that the single step from t-1 to t adds: beta[0] == 0. One step is
               x_t = sqrt(1 - beta[t]) * x_{t-1} + sqrt(beta[t]) * noise, and alpha_bar is the running product
               of 1 - beta (Ho et al. 2020, eq. 2 and 4; their index starts at 1 too)
    """

    alpha_bar: torch.Tensor
    beta: torch.Tensor

    @property
    def T(self) -> int:
        """The last level, "no idea"."""
        return len(self.alpha_bar) - 1

    def add_noise(self, x0, t, noise):
        """Jump straight to level t (Ho et al. 2020, eq. 4; the process is Sohl-Dickstein et al. 2015).

        x0     (N, C, H, W) float, values in [-1, 1]
        t      an int, or an integer tensor (N,) with a level for each image; 0..T
        noise  (N, C, H, W) float, standard normal. It is passed in, never drawn here: hold it fixed and move only t,
               and the picture does not jitter

        Returns xt, (N, C, H, W). Raises TypeError for a wrong kind of input (integer images, fractional levels),
        ValueError for a wrong shape, value, level or device; both say what to do.
        """
        check_images("x0", x0, limit=2)
        check_images("noise", noise)
        if noise.shape != x0.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)} but x0 has {tuple(x0.shape)}: every pixel needs its own "
                "sample, as torch.randn(x0.shape, generator=g) draws them"
            )
        t = check_level(t, self.T, n=len(x0))
        check_same_device(x0=x0, noise=noise, schedule=self.alpha_bar)
        alpha_bar = self.alpha_bar[t].view(-1, 1, 1, 1)  # (1 or N, 1, 1, 1)
        return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise

    def snr(self, t):
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar) (Kingma et al. 2021, arXiv:2107.00630): inf at t = 0.

        t  an int or an integer tensor of any shape; 0..T. Returns a tensor of t's shape. Raises as `add_noise` does.
        """
        alpha_bar = self.alpha_bar[check_level(t, self.T)]
        return alpha_bar / (1 - alpha_bar)

    def to(self, device):
        """The same schedule on another device."""
        return Schedule(self.alpha_bar.to(device), self.beta.to(device))


def cosine(T: int = 500) -> Schedule:
    """The cosine schedule (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17): loses the image evenly over the levels.

    Raises TypeError or ValueError unless T is an int of at least 1.
    """
    s = 0.008  # keeps the first steps from being too small to notice
    levels = torch.arange(check_T(T) + 1, dtype=torch.float64)
    f = torch.cos((levels / T + s) / (1 + s) * math.pi / 2) ** 2
    # The very last step would have beta == 1, after which nothing at all is left to divide by: hence the paper's cap.
    return from_beta((1 - f[1:] / f[:-1]).clamp(max=0.999))


def linear(T: int = 500) -> Schedule:
    """The linear schedule of Ho et al. 2020 (section 4): beta rises evenly from 1e-4 to 0.02.

    The two ends were chosen for T = 1000. They are kept here at any T, as most code does, so that the notebook can
    show what goes wrong: at T = 500 the last level still holds 8 % of the image's amplitude.
    Raises TypeError or ValueError unless T is an int of at least 1.
    """
    return from_beta(torch.linspace(1e-4, 0.02, check_T(T), dtype=torch.float64))


def from_beta(beta) -> Schedule:
    """The schedule whose steps 1..T add the variances beta, (T,) float64: products of many factors near 1 need it."""
    beta = torch.cat([beta.new_zeros(1), beta])  # level 0: no step taken yet
    return Schedule(alpha_bar=(1 - beta).cumprod(0).float(), beta=beta.float())


# Checks shared with the other helpers. A learner meets these messages, so each says what to do next.


def check_T(T) -> int:
    """T as an int of at least 1."""
    if isinstance(T, bool) or not isinstance(T, int):
        raise TypeError(f"T is the number of noise levels, an int such as 500; got {T!r}")
    if T < 1:
        raise ValueError(f"T is the number of noise levels, at least 1; got {T}")
    return T


def check_level(t, T, n=None) -> torch.Tensor:
    """Noise level(s) t as an int64 tensor: () or t's own shape. With n given, t must be one level or n of them."""
    if isinstance(t, torch.Tensor):
        if t.is_floating_point() or t.is_complex() or t.dtype == torch.bool:
            raise TypeError(f"noise levels are whole numbers, but t is a {t.dtype} tensor: use t.long()")
    else:
        try:
            t = torch.tensor(operator.index(t))  # takes Python's and numpy's integers; refuses 3.0
        except TypeError:
            raise TypeError(
                f"a noise level is an int in 0..{T}, or an integer tensor of them; got {t!r} ({type(t).__name__})"
            ) from None
    if n is not None and t.ndim > 0 and t.shape != (n,):
        raise ValueError(f"t has shape {tuple(t.shape)} for {n} images: pass one int, or a tensor of shape ({n},)")
    if t.numel() and not (t.min() >= 0 and t.max() <= T):
        raise ValueError(f"noise levels are in 0..{T}, but t holds {t.min():d}..{t.max():d}")
    return t.long()


def check_images(name, x, limit=math.inf):
    """Refuse anything but a finite float tensor (N, C, H, W) with values in [-limit, limit]."""
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"{name} must be a float tensor (N, C, H, W), not {type(x).__name__}: see sprites.to_tensor")
    if not x.is_floating_point():
        raise TypeError(
            f"{name} is a {x.dtype} tensor: images must be float, in [-1, 1]. For pixels in 0..255, divide by 127.5 "
            "and subtract 1, or use sprites.to_tensor"
        )
    if x.ndim != 4:
        raise ValueError(
            f"{name} must have shape (N, C, H, W), got {tuple(x.shape)}: add a batch axis to one image with image[None]"
        )
    if x.is_meta or x.numel() == 0:
        return  # no values to look at
    low, high = (v.item() for v in x.detach().aminmax())  # NaN and inf show up in these two, with no temporary copy
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} holds NaN or infinite values: look at the step that made it")
    if max(-low, high) > limit:
        hint = "looks like 0..255: divide by 127.5 and subtract 1, or use sprites.to_tensor" if high > 16 else "rescale"
        raise ValueError(f"{name} has values from {low:.4g} to {high:.4g}, but images are in [-1, 1]: {hint}")


def check_same_device(**tensors):
    """Refuse tensors that lie on different devices."""
    devices = {name: str(x.device) for name, x in tensors.items()}
    if len(set(devices.values())) > 1:
        where = ", ".join(f"{name} on {device}" for name, device in devices.items())
        raise ValueError(f"different devices: {where}. Move them to one with .to(device)")
