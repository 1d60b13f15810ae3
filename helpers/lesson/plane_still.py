"""The plane's still picture, which stands where no script may run, and the faces that the script draws."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from scipy import ndimage

VIEW = 2.8  # as in plane_paint.js
FACE = 0.28  # half a face


def sheet(faces: np.ndarray) -> str:
    """Faces uint8 (N, 16, 16, 3) side by side on nothing: a PNG as base64."""
    out = io.BytesIO()
    Image.fromarray(np.hstack(list(cut_out(faces)))).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def cut_out(faces: np.ndarray) -> np.ndarray:
    """uint8 (N, 16, 16, 3) -> (N, 16, 16, 4): the white paper around a sprite is see-through, white within it stays."""
    alpha = np.empty(faces.shape[:3], np.uint8)
    for i, white in enumerate((faces == 255).all(axis=-1)):
        parts, _ = ndimage.label(np.pad(white, 1, constant_values=True))
        alpha[i] = 255 * (parts[1:-1, 1:-1] != parts[0, 0])
    return np.concatenate([faces, alpha[..., None]], axis=-1)


def draw(home, alpha_bar: float, point, p) -> Image.Image:
    """The village on white, 960 x 960 pixels: the cloud of noisy points, the faces and, unless p is None, who it is.

    home       a plane.Village
    alpha_bar  of the noise level
    point      (x, y) of the noisy point
    p          (N,) how likely everybody is
    """
    figure = plt.figure(figsize=(4.8, 4.8), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
    places = home.places.double().numpy()
    x = np.linspace(-VIEW, VIEW, 240)
    sd = max(0.02, (1 - alpha_bar) ** 0.5)
    across, up = (np.exp(-(((x - alpha_bar**0.5 * places[:, [k]]) / sd) ** 2) / 2) for k in (0, 1))
    weights = np.array(home.weights) / sum(home.weights)
    density = np.einsum("i,iy,ix->yx", weights, up, across) / (2 * np.pi * sd**2)
    opacity = ((np.log(density + 1e-9) + 6) / 8).clip(0, 1)  # on one scale at all levels
    axes.imshow(
        np.ones_like(x) * x[:, None] * 0, cmap="Blues_r", alpha=0.6 * opacity, extent=(-VIEW, VIEW, -VIEW, VIEW)
    )
    if p is not None:
        for place, share in zip(places, p, strict=True):
            line = {"color": "#3557a0", "lw": 0.5 + 5 * share, "alpha": min(1, 0.1 + 2 * share)}
            axes.plot(*np.transpose([point, place]), **line)
        axes.annotate("", p @ places, point, arrowprops={"arrowstyle": "->", "lw": 1.5}, zorder=4)
        axes.plot(*point, "o", color="#1c1c22", ms=8, mec="white", zorder=4)
    for i, (name, face) in enumerate(zip(home.names, cut_out(home.faces), strict=True)):
        left, top = places[i]
        share = f"{p[i]:.0%}".replace("%", " %") if p is not None and p[i] >= 0.005 else ""
        away = 1 if home.weights[i] else 0.3
        box = (left - FACE, left + FACE, top - FACE, top + FACE)
        axes.imshow(face, extent=box, interpolation="nearest", alpha=away, zorder=2)
        axes.text(left, top - FACE, f"{name}\n{share}", ha="center", va="top", fontsize=7, alpha=away, zorder=3)
    axes.set(xlim=(-VIEW, VIEW), ylim=(-VIEW, VIEW))
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return Image.open(out).convert("RGB").quantize(256, dither=Image.Dither.NONE)
