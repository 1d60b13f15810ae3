"""A live panel: choose a sprite, move the noise level, press New noise, and see who it may be.

`suspects` does the work. The panel uses only what exists in ipywidgets 7.7 and 8, and sends its pictures as text
(base64), which every front end can show.
"""

import html

import ipywidgets
import torch
from PIL import Image

from helpers.lesson import charts_1 as charts
from helpers.lesson import pictures
from helpers.lesson.still import Still
from helpers.lesson.suspects import Suspects
from helpers.world import ideal, sprites

PANELS = "what you see", "the best possible answer", "the five likeliest", "their details"


class LivePanel(Still):
    """Who is it? For any sprite, noise and level: what you see, the best answer, who is likeliest, and their details.

    everybody    who it may be
    names        name -> index of those who can be chosen by name, the first of them at first
    level, seed  the level at first, and what the noises are drawn from
    """

    kind = "Live panel"
    hint = "Run this cell to choose a sprite, a level and a noise."

    def __init__(self, everybody: Suspects, names: dict[str, int], level: int = 250, seed: int = 0):
        self._suspects, self._names, last = everybody, names, everybody.sched.T
        self._generator = torch.Generator().manual_seed(seed)
        look = {"layout": {"width": "460px"}, "style": {"description_width": "90px"}}
        first = next(iter(names.values()))
        self.who = ipywidgets.Dropdown(options=[*names.items()], value=first, description="who", **look)
        self.number = ipywidgets.BoundedIntText(first, 0, len(everybody) - 1, description="or number", **look)
        self.level = ipywidgets.IntSlider(min(level, last), 0, last, description="noise level", **look)
        self.again = ipywidgets.Button(description="New noise", button_style="primary", tooltip="Draw another noise")
        self.message, self.stage = ipywidgets.HTML(), ipywidgets.HTML()
        self._new_noise()
        self.who.observe(self._named, "value")
        self.number.observe(self._numbered, "value")
        self.level.observe(lambda _: self._draw(), "value")
        self.again.on_click(lambda _: self._new_noise())
        super().__init__([self.who, self.number, self.level, self.again, self.message, self.stage])

    def sheet(self) -> Image.Image:
        return pictures.paint([pictures.Row(self._images, above=PANELS)], gap=14)

    def _new_noise(self):
        self._noise = torch.randn(self._suspects.world.images[0].size, generator=self._generator)
        self._see()

    def _named(self, change):
        if change["new"] is not None:
            self.number.value = change["new"]

    def _numbered(self, change):
        self.who.value = change["new"] if change["new"] in self._names.values() else None
        self._see()

    def _see(self):
        self._suspects.see(self.number.value, self._noise)
        self._draw()

    def _draw(self):
        world, i = self._suspects.world, self.number.value
        xt, p, best = self._suspects.at(self.level.value)
        large = [pictures.enlarge(sprites.to_uint8(x)[0], 12) for x in (xt, best)]
        self._images = [
            *large,
            Image.fromarray(charts.likeliest(world, p)),
            Image.fromarray(charts.likely_details(world, p)),
        ]
        name = next((name for name, index in self._names.items() if index == i), f"sprite {i}")
        bits, rank = ideal.bits_known(p[None]).item(), int((p > p[i]).sum())
        sure = f"{100 * p[i]:.1f} % sure that it is {name}"
        self.words = f"{name}, level {self.level.value}: {sure}, {bits:.1f} bits known."
        self.words += f" {rank:,} others are likelier." if rank else ""
        self.message.value = html.escape(self.words)
        panels = zip(self._images, PANELS, strict=True)
        figures = [pictures.figure_html(image, f"{name}. {self.words}", name, image.width)[0] for image, name in panels]
        self.stage.value = f'<div style="display:flex;flex-wrap:wrap;gap:14px">{"".join(figures)}</div>'
        self.update()
