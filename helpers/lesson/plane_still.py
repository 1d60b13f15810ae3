"""The plane's still picture, which stands where no script may run, and the faces that the script draws."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

from helpers.lesson.village import Village

VIEW = 2.8  # as in plane_paint.js
FACE = 0.28  # half a face: four pixels of the picture to one of a sprite's
WIDTH = 480  # CSS pixels


def cut_out(face: np.ndarray) -> Image.Image:
    """uint8 (16, 16, 3) in RGBA: the white paper around a sprite is see-through, white within it stays."""
    paper = Image.new("RGBA", (18, 18), "white")  # so that it is one piece
    paper.paste(Image.fromarray(face), (1, 1))
    ImageDraw.floodfill(paper, (0, 0), (255, 255, 255, 0))
    return paper.crop((1, 1, 17, 17))


def sheet(faces: np.ndarray) -> str:
    """Faces uint8 (N, 16, 16, 3) side by side on nothing: a PNG as base64."""
    out = io.BytesIO()
    Image.fromarray(np.hstack([cut_out(face) for face in faces])).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def draw(home: Village, point, p) -> Image.Image:
    """The village on white: 640 x 640 pixels, to be shown WIDTH wide.

    point  (x, y) of the noisy point
    p      (N,) who it may be: a line to each, and an arrow to the best answer; None: no point is drawn
    """
    figure = plt.figure(figsize=(WIDTH / 100, WIDTH / 100), dpi=400 / 3)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
    places = home.places.numpy()
    if p is not None:
        for place, share, colour in zip(places, p, home.colours, strict=True):
            axes.plot(*np.transpose([point, place]), color=colour, lw=0.7 + 6 * share, alpha=share**0.5)
        axes.annotate("", p @ places, point, arrowprops={"arrowstyle": "->", "lw": 1.5}, zorder=4)
        axes.plot(*point, "o", color="black", ms=8, zorder=4)
    for i, (left, top) in enumerate(places):
        share = "" if p is None or p[i] < 0.005 else f"{100 * p[i]:.0f} %"
        look = {"alpha": 1 if home.weights[i] else 0.3, "zorder": 2}
        axes.imshow(cut_out(home.faces[i]), extent=(left - FACE, left + FACE, top - FACE, top + FACE), **look)
        axes.text(left, top - FACE, f"{home.names[i]}\n{share}", ha="center", va="top", fontsize=7, **look)
    axes.set(xlim=(-VIEW, VIEW), ylim=(-VIEW, VIEW))
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return Image.open(out).convert("RGB")
