"""Three patients who do not listen, and a panel to ask for sprites: what lesson 4 shows beside its charts."""

import html
from collections.abc import Callable

import ipywidgets
import torch
from PIL import Image
from torch import Tensor

from helpers import guidance, sampler
from helpers.lesson import pictures
from helpers.lesson.still import Still
from helpers.schedule import Schedule
from helpers.world import judge, sprites
from helpers.world.sprites import World

MISTAKES = {"A": "ends swapped", "B": "mask upside down", "C": "wrong silence"}  # which patient has which
SCALE, STEPS = 12, 25


def patients(net: Callable, wish: Tensor, w: float) -> dict[str, Callable]:
    """Name -> a sampler's network that asks for a wish (A,) with strength w, and makes one of the MISTAKES."""
    nothing = torch.full_like(wish, -1)
    first = torch.zeros_like(wish)
    upside_down = torch.where(wish < 0, first, nothing)
    return {
        "A": _mixed(net, asked=nothing, silence=wish, w=w),
        "B": guidance.guided(net, upside_down, w),
        "C": _mixed(net, asked=wish, silence=first, w=w),
    }


def _mixed(net: Callable, asked: Tensor, silence: Tensor, w: float) -> Callable:
    """silence + w * (asked - silence), whatever the two contexts (A,) ask for."""

    def guess(xt, t):
        without, given = (net(xt, t, context.expand(len(xt), -1)) for context in (silence, asked))
        return without + w * (given - without)

    return guess


class AskingPanel(Still):
    """A choice for each attribute, w, a seed, a Draw button, four sprites, and whether they are what was asked for.

    net    (xt, t, context) -> guess, trained on the world with its attributes
    sched  as in sampler.sample
    world  whose attributes can be asked for; known
    """

    kind = "Live panel"
    hint = "Run this cell to ask for others."

    def __init__(self, net: Callable, sched: Schedule, world: World):
        self._net, self._sched, self._world = net, sched, world
        look = {"layout": {"width": "300px"}, "style": {"description_width": "110px"}}
        self.choices = {
            name: ipywidgets.Dropdown(options=["any", *options], description=name.replace("_", " "), **look)
            for name, options in world.attributes.items()
        }
        self.w = ipywidgets.FloatSlider(2.0, min=0, max=8, step=0.5, description="w", **look)
        self.seed = ipywidgets.IntSlider(1, 0, 999, description="seed", **look)
        self.draw = ipywidgets.Button(description="Draw", button_style="primary", tooltip="Draw four sprites")
        self.message, self.stage = ipywidgets.HTML(), ipywidgets.HTML()
        self.draw.on_click(lambda _: self._draw())
        self._draw()
        controls = ipywidgets.VBox([*self.choices.values(), self.w, self.seed, self.draw])
        super().__init__([controls, self.message, self.stage])

    def sheet(self) -> Image.Image:
        return pictures.grid(self.drawn, columns=4, scale=SCALE)

    @property
    def wanted(self) -> dict[str, str]:
        """What is asked for now: attribute -> option."""
        return {name: choice.value for name, choice in self.choices.items() if choice.value != "any"}

    def _draw(self):
        self.message.value = "Drawing …"
        net = guidance.guided(self._net, self._world.wish(**self.wanted), self.w.value)
        g = torch.Generator().manual_seed(self.seed.value)
        *_, last = sampler.sample(net, self._sched, n=4, steps=STEPS, generator=g)
        report = judge.judge(last.xt, self._world, self._world.split()[0])
        self.drawn = sprites.to_uint8(last.xt)
        lines = [self._say(k, report) for k in range(4)]
        asked = ", ".join(self.wanted.values()) or "nothing"
        self.words = f"Asked for: {asked}. " + " ".join(f"{k + 1}: {line}" for k, line in enumerate(lines))
        self.message.value = "<br>".join(html.escape(f"{k + 1}: {line}") for k, line in enumerate(lines))
        sheet = self.sheet()
        self.stage.value = pictures.figure_html(sheet, self.words, "From left to right: 1 to 4.", sheet.width)[0]
        self.update()

    def _say(self, k: int, report: judge.Report) -> str:
        """Whether sprite k obeys, is valid and new, and who it is."""
        has = report.attributes[k]
        missed = [option for name, option in self.wanted.items() if has[name] != option]
        obeyed = "obeys" if not missed else f"lacks {', '.join(missed)}"
        kind = "new" if report.new[k] else "in the training set" if report.valid[k] else "not quite a sprite"
        looks = ", ".join(option for option in has.values() if option not in ("none", "hidden"))
        return f"{obeyed}; {kind}: {looks}."
