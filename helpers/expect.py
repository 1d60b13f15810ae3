"""What the core expects of its arguments: each check stands against a mistake that would otherwise go unnoticed.

A negative level would be read from the end of the schedule, pixels in 0..255 would be taken for a glaring image. A
learner meets these messages, so each says what to do next.
"""

import math
import operator

import torch
from torch import Tensor


def images(name: str, x: Tensor, limit: float = math.inf) -> None:
    """Expect a finite float tensor (N, C, H, W) with values in [-limit, limit].

    Raises TypeError for anything but a float tensor, ValueError for another shape or other values.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(
            f"{name} must be a float tensor (N, C, H, W) with values in [-1, 1], but is {kind}. For pixels in 0..255, "
            "divide by 127.5 and subtract 1, or use sprites.to_tensor"
        )
    if x.ndim != 4:
        raise ValueError(
            f"{name} must have shape (N, C, H, W), got {tuple(x.shape)}: add a batch axis to one image with image[None]"
        )
    if x.numel() == 0:
        return
    low, high = (v.item() for v in x.detach().aminmax())  # NaN and inf show up in these two
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} holds NaN or infinite values: look at the step that made it")
    if max(-low, high) > limit:
        hint = "looks like 0..255: divide by 127.5 and subtract 1, or use sprites.to_tensor" if high > 16 else "rescale"
        raise ValueError(f"{name} has values from {low:.4g} to {high:.4g}, but images are in [-1, 1]: {hint}")


def levels(t: int | Tensor, T: int, n: int | None = None) -> Tensor:
    """Noise levels as an int64 tensor, () or of t's shape, all in 0..T; with n given, one level or n of them.

    Raises TypeError for fractions, ValueError for a level out of range or another number of them.
    """
    t = torch.as_tensor(t)
    if t.is_floating_point():
        raise TypeError(f"noise levels are whole numbers in 0..{T}, but t is {t.dtype}: use t.long()")
    if n is not None and t.ndim > 0 and t.shape != (n,):
        raise ValueError(f"t has shape {tuple(t.shape)} for {n} images: pass one int, or a tensor of shape ({n},)")
    if t.numel() and not (t.min() >= 0 and t.max() <= T):
        raise ValueError(f"noise levels are in 0..{T}, but t holds {t.min():d}..{t.max():d}")
    return t.long()


def count(name: str, value: int, least: int = 1, most: float = math.inf) -> int:
    """A whole number in least..most, of Python or numpy, as an int.

    Raises TypeError for what is no whole number, ValueError for one out of range.
    """
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not least <= value <= most:
        raise ValueError(f"{name} must be {f'in {least}..{most}' if most < math.inf else f'at least {least}'}: {value}")
    return value
