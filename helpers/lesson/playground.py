"""A playground: choose seed, steps, fresh noise and level, press Draw, and keep what you like.

`descent` and `png` do the work and know nothing of widgets; `Playground` puts sliders and buttons before them. It
uses only what exists in ipywidgets 7.7 and 8, and sends its picture as text (base64), which every front end can show.
"""

import base64
import html
import io
from collections.abc import Callable
from pathlib import Path

import ipywidgets
import numpy as np
import torch
from PIL import Image

from helpers import sampler
from helpers.lesson import pictures
from helpers.lesson.still import Still
from helpers.storage import files
from helpers.world import sprites

KEPT = files.ROOT / "kept"  # beside the notebooks' folder, easy to find
SCALE = 16  # pixels of the picture per pixel of a sprite
SECONDS = 3  # that a film takes


def descent(net, sched, sprite, seed=0, steps=50, eta=1.0, start=None) -> np.ndarray:
    """One sprite coming up out of noise: uint8 (steps + 1, 16, 16, 3), the noisy picture at each level, the last clean.

    net, sched, steps, eta  as in sampler.sample; more steps than there are levels are cut down to those
    sprite                  (1, 3, 16, 16) float: where a start below T begins, noised to that level. From T it plays
                            no part
    seed                    one number for all the noise

    Raises as sampler.sample does.
    """
    start = sched.T if start is None else start
    g = torch.Generator().manual_seed(seed)
    noise = torch.randn(sprite.shape, generator=g)
    xt = noise if start == sched.T else sched.add_noise(sprite, start, noise)
    path = sampler.sample(net, sched, steps=min(steps, start), eta=eta, generator=g, start=start, xt=xt)
    return sprites.to_uint8(torch.cat([step.xt for step in path]))


def png(frames: np.ndarray, film: bool = False) -> bytes:
    """The last frame at 16 times its size; or all of them as an APNG, which is a PNG that plays once.

    frames: uint8 (F, 16, 16, 3). A film rests on its last frame. A program that knows no APNG shows the first only.
    """
    large = [pictures.enlarge(frame, SCALE) for frame in (frames if film else frames[-1:])]
    out, duration = io.BytesIO(), SECONDS * 1000 / len(large)
    large[0].save(out, "PNG", save_all=film, append_images=large[1:], duration=duration, loop=1)
    return out.getvalue()


def keep(frames: np.ndarray, name: str, film: bool = False) -> Path:
    """Write the picture to a file of that name in the folder KEPT, which is made if need be. Returns its path.

    Never overwrites: what is the same stays, what differs gets a number. Raises OSError if it cannot be written.
    """
    content, path, number = png(frames, film), KEPT / f"{name}.png", 1
    KEPT.mkdir(parents=True, exist_ok=True)
    while path.exists() and path.read_bytes() != content:
        number += 1
        path = KEPT / f"{name}-{number}.png"
    files.replace(path, content)
    return path


class Playground(Still):
    """Sliders, a Draw button, the sprite as it comes up, and two buttons that keep it.

    net, sched  as in sampler.sample
    sprite      (1, 3, 16, 16) float: who is noised for a start below T
    name        what that sprite is called
    say         takes the picture (1, 3, 16, 16) float and returns a line of text about it

    `frames` holds the latest sprite as `descent` gives it.
    """

    kind = "Playground"
    hint = "Run this cell to draw others."

    def __init__(self, net: Callable, sched, sprite: torch.Tensor, name: str, say: Callable):
        self._net, self._sched, self._sprite, self._say = net, sched, sprite, say
        look = {"layout": {"width": "440px"}, "style": {"description_width": "150px"}}
        self.seed = ipywidgets.IntSlider(1, 0, 999, description="seed", **look)
        self.steps = ipywidgets.IntSlider(50, 1, 100, description="steps", **look)
        self.eta = ipywidgets.FloatSlider(1.0, min=0, max=1, step=0.1, description="fresh noise (eta)", **look)
        self.start = ipywidgets.IntSlider(sched.T, 1, sched.T, description="start level", **look)
        self.draw = ipywidgets.Button(description="Draw", button_style="primary", tooltip="Draw a sprite")
        self.keep_picture = ipywidgets.Button(description="Keep the picture")
        self.keep_film = ipywidgets.Button(description="Keep the animation")
        self.message, self.stage = ipywidgets.HTML(), ipywidgets.HTML()
        self.draw.on_click(lambda _: self._draw())
        self.keep_picture.on_click(lambda _: self._keep(film=False))
        self.keep_film.on_click(lambda _: self._keep(film=True))
        self._draw()
        hint = f"Start level {sched.T} is pure noise. Below it, you start from {html.escape(name)} with noise on him."
        buttons = ipywidgets.HBox([self.draw, self.keep_picture, self.keep_film])
        sliders = [self.seed, self.steps, self.eta, self.start]
        super().__init__([*sliders, ipywidgets.HTML(hint), buttons, self.message, self.stage])

    def sheet(self) -> Image.Image:
        return pictures.enlarge(self.frames[-1], SCALE)

    def _draw(self):
        seed, steps, eta, start = (slider.value for slider in (self.seed, self.steps, self.eta, self.start))
        self.message.value = "Drawing …"
        self.frames = descent(self._net, self._sched, self._sprite, seed, steps, eta, start)
        self._choice = f"seed {seed}", f"steps {min(steps, start)}", f"eta {eta:g}", f"level {start}"
        about = self._say(sprites.to_tensor(self.frames[-1:]))
        self.words = f"{about} ({', '.join(self._choice)})"
        self.stage.value = _moving(self.frames, f"The sprite drawn from seed {seed}, coming up out of noise. {about}")
        self.message.value = html.escape(about)
        self.update()

    def _keep(self, film: bool):
        name = "-".join(["sprite", *self._choice, *["film"] * film]).replace(" ", "")
        try:
            path = keep(self.frames, name, film)
            self.message.value = f"Kept: {html.escape(str(Path(path.parent.name, path.name)))}"
        except OSError as error:
            self.message.value = f"It could not be written: {html.escape(str(error))}. Make room."


def _moving(frames: np.ndarray, alt: str) -> str:
    """HTML that plays the frames once, or shows the last to those who asked their system for less motion."""
    film, still = (f"data:image/png;base64,{base64.b64encode(png(frames, film)).decode()}" for film in (True, False))
    size = frames.shape[1] * SCALE
    return (
        f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
        f'<img src="{film}" alt="{html.escape(alt)}" width="{size}" height="{size}"></picture>'
    )
