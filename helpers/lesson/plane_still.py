"""The plane's still picture, which stands where no script may run, and the faces that the script draws."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import hsv_to_rgb
from PIL import Image
from scipy import ndimage

VIEW = 2.8  # as in plane_paint.js
FACE = 0.28  # half a face: four pixels of the picture to one of a sprite's
WIDTH = 480  # CSS pixels


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
    """The village on white, with the cloud of noisy points and who it may be: 640 x 640 pixels, to be shown WIDTH wide.

    home       a Village
    alpha_bar  of the noise level
    point      (x, y) of the noisy point
    p          (N,) how likely everybody is; None: no point is drawn
    """
    figure = plt.figure(figsize=(WIDTH / 100, WIDTH / 100), dpi=400 / 3)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
    places = home.places.double().numpy()
    x = np.linspace(-VIEW, VIEW, 160)
    sd = max(0.02, (1 - alpha_bar) ** 0.5)
    across, up = (np.exp(-(((x - alpha_bar**0.5 * places[:, [k]]) / sd) ** 2) / 2) for k in (0, 1))
    weights = np.array(home.weights) / sum(home.weights)
    wheel = np.arctan2(places[:, 1], places[:, 0]) / (2 * np.pi) % 1
    colours = hsv_to_rgb(np.stack([wheel, np.full_like(wheel, 0.7), np.full_like(wheel, 0.8)], axis=1))
    parts = np.einsum("i,iy,ix->iyx", weights, up, across) / (2 * np.pi * sd**2) + 1e-9
    mist = np.empty((*parts.shape[1:], 4))
    mist[..., :3] = np.einsum("iyx,ic->yxc", parts, colours) / parts.sum(axis=0)[..., None]
    mist[..., 3] = 0.6 * ((np.log(parts.sum(axis=0)) + 6) / 8).clip(0, 1)  # on one scale at all levels
    axes.imshow(mist, extent=(-VIEW, VIEW, -VIEW, VIEW), origin="lower")
    if p is not None:
        for place, share, colour in zip(places, p, colours, strict=True):
            if share > 0.003:
                line = {"color": colour, "lw": 0.5 + 6 * share, "alpha": 0.3 + 0.7 * share}
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
    return Image.open(out).convert("RGB")
