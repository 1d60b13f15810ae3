"""A playground: choose seed, steps, fresh noise and level, press Draw, and keep what you like.

`descent` and `picture` do the work and know nothing of widgets; `Playground` puts sliders and buttons before them. It
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
from helpers.storage import files
from helpers.world import sprites

KEPT = Path(__file__).resolve().parents[2] / "kept"  # beside the notebooks' folder, easy to find
SCALE = 16  # pixels of the picture per pixel of a sprite


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
    walk = sampler.sample(net, sched, steps=min(steps, start), eta=eta, generator=g, start=start, xt=xt)
    return sprites.to_uint8(torch.cat([step.xt for step in walk]))


def picture(frames: np.ndarray, animated: bool = False, seconds: float = 3) -> bytes:
    """PNG of the last frame at 16 times its size; animated: all frames as an APNG, which is a PNG that plays once.

    frames: uint8 (F, 16, 16, 3). The animation rests on its last frame. A program that knows no APNG shows the first
    frame only.
    """
    big = [
        Image.fromarray(f).resize((f.shape[1] * SCALE, f.shape[0] * SCALE), Image.Resampling.NEAREST) for f in frames
    ]
    out = io.BytesIO()
    if animated:
        duration = [seconds * 1000 / len(big)] * len(big)
        big[0].save(out, "PNG", save_all=True, append_images=big[1:], duration=duration, loop=1)
    else:
        big[-1].save(out, "PNG")
    return out.getvalue()


def keep(frames: np.ndarray, name: str, animated: bool = False, folder: str | Path = KEPT) -> Path:
    """Write the picture to a file of that name in the folder, which is made if need be. Returns its path.

    Never overwrites: what is the same stays, what differs gets a number. Raises OSError if it cannot be written.
    """
    folder, content = Path(folder), picture(frames, animated)
    folder.mkdir(parents=True, exist_ok=True)
    path, number = folder / f"{name}.png", 1
    while path.exists() and path.read_bytes() != content:
        number += 1
        path = folder / f"{name}-{number}.png"
    files.replace(path, content)
    return path


class Playground(ipywidgets.VBox):
    """Sliders, a Draw button, the sprite as it comes up, and two buttons that keep it.

    net, sched  as in sampler.sample
    sprite      (1, 3, 16, 16) float: who is noised for a start below T
    name        what that sprite is called
    say         optional: takes the picture (1, 3, 16, 16) float and returns a line of text about it
    folder      where kept pictures go

    The first sprite is drawn when Draw is first pressed. `frames` holds the latest as `descent` gives it, or None.
    """

    def __init__(
        self,
        net: Callable,
        sched,
        sprite: torch.Tensor,
        name: str = "Bob",
        say: Callable | None = None,
        folder: str | Path = KEPT,
    ):
        self._net, self._sched, self._sprite, self._say, self._folder = net, sched, sprite, say, folder
        self.frames, self._called = None, ""
        wide, style = {"width": "440px"}, {"description_width": "150px"}
        self.seed = ipywidgets.IntSlider(1, 0, 999, description="seed", layout=wide, style=style)
        self.steps = ipywidgets.IntSlider(50, 1, 100, description="steps", layout=wide, style=style)
        self.eta = ipywidgets.FloatSlider(
            1.0, min=0, max=1, step=0.1, description="fresh noise (eta)", layout=wide, style=style
        )
        self.start = ipywidgets.IntSlider(sched.T, 1, sched.T, description="start level", layout=wide, style=style)
        self.draw = ipywidgets.Button(description="Draw", button_style="primary", tooltip="Draw a sprite")
        self.keep_picture = ipywidgets.Button(description="Keep the picture", disabled=True)
        self.keep_animation = ipywidgets.Button(description="Keep the animation", disabled=True)
        self.message = ipywidgets.HTML(
            f"Start level {sched.T} is pure noise. Below it, you start from {html.escape(name)} with noise on him."
        )
        self.stage = ipywidgets.HTML()
        self.draw.on_click(self._draw)
        self.keep_picture.on_click(lambda _: self._keep(animated=False))
        self.keep_animation.on_click(lambda _: self._keep(animated=True))
        buttons = ipywidgets.HBox([self.draw, self.keep_picture, self.keep_animation])
        super().__init__([self.seed, self.steps, self.eta, self.start, buttons, self.message, self.stage])

    def __repr__(self):
        return "Playground: sliders and buttons. Run this cell to use them."

    def _draw(self, _=None):
        seed, steps, eta, start = (slider.value for slider in (self.seed, self.steps, self.eta, self.start))
        self.message.value = "Drawing …"
        self.frames = descent(self._net, self._sched, self._sprite, seed, steps, eta, start)
        self._called = f"sprite-seed{seed}-steps{min(steps, start)}-eta{eta:g}-level{start}"
        words = self._say(sprites.to_tensor(self.frames[-1:])) if self._say else f"Drawn from seed {seed}."
        self.stage.value = _moving(self.frames, f"The sprite drawn from seed {seed}, coming up out of noise. {words}")
        self.message.value = html.escape(words)
        self.keep_picture.disabled = self.keep_animation.disabled = False

    def _keep(self, animated: bool):
        name = self._called + "-film" * animated
        try:
            path = keep(self.frames, name, animated, self._folder)
        except OSError as error:
            self.message.value = (
                f"It could not be written: {html.escape(str(error))}. Make room, or use another folder."
            )
        else:
            self.message.value = f"Kept: {html.escape(str(Path(path.parent.name, path.name)))}"


def _moving(frames: np.ndarray, alt: str) -> str:
    """HTML that plays the frames once, or shows the last to those who asked their system for less motion."""
    film, still = (
        f"data:image/png;base64,{base64.b64encode(picture(frames, animated)).decode()}" for animated in (True, False)
    )
    size = frames.shape[1] * SCALE
    return (
        f'<picture><source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
        f'<img src="{film}" alt="{html.escape(alt)}" width="{size}" height="{size}"></picture>'
    )
